"""What is said in an incident's room becomes part of its timeline, each message once.

A timeline forgets nothing: a message that is edited or deleted is withdrawn, and stays readable for whoever looks for
what was withdrawn. What was edited stands at the time of its last edit, so that hearing of an older one later, or of
the same again, changes nothing.
"""

from collections.abc import Sequence

from resile.app.growing import Growing
from resile.model.chat import Heard, HeardKind
from resile.model.event import Source
from resile.model.room_event import Said, Withdrawn

# A timeline that is longer is read by nobody.
MAX_SAID = 5_000
_FULL = f"{MAX_SAID:,} messages are in the timeline; what is said from here on stays in the chat."
_REASONS = {HeardKind.EDITED: "edited in the chat", HeardKind.DELETED: "deleted in the chat"}


def tell_heard(growing: Growing, heard: Heard, *, author: str, by: str, text: str) -> None:
    """Tell on a timeline what happened to a message; nothing where it is told already.

    Args:
        author, text: as they are to stand there.
        by: who is responsible for it, as timelines name them.
    """
    ref = f"{heard.room}:{heard.message}"
    said = [event for event in growing.events if isinstance(event, Said)]
    its = [event for event in said if event.channel == heard.program and event.ref == ref]
    withdrawn = {event.event_id for event in growing.events if isinstance(event, Withdrawn)}
    shown = [event for event in its if event.id not in withdrawn]
    gone = f"{heard.program}:{ref}"
    if gone in withdrawn or (its and not _is_news(heard, shown, text)):
        return
    is_full = len(said) >= MAX_SAID
    if heard.kind is HeardKind.DELETED and not its:
        # That it was said may be told later still: it must not stand there then.
        if not is_full:
            _tell(growing, by, Withdrawn, heard, event_id=gone, reason=_REASONS[heard.kind])
        return
    if heard.kind is HeardKind.EDITED and its and text and is_full:
        # Nothing would take its place.
        return
    for event in shown:
        _tell(growing, by, Withdrawn, heard, event_id=event.id, reason=_REASONS[heard.kind])
    if heard.kind is HeardKind.DELETED or not text:
        return
    if not is_full:
        _tell(growing, by, Said, heard, channel=heard.program, author=author, text=text, ref=ref)
    elif len(said) == MAX_SAID:
        _tell(growing, "resile", Said, heard, channel=heard.program, author="resile", text=_FULL)


def _is_news(heard: Heard, shown: Sequence[Said], text: str) -> bool:
    """Whether something happened to a message that the timeline has already."""
    if heard.kind is HeardKind.SAID or not shown:
        return False
    if heard.kind is HeardKind.DELETED:
        return True
    # A preview of a link is an edit at Slack, too.
    return all(heard.at > event.at and text != event.text for event in shown)


def _tell(growing: Growing, by: str, kind: type[Said | Withdrawn], heard: Heard, **fields: str) -> None:
    before, growing.by = growing.by, by
    growing.tell(kind, at=heard.at, source=Source.HUMAN, **fields)
    growing.by = before
