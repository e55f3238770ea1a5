"""Pages on the server's own terminal, with a bell: for trying resile out."""

import sys
from collections.abc import Mapping
from threading import Lock
from typing import Any, TextIO

from resile.channels.given import Given
from resile.channels.plugin import ChannelPlugin, Surroundings
from resile.channels.words import lines, one_line
from resile.model.errors import AccessError, ConfigError, DeliveryError
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt, RefusedError

KIND = ChannelKind(name="terminal", title="Terminal", address_words="-, as there is only the server's own terminal")
_BELL = "\a"


class Terminal:
    """Writes to the server's standard output.

    Args:
        out: where to write instead.
    """

    kind = KIND

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out
        self._lock = Lock()

    def address(self, text: str) -> str:
        """Always `-`."""
        if text.strip() not in {"-", ""}:
            raise ConfigError(f"{text[:60]!r} is no address of the terminal; write -")
        return "-"

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Write it at once; a terminal does not let us wait."""
        del timeout_s
        severity = f"{outgoing.severity}  " if outgoing.severity else ""
        told = [f"{severity}{one_line(outgoing.title)}"]
        told += [f"  {line}" for line in lines(outgoing.text).split("\n")]
        if outgoing.ack_url:
            told.append(f"  acknowledge: {outgoing.ack_url}")
        if outgoing.url:
            told.append(f"  open: {outgoing.url}")
        out = self._out or sys.stdout
        try:
            with self._lock:
                out.write(_BELL + "\n".join(told) + "\n")
                out.flush()
        except (OSError, ValueError):
            raise RefusedError("the server's standard output is closed; start it in a terminal") from None
        return Handed(ref=outgoing.id)

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """None: a terminal calls nobody."""
        del headers, query, body, url
        raise AccessError("the terminal sends no receipts")

    def check(self, *, timeout_s: float) -> None:
        """Whether it is open."""
        del timeout_s
        out = self._out or sys.stdout
        if out is None or out.closed:
            raise DeliveryError("the server's standard output is closed; start it in a terminal")


def _open(settings: Mapping[str, Any], surroundings: Surroundings) -> Terminal:
    del surroundings
    Given(KIND, settings)
    return Terminal()


CHANNEL = ChannelPlugin(kind=KIND, open=_open, works_unset=True)
