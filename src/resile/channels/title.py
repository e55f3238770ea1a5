"""The title of a message where there is little room: that it may be a repeat is said all the same."""

from resile.channels.words import one_line, shortened
from resile.ports.channel import Outgoing

_MARK = " (may be a repeat)"


def title_of(outgoing: Outgoing, limit: int) -> str:
    """The title on one line, of so many characters at most; what is cut is not the mark of a repeat."""
    whole = one_line(outgoing.title)
    if not outgoing.is_repeat or len(whole) <= limit:
        return shortened(whole, limit)
    return shortened(whole, limit - len(_MARK)) + _MARK


def said_first(outgoing: Outgoing, limit: int) -> str:
    """The same with the mark of a repeat before everything else, for where the end may not be heard, or be cut."""
    whole = one_line(outgoing.title).removesuffix(_MARK)
    severity = outgoing.severity.value if outgoing.severity is not None else ""
    head = shortened(f"{severity} {whole}".strip() if severity not in whole else whole, limit)
    return f"May be a repeat: {head}" if outgoing.is_repeat else head
