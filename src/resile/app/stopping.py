"""What is told when somebody takes an incident, and of the pages that wait for nobody then."""

from collections.abc import Sequence

from msgspec.structs import replace

from resile.app.growing import Growing
from resile.model.errors import TransitionError
from resile.model.event import Acknowledged, PageMoved, Source
from resile.model.incident import InstantName
from resile.model.lifecycle import Reach
from resile.model.message import Message, MessageClass, MessageState

_WAITS = frozenset({MessageState.QUEUED, MessageState.BUNDLED})


def take(growing: Growing, who: str, source: Source) -> None:
    """Tell that somebody took it. That is never refused, whatever the incident's times say to each other."""
    try:
        growing.carry_out(Reach(InstantName.ACKNOWLEDGED, who), source=source)
    except TransitionError:
        growing.tell(Acknowledged, source=source, who=who)


def called_off(growing: Growing, messages: Sequence[Message]) -> tuple[Message, ...]:
    """Pages that wait and are no longer needed. One whose sender died before may have gone out all the same."""
    after = []
    for message in messages:
        if message.state not in _WAITS or message.message_class is not MessageClass.PAGE:
            continue
        state = MessageState.UNCERTAIN if message.is_repeat else MessageState.CANCELLED
        after.append(replace(message, state=state, version=message.version + 1))
        growing.tell(
            PageMoved,
            message_id=message.id,
            state=state.value,
            person=message.person,
            channel=message.channel,
            because="no longer needed",
        )
    return tuple(after)
