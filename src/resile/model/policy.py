"""Whom to page in which order: escalation policies, and each person's ways to be reached."""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from resile.model.severity import Severity
from resile.model.time import MINUTE

MAX_STEPS = 20
MAX_TARGETS = 20
MAX_REPEAT = 20
MAX_CONTACTS = 20
MAX_RULES = 40
LONGEST_WAIT = timedelta(hours=24)


class TargetKind(StrEnum):
    """Whom a policy's step may name, or somebody who calls people in."""

    PERSON = "person"
    SCHEDULE = "schedule"  # whoever is on call by it at that moment
    TEAM = "team"  # whoever is on call by the team's schedules; all members where it has none
    SERVICE = "service"  # the first step of its policy, else its owner; for calling in, not in policies


class Target(Struct, frozen=True):
    """Whom a step pages; written `schedule/payments`."""

    kind: TargetKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Step(Struct, frozen=True, kw_only=True):
    """One step of a policy.

    Attributes:
        page: all of them at once.
        after: how long after the step before, or of the first after the incident was declared, it begins.
    """

    page: tuple[Target, ...]
    after: timedelta = timedelta(0)


class Policy(Struct, frozen=True, kw_only=True):
    """Who is paged for an incident until somebody acknowledges.

    Attributes:
        repeat: how often the whole is done again.
        last: how long after the last step it begins again, or *nobody reachable* is declared.
        version: of its document; 0 for one that stands in none.
    """

    name: str
    steps: tuple[Step, ...]
    repeat: int = 2
    last: timedelta = 5 * MINUTE
    version: int = 0

    @property
    def round_lasts(self) -> timedelta:
        """From the beginning of a round to that of the next."""
        return sum((step.after for step in self.steps), self.last)

    @property
    def ends_after(self) -> timedelta:
        """After so long without an acknowledgement nobody is reachable."""
        return (self.repeat + 1) * self.round_lasts


class Throttle(Struct, frozen=True, kw_only=True):
    """At most so many messages to one address within so long; the rest waits and goes as one."""

    most: int = 10
    within: timedelta = 5 * MINUTE


class Contact(Struct, frozen=True, kw_only=True):
    """One way to reach a person.

    Attributes:
        name: as the person calls it: `phone`, `mail`.
        channel: which channel: `email`, `sms`.
        address: as that channel writes it.
    """

    name: str
    channel: str
    address: str


class Rule(Struct, frozen=True, kw_only=True):
    """When a contact is used for a page.

    Attributes:
        use: name of the contact.
        after: how long after the person began to be paged.
        severities: only for these; empty: for all.
    """

    use: str
    after: timedelta = timedelta(0)
    severities: tuple[Severity, ...] = ()


class Way(Struct, frozen=True, kw_only=True):
    """A contact that is used for a page, so long after the person began to be paged."""

    contact: Contact
    after: timedelta = timedelta(0)
    is_verified: bool = False


class Callee(Struct, frozen=True, kw_only=True):
    """A person who is to be paged.

    Attributes:
        why: `on call for payments`, `named by the policy`.
        ways: in order; empty: there is no way to reach them.
    """

    person: str
    why: str
    ways: tuple[Way, ...] = ()


class Called(Struct, frozen=True, kw_only=True):
    """What a step's targets come to at an instant.

    Attributes:
        missing: of each target that comes to nobody, one sentence: a gap in a schedule, a person without contacts.
    """

    callees: tuple[Callee, ...] = ()
    missing: tuple[str, ...] = ()


# Where somebody says nothing of when to use which contact: all, in their order, so far apart.
BETWEEN_WAYS = 2 * MINUTE


def ways_of(
    contacts: tuple[Contact, ...], rules: tuple[Rule, ...], *, verified: frozenset[str], severity: Severity | None
) -> tuple[Way, ...]:
    """By which ways, and when, a person is paged.

    Those that are verified; of a person who has none of these, all: a page to a wrong number is a smaller harm than no
    page. Of rules none of which is for this severity, all hold.

    Args:
        verified: names of the contacts that are.
    """
    by_name = {contact.name: contact for contact in contacts}
    its = [rule for rule in rules if rule.use in by_name]
    fitting = [rule for rule in its if not rule.severities or severity is None or severity in rule.severities] or its
    if not fitting:
        fitting = [Rule(use=contact.name, after=n * BETWEEN_WAYS) for n, contact in enumerate(contacts)]
    ways = sorted(
        (Way(contact=by_name[rule.use], after=rule.after, is_verified=rule.use in verified) for rule in fitting),
        key=lambda way: way.after,
    )
    trusted = [way for way in ways if way.is_verified]
    if not trusted and verified:
        # No rule names one that is verified: better that than all the others.
        trusted = [Way(contact=one, is_verified=True) for one in contacts if one.name in verified]
    if trusted and trusted[0].after > ways[0].after:
        # Their first ways are not proven: the others take their place, for nobody is to wait for that.
        sooner = trusted[0].after - ways[0].after
        trusted = [replace(way, after=way.after - sooner) for way in trusted]
    return tuple(trusted or ways)
