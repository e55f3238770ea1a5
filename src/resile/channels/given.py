"""The settings of one channel, read one by one; secrets are told to nobody."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from resile.model.errors import ConfigError
from resile.ports.channel import ChannelKind

_MAX_TEXT = 4_000
_MAX_FILE = 1 << 16
_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})


class Given:
    """What somebody set for a channel, in the file or in the environment, where all of it is text.

    Raises:
        ConfigError: there is a name that the channel does not know, or one is missing that must be given.
    """

    def __init__(self, kind: ChannelKind, settings: Mapping[str, Any]) -> None:
        self._kind = kind
        self._settings = {name: value for name, value in settings.items() if value is not None}
        known = {name.rstrip("!"): name.endswith("!") for name in kind.settings}
        for name in self._settings:
            if name.removesuffix("_file") not in known and name not in known:
                near = get_close_matches(name, known, n=1)
                there_are = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known) or 'none'}"
                raise ConfigError(f"setting {self.name(name)!r} is not known; {there_are}")
        for name, is_needed in known.items():
            if is_needed and name not in self._settings and f"{name}_file" not in self._settings:
                raise self.error(name, "is missing", f"give it: {kind.settings[f'{name}!']}")

    def name(self, name: str) -> str:
        """A setting as sentences call it: `channels.email.host`."""
        return f"channels.{self._kind.name}.{name}"

    def error(self, name: str, fact: str, way_out: str) -> ConfigError:
        """The error that says so of a setting."""
        return ConfigError(f"setting {self.name(name)!r} {fact}; {way_out}")

    def text(self, name: str, default: str = "") -> str:
        """A text on one line.

        Raises:
            ConfigError: it is none.
        """
        value = self._settings.get(name, default)
        if isinstance(value, bool | int | float):
            value = str(value)
        if not isinstance(value, str) or not value.isprintable() or len(value) > _MAX_TEXT:
            raise self.error(name, "is no text on one line", "write it in quotes")
        return value.strip()

    def secret(self, name: str) -> SecretStr | None:
        """A secret: `password`, or the first line of the file that `password_file` names; None: neither is given.

        Raises:
            ConfigError: both are given, or the file cannot be read.
        """
        file = f"{name}_file"
        if file not in self._settings:
            return SecretStr(self.text(name)) if self.text(name) else None
        if name in self._settings:
            raise self.error(name, f"stands beside {file}", "leave one out")
        try:
            with Path(self.text(file)).open(encoding="utf-8") as opened:
                line = opened.read(_MAX_FILE).partition("\n")[0].strip()
        except (OSError, ValueError) as error:
            fact = getattr(error, "strerror", None) or "it is no text"
            raise self.error(file, f"names a file that cannot be read: {fact}", "check path and permissions") from None
        if not line or not line.isprintable():
            raise self.error(file, "names a file whose first line is no secret", "write it there, on one line")
        return SecretStr(line)

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number.

        Raises:
            ConfigError: it is none, or out of bounds.
        """
        text = self.text(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):  # noqa: PLR2004 - digits
            raise self.error(name, f"is no whole number from {least} to {most}", "correct it")
        return int(text)

    def choice(self, name: str, default: str, *, of: tuple[str, ...]) -> str:
        """One of several words.

        Raises:
            ConfigError: it is none of them.
        """
        text = self.text(name, default).lower()
        if text not in of:
            raise self.error(name, "is none of its words", f"write one of {', '.join(of)}")
        return text

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false.

        Raises:
            ConfigError: it is neither.
        """
        text = self.text(name, str(default)).lower()
        if text not in _YES | _NO:
            raise self.error(name, "is neither true nor false", "write true or false")
        return text in _YES

    def table(self, name: str) -> dict[str, str]:
        """A table of texts, such as one secret for each host; empty where it is not given.

        Raises:
            ConfigError: it is none.
        """
        value = self._settings.get(name, {})
        is_table = isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
        if not is_table or not all(one.isprintable() for one in value.values()):
            raise self.error(name, "is no table of texts", f'write [{self.name(name)}] and below it "host" = "..."')
        return {str(key): one.strip() for key, one in value.items()}
