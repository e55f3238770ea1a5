"""What of the running system would fail at night: what is overdue, channels, doors, the way in and the way out."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from resile.app.doors import DoorSeen
from resile.app.findings import Finding, Gravity
from resile.app.playbooks import labels_to_match
from resile.app.room import short_of_room
from resile.app.standing import OVERDUE_AFTER, PagedNow
from resile.model.alert import Alert
from resile.model.errors import DeliveryError
from resile.model.escalation import EscalationState
from resile.model.playbook import Playbook
from resile.model.playbook_match import About, matches
from resile.model.time import DAY
from resile.ports.channel import Channel
from resile.ports.paging_store import PagingStore

CHECK_WITHIN_S = 5.0
# A channel that does not keep to its time is given up.
_GIVEN_UP_AFTER_S = CHECK_WITHIN_S + 3
MAX_SKEW = timedelta(seconds=5)
ALERTS_OF = 30 * DAY
_AT_ONCE, _MAX_LOOKS = 1_000, 10
_MAX_NAMED = 5
_NEVER_HEARD_AFTER = DAY
# These need nobody to come to us from outside.
_INWARD_ALONE = frozenset({"terminal"})
Tell = Callable[[str], None]


def overdue(store: PagingStore, now: datetime) -> Iterator[Finding]:
    """Timers that are due and messages that wait, for longer than anything should take."""
    where = "see that `resile up` runs, and read its log"
    timer_at, message_at = store.next_timer_at(), store.next_message_at()
    if timer_at is not None and timer_at < now - OVERDUE_AFTER:
        why = f"something has been due since {timer_at:%Y-%m-%d %H:%M:%S} UTC and was not done"
        yield _found(Gravity.CRITICAL, "paging", "does not go on", why, where)
    if message_at is not None and message_at < now - OVERDUE_AFTER:
        why = f"a message has been due since {message_at:%Y-%m-%d %H:%M:%S} UTC and was not handed over"
        yield _found(Gravity.CRITICAL, "the outbox", "does not move", why, where)


def unanswered(now: PagedNow) -> Iterator[Finding]:
    """Incidents whose whole policy passed, and nobody answered."""
    ids = [one.incident_id for one in now.shown if one.state is EscalationState.UNREACHABLE]
    if ids:
        is_one = now.n_unreachable == 1
        n_more = now.n_unreachable - len(ids[:_MAX_NAMED])
        more = f" and {n_more} more" if n_more else ""
        yield _found(
            Gravity.CRITICAL,
            f"incident{'' if is_one else 's'} {', '.join(ids[:_MAX_NAMED])}{more}",
            f"stand{'s' if is_one else ''} unanswered, nobody reachable",
            "everybody whom its policy names was paged" if is_one else "everybody whom their policies name was paged",
            f"take {'it' if is_one else 'them'}: resile incident ack {ids[0]}",
        )


def full(folder: Path) -> Iterator[Finding]:
    """A disk on which nothing can be written down soon."""
    left = short_of_room(folder)
    if left is not None:
        why = f"{left}, and without room no alert is taken in and no page goes out"
        yield _found(Gravity.CRITICAL, f"the disk of {folder}", "is nearly full", why, "free some space there")


def skewed(database_now: datetime | None, now: datetime) -> Iterator[Finding]:
    """A clock that differs from the database's."""
    if database_now is None or abs(database_now - now) <= MAX_SKEW:
        return
    by_s = (now - database_now).total_seconds()
    yield _found(
        Gravity.SERIOUS,
        "this machine's clock",
        f"is {abs(by_s):.0f} s {'ahead of' if by_s > 0 else 'behind'} the database's",
        "pages are due by the clock of whoever looks",
        "have both machines' clocks set by NTP",
    )


def unreachable(channels: Mapping[str, Channel], used: frozenset[str], tell: Tell) -> dict[str, Finding]:
    """Channels that cannot be reached, by name; all are tried at once.

    Args:
        used: those that the contacts of people name.
        tell: hears what is being done.
    """
    names = sorted(channels)
    if names:
        tell(f"Trying {len(names)} channels, {CHECK_WITHIN_S:.0f} s at most: {', '.join(names)}")
    said: dict[str, str | None] = {}
    threads = [
        threading.Thread(target=_check, args=(name, channels[name], said), name=f"check {name}", daemon=True)
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=_GIVEN_UP_AFTER_S)
    found = {}
    for name in names:
        why = said.get(name, f"it does not answer within {_GIVEN_UP_AFTER_S:.0f} s")
        if why is not None:
            gravity = Gravity.SERIOUS if name in used else Gravity.MINOR
            where = f"check [channels.{name}] in resile.toml, and the provider"
            found[name] = _found(gravity, f"channel {name}", "cannot be reached", why, where)
    return found


