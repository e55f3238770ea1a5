"""Fields of a forge's answers, read as those of its webhooks are."""

from typing import NoReturn

from resile.model.errors import ConfigError
from resile.sources.doors.body import MAX_NAME, Node, printable


class UnfitError(ConfigError):
    """A field of something that was answered is not as it should be; what else was answered may be."""


class RestNode(Node):
    """A value in an answer, together with the way to it."""

    __slots__ = ()

    def label(self, field: str) -> str:
        """A field as it may stand in a sentence, whatever it is."""
        value = self.value.get(field) if isinstance(self.value, dict) else None
        return printable(str(value), MAX_NAME) if isinstance(value, str | int) else "?"

    def refuse(self, fact: str, way_out: str = "") -> NoReturn:
        """Refuse what the value belongs to: the sender cannot be asked to send it otherwise.

        Raises:
            UnfitError: always.
        """
        del way_out
        raise UnfitError(f"{self.sender}: {self.path or 'the answer'} {fact}; it is left out")
