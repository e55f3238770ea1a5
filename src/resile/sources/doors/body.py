"""A JSON body, read field by field: whatever is not as it should be is refused with its place in the body."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NoReturn, Self
from urllib.parse import urlsplit, urlunsplit

import msgspec

from resile.model.errors import ConfigError
from resile.model.time import parse_instant
from resile.sources.doors.mending import decoded

MAX_NAME = 200
MAX_TITLE = 500
MAX_URL = 2_000
MAX_ITEMS = 5_000
_MAX_SHOWN = 60
_MAX_INTEGER = 1 << 63

# Line breaks of every kind, what a terminal would obey instead of showing it, and what turns the order of letters.
_NOT_PRINTED = re.compile(r"[\x00-\x20\x7f-\xa0\u2028-\u202e\u2066-\u2069]+")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# As GitLab writes times: 2024-01-01 10:00:00 +0000, 2024-01-01 10:00:00 UTC.
_SPACED_OFFSET = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,9})?) (UTC|[+-]\d\d:?\d\d)")
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}


class Node:
    """A value in a body, together with the way to it."""

    __slots__ = ("path", "sender", "value")

    def __init__(self, sender: str, path: str, value: Any) -> None:
        self.sender = sender
        self.path = path
        self.value = value

    def __getitem__(self, name: str) -> Self:
        """A field; of a missing object or a missing field, a node that is missing."""
        value = self.value
        if value is not None and not isinstance(value, dict):
            self.refuse(f"is {kind_of(value)}, not an object")
        path = f"{self.path}.{name}" if self.path else name
        return type(self)(self.sender, path, None if value is None else value.get(name))

    @property
    def is_told(self) -> bool:
        """Whether it is there, and not null."""
        return self.value is not None

    def needed(self) -> Self:
        """This node, which must be there.

        Raises:
            ConfigError: it is not.
        """
        if self.value is None:
            self.refuse("is missing", "send it")
        return self

    def text(self, limit: int = MAX_NAME) -> str | None:
        """Its words on one line, without control characters, cut at `limit`; None where it is missing or empty.

        Raises:
            ConfigError: it is no text.
        """
        return printable(self.raw_text() or "", limit) or None

    def needed_text(self, limit: int = MAX_NAME) -> str:
        """As text, of a field that must be there.

        Raises:
            ConfigError: it is missing, empty or no text.
        """
        words = self.needed().text(limit)
        return words if words is not None else self.refuse("is empty", "fill it in")

    def raw_text(self) -> str | None:
        """The text as it came, not fit to be shown.

        Raises:
            ConfigError: it is no text.
        """
        if self.value is not None and not isinstance(self.value, str):
            self.refuse(f"is {kind_of(self.value)}, not a text")
        return self.value

    def name(self) -> str:
        """A name in the sender's system, a text or a number, that must be there.

        Raises:
            ConfigError: it is missing, longer than a name, or neither text nor number.
        """
        value = self.needed().value
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MAX_INTEGER:
            return str(value)
        if not isinstance(value, str):
            self.refuse(f"is {kind_of(value)}, neither a text nor a whole number")
        # Not cut: two names that begin alike would become one.
        if len(value) > MAX_NAME:
            self.refuse(f"is longer than {MAX_NAME} characters", "shorten it")
        return self.needed_text()

    def flag(self) -> bool:
        """True or false; false where it is missing.

        Raises:
            ConfigError: it is neither.
        """
        if self.value is not None and not isinstance(self.value, bool):
            self.refuse(f"is {kind_of(self.value)}, neither true nor false")
        return bool(self.value)

    def instant(self) -> datetime | None:
        """An instant, UTC where it has no offset; None where it is missing or empty.

        Raises:
            ConfigError: it is no time, or one outside of 1900 to 2200.
        """
        text = (self.raw_text() or "").strip()
        if not text:
            return None
        spaced = _SPACED_OFFSET.fullmatch(text)
        if spaced is not None:
            text = spaced[1] + ("Z" if spaced[2] == "UTC" else spaced[2])
        try:
            return parse_instant(text).astimezone(UTC)
        except ConfigError:
            self.refuse(f"is {shown(self.value)}, no time from 1900 to 2200", "write it as 2024-01-31T08:30:00Z")

    def needed_instant(self) -> datetime:
        """As instant, of a field that must be there.

        Raises:
            ConfigError: it is missing or no time.
        """
        at = self.needed().instant()
        return at if at is not None else self.refuse("is empty", "write it as 2024-01-31T08:30:00Z")

    def sha(self) -> str | None:
        """The full id of a commit; None where it is missing or something else, such as a branch."""
        return full_sha(self.raw_text() or "")

    def url(self) -> str | None:
        """An address of the web; None where it is missing or of another kind, which nobody should be led to."""
        return web_address(self.raw_text() or "")

    def items(self, limit: int = MAX_ITEMS) -> Iterator[Self]:
        """The items of a list; none where it is missing.

        Raises:
            ConfigError: it is no list, or longer than `limit`.
        """
        value = [] if self.value is None else self.value
        if not isinstance(value, list):
            self.refuse(f"is {kind_of(value)}, not a list")
        if len(value) > limit:
            self.refuse(f"has {len(value)} items; at most {limit} are read", "send fewer at a time")
        kind = type(self)
        return (kind(self.sender, f"{self.path}[{number}]", one) for number, one in enumerate(value))

    def refuse(self, fact: str, way_out: str = "") -> NoReturn:
        """Refuse the body for this value.

        Raises:
            ConfigError: always.
        """
        place = self.path or "the body"
        raise ConfigError(f"{self.sender}: {place} {fact}; {way_out or 'send it as the documentation of doors says'}")


def read_body(sender: str, body: bytes) -> Node:
    """A body as JSON.

    Raises:
        ConfigError: it is none, with line and column.
    """
    if not body.strip():
        raise ConfigError(f"{sender}: the body is empty; send JSON")
    try:
        body.decode()
        return Node(sender, "", decoded(body.removeprefix(b"\xef\xbb\xbf")))
    except UnicodeDecodeError as error:
        place = _line_and_column(body, error.start)
        raise ConfigError(f"{sender}: the body is not UTF-8 at {place}; send it as UTF-8") from None
    except RecursionError:
        raise ConfigError(f"{sender}: the body is nested too deeply; send it flatter") from None
    except msgspec.DecodeError as error:
        raise ConfigError(f"{sender}: {_malformed(str(error), body)}; send JSON as RFC 8259 has it") from None


def read_object(sender: str, body: bytes) -> Node:
    """A body that is one JSON object.

    Raises:
        ConfigError: it is none.
    """
    node = read_body(sender, body)
    if not isinstance(node.value, dict):
        node.refuse(f"is {kind_of(node.value)}, not an object", "send one JSON object")
    return node


def printable(text: str, limit: int) -> str:
    """The text on one line without control characters, cut at `limit` characters."""
    # Cut before as well: nothing of a name of a megabyte is looked at that could not be shown.
    words = _NOT_PRINTED.sub(" ", text[: limit * 4]).strip()
    return words if len(words) <= limit else words[: limit - 1] + "…"


def shown(value: object) -> str:
    """A value in a message: short, inert, in quotes."""
    return repr(printable(value, _MAX_SHOWN)) if isinstance(value, str) else kind_of(value)


def kind_of(value: object) -> str:
    """What kind of JSON value it is."""
    return "null" if value is None else _KINDS.get(type(value), "something else")


def full_sha(text: str) -> str | None:
    """The full id of a commit in lower case; None if the text is something else."""
    folded = text[:MAX_NAME].strip().lower()
    return folded if _SHA.fullmatch(folded) else None


def web_address(text: str) -> str | None:
    """An http or https address, without a name or password in it; None for anything else, such as a script."""
    if not text or len(text) > MAX_URL or _NOT_PRINTED.search(text):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    _, is_named, host = parts.netloc.rpartition("@")
    if parts.scheme not in {"http", "https"} or not host:
        return None
    # Pipelines put the token into the address with which they clone, and pages would show it.
    return urlunsplit(parts._replace(netloc=host)) if is_named else text


def _malformed(message: str, body: bytes) -> str:
    found = re.search(r"^(.*) \(byte (\d+)\)$", message)
    if found is None:
        return "the body ends too early" if "truncated" in message else f"the body cannot be read: {message}"
    what = found[1].removeprefix("JSON is malformed: ")
    return f"the body is malformed JSON at {_line_and_column(body, int(found[2]))}: {what}"


def _line_and_column(body: bytes, at: int) -> str:
    """The place of a byte, as an editor counts."""
    before = body[:at].decode(errors="replace")
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"