def _check(name: str, channel: Channel, said: dict[str, str | None]) -> None:
    try:
        channel.check(timeout_s=CHECK_WITHIN_S)
    except DeliveryError as error:
        said[name] = str(error)
    except Exception as error:  # noqa: BLE001 - channels are plug-ins: a fault of one is a finding, too
        said[name] = f"it has a fault ({type(error).__name__})"
    else:
        said[name] = None


def quiet_or_failing(doors: Sequence[DoorSeen], now: datetime) -> Iterator[Finding]:
    """Doors through which nothing came, or through which comes what cannot be used."""
    for door in doors:
        counts, subject = door.counts, f"door {door.name}"
        where = f"look at what came: resile journal list --door {door.name}"
        if counts.last_at is None and door.made_at is not None and door.made_at < now - _NEVER_HEARD_AFTER:
            why = f"it was made {door.made_at:%Y-%m-%d}"
            refused = f", and {counts.n_refused:,} were refused for want of a right signature"
            why += refused if counts.n_refused else ""
            mend = f"try it, then the sender's settings: resile door test {door.name}"
            gravity = Gravity.SERIOUS if counts.n_refused else Gravity.MINOR
            yield _found(gravity, subject, "has never heard anything", why, mend)
        if counts.n_failed:
            why = f"{counts.n_failed:,} deliveries could not be processed"
            yield _found(Gravity.SERIOUS, subject, "does not understand its sender", why, where)


def journal_stands(oldest_at: datetime | None, now: datetime) -> Iterator[Finding]:
    """What arrived and was not processed for too long.

    Args:
        oldest_at: when the oldest delivery arrived that waits; None: none does.
    """
    if oldest_at is not None and oldest_at < now - OVERDUE_AFTER:
        why = f"a delivery of {oldest_at:%Y-%m-%d %H:%M:%S} UTC waits still"
        where = "see that `resile up` runs, and read its log"
        yield _found(Gravity.CRITICAL, "the journal", "is not processed", why, where)


def addresses(*, has_heartbeat: bool, has_base_url: bool, used: frozenset[str]) -> Iterator[Finding]:
    """Whether anybody would notice that resile is gone, and whether a message can be answered from outside."""
    if not has_heartbeat:
        why = "no heartbeat goes out, so nobody hears that it stopped"
        where = "give resile.toml [heartbeat] with the url of a dead man's switch elsewhere"
        yield _found(Gravity.MINOR, "resile itself", "may stop unseen", why, where)
    outside = sorted(used - _INWARD_ALONE)
    if outside and not has_base_url:
        names = ", ".join(outside)
        why = f"base_url is missing, so links in pages by {names} lead to where resile up listens, and no receipts come"
        where = "set base_url in resile.toml to the address by which people reach resile"
        yield _found(Gravity.SERIOUS, "pages", "cannot be answered from where they arrive", why, where)


def without_playbook(store: PagingStore, playbooks: Sequence[Playbook], now: datetime) -> Iterator[Finding]:
    """Alerts of the last days that say nothing of what to do, and for which no playbook of the catalog is."""
    missing: Counter[str] = Counter()
    before: datetime | None = None
    for _ in range(_MAX_LOOKS):
        known = store.recent_alerts(limit=_AT_ONCE, before=before)
        recent = [one for one in known if one.decided_at >= now - ALERTS_OF]
        missing.update(
            one.alert.title or one.alert.fingerprint
            for one in recent
            if not one.alert.is_test and one.alert.playbook is None and not _is_fitted(one.alert, playbooks)
        )
        if len(recent) < _AT_ONCE:
            break
        before = recent[-1].decided_at
    if missing:
        shown = ", ".join(title for title, _ in missing.most_common(_MAX_NAMED))
        more = f" and {len(missing) - _MAX_NAMED} more" if len(missing) > _MAX_NAMED else ""
        yield _found(
            Gravity.MINOR,
            f"{missing.total():,} alert{'' if missing.total() == 1 else 's'} of the last {ALERTS_OF.days} days",
            "had no playbook",
            f"{shown}{more}",
            "write playbooks that match them, or give their rules a runbook_url, or what the sender calls it",
        )


def _is_fitted(alert: Alert, playbooks: Sequence[Playbook]) -> bool:
    services = () if alert.service is None else (alert.service,)
    about = About(id="", severity=alert.severity, services=services, alerts=(labels_to_match(alert),))
    return any(matches(playbook, about) is not None for playbook in playbooks)


def _found(gravity: Gravity, subject: str, what: str, why: str, where: str) -> Finding:
    return Finding(gravity=gravity, subject=subject, what=what, why=why, where=where)
