"""What every store of paging holds to, whatever it is made of: versions, what a claim and a telling change, names."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from resile.model.alert import KnownAlert
from resile.model.errors import ConflictError, StoreError
from resile.model.escalation import Escalation, EscalationState
from resile.model.message import Message, MessageClass, MessageState
from resile.ports.paging_store import Counted, DeclaredFor, Timer, TimerKind

# Somebody is being paged; a page that was queued before nobody was reachable may still go.
PAGING = frozenset({EscalationState.RUNNING, EscalationState.UNREACHABLE})
# What is at rest; the others wait or are being sent.
MOVING = frozenset({MessageState.QUEUED, MessageState.SENDING})
MOST_OF_GROUP = 1_000

T = TypeVar("T", Escalation, Message, KnownAlert)


def settled(
    what: str, changed: Iterable[T], stood: Mapping[str, int], *, name_of: Callable[[T], str], is_kept: bool = False
) -> dict[str, T]:
    """What is to be written by id, the last of each, if all versions are right.

    Args:
        stood: version by id, of those that exist.
        is_kept: one of version 1 that exists is left as it is.

    Raises:
        ConflictError: one is not at the version that follows.
        StoreError: an id holds a NUL character.
    """
    now = dict(stood)
    written: dict[str, T] = {}
    for one in changed:
        name = name_of(one)
        check_id(what, name)
        version = now.get(name, 0)
        if is_kept and one.version == 1 and version > 0:
            continue
        if one.version != version + 1:
            raise ConflictError(
                f"{what} {name} is at version {version}, and version {one.version} was to be written: "
                "somebody else was first; read it and decide again"
            )
        now[name] = one.version
        written[name] = one
    return written


def concluded(
    changed: Iterable[Timer], held_by: Mapping[tuple[TimerKind, str], str | None]
) -> dict[tuple[TimerKind, str], Timer]:
    """Which timers are to be set or taken away: of each the last, but for those that are not in the writer's hands.

    Args:
        held_by: by whom each one that exists is held.

    Raises:
        StoreError: a subject holds a NUL character.
    """
    written = {}
    for one in changed:
        check_id("timer of", one.subject)
        name = (one.kind, one.subject)
        if one.lease_by is None or held_by.get(name) == one.lease_by:
            written[name] = one
    return written


def check_declared(wanted: DeclaredFor, made_for: Collection[str]) -> None:
    """Refuse a second incident for a group.

    Args:
        made_for: groups for which others made one since.

    Raises:
        ConflictError: others were first.
    """
    for key in wanted.group_keys:
        if plain(key) in made_for:
            raise ConflictError(f"alerts of group {key} have an incident by now: read it and decide again")


def check_id(what: str, name: str) -> None:
    """Refuse what PostgreSQL could not keep.

    Raises:
        StoreError: an id holds a NUL character, or half of a surrogate pair.
    """
    if not is_kept_by_all(name):
        raise StoreError(f"{what} {name!a} holds a character that no database keeps; take it out of its name")


def is_kept_by_all(name: str) -> bool:
    """Whether every database could keep it; what none could is known to none."""
    return plain(name) == name


def plain(text: str) -> str:
    """A text as it is searched: without NUL characters, which PostgreSQL refuses; the whole value keeps them."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def body_of(value: object) -> str:
    """A value as JSON.

    Raises:
        StoreError: a text holds half of a surrogate pair, which is no character.
    """
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError as error:
        raise StoreError(
            f"a text of a {type(value).__name__.lower()} cannot be written ({error.reason}): {error.object[:80]!a}; "
            "clean it where it comes from"
        ) from None


def words_of(known: KnownAlert) -> str:
    """What a search looks through."""
    return plain("\n".join((known.alert.title, known.alert.service or "", known.alert.door)).casefold())


def told_again(known: KnownAlert, counted: Counted) -> KnownAlert:
    """The alert, having been told once more; what is told late moves nothing backwards.

    Its version rises: whoever takes it for silent at this moment must decide anew.
    """
    alert = known.alert
    if counted.told_at >= alert.told_at:
        expires_at = alert.expires_at if counted.expires_at is None else counted.expires_at
        holds_until = alert.holds_until if counted.holds_until is None else counted.holds_until
        alert = replace(alert, told_at=counted.told_at, expires_at=expires_at, holds_until=holds_until)
    return replace(known, alert=alert, version=known.version + 1, n_told=known.n_told + counted.n_more)


def taken_up(message: Message, *, by: str, until: datetime) -> Message:
    """The message in the hands of whoever sends it."""
    return replace(
        message,
        state=MessageState.SENDING,
        version=message.version + 1,
        n_tries=message.n_tries + 1,
        is_repeat=message.is_repeat or message.state is MessageState.SENDING,
        lease_by=by,
        lease_until=until,
    )


def is_page_of_incident(message: Message) -> bool:
    """Whether it goes only while somebody is paged for its incident."""
    return message.message_class is MessageClass.PAGE and message.incident_id is not None


def turn_of(message: Message) -> int:
    """0: before all others."""
    return 0 if message.is_first else 1


def let_go_at(message: Message) -> datetime | None:
    """When one that is being sent is nobody's again: at once, if nobody says until when it is held."""
    return message.lease_until or message.due_at if message.state is MessageState.SENDING else None
