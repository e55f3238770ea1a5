"""How people write down whom to page: contacts and rules of a person, escalation policies, templates of messages."""

import re
from datetime import timedelta

from msgspec import Struct

from resile.model.audience import audience_of
from resile.model.component import update_phase
from resile.model.document import DocumentBase, length_of
from resile.model.errors import ConfigError
from resile.model.policy import (
    LONGEST_WAIT,
    MAX_CONTACTS,
    MAX_REPEAT,
    MAX_RULES,
    MAX_STEPS,
    MAX_TARGETS,
    Contact,
    Policy,
    Rule,
    Step,
    Target,
    TargetKind,
)
from resile.model.severity import Severity, parse_severity
from resile.model.time import MINUTE, WEEK

# What resile brings; packages may add others.
CHANNELS = ("apprise", "email", "ntfy", "slack", "sms", "teams", "telegram", "terminal", "voice", "webhook")
# Which messages a template may be for.
TEMPLATED = ("page", "shift_notice", "update")
MAX_ADDRESS = 1_000
MAX_NOTICES = 5
MAX_TEMPLATE = 8_000
_CONTACT_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CHANNEL = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_NUMBER = re.compile(r"\+[0-9 ().\-/\u2010-\u2013]+")
_SEPARATORS = re.compile(r"[^+0-9]")


class ContactDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to reach somebody: `{name: mobile, channel: sms, address: "+15550100"}`."""

    name: str
    channel: str
    address: str


class RuleDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a contact is used: `{use: mobile, after: 2m, severities: [SEV1]}`."""

    use: str
    after: str = "0"
    severities: tuple[str, ...] = ()


class NoticesDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a person hears of their shifts, and where: `{use: mail, before: [24h, 0], ends: false}`."""

    use: str | None = None
    before: tuple[str | int, ...] = ("24h", "0")
    ends: bool = True


class StepDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A step: `{after: 5m, page: [schedule/payments, person/bob]}`."""

    page: tuple[str, ...]
    after: str = "0"


class PolicyDocument(DocumentBase, frozen=True, kw_only=True):
    """Whom to page in which order; `last`: how long after the last step it begins again."""

    steps: tuple[StepDocument, ...]
    repeat: int = 2
    last: str = "5m"


class TemplateDocument(DocumentBase, frozen=True, kw_only=True):
    """Words of a message, in Jinja.

    Attributes:
        message: for which messages: `page`, `shift_notice`, `update`.
        channel: for that channel alone; None: for all.
        audience, phase: of updates: for these alone, `customers` and `investigating`; None: for all.
        subject, text: `{{ incident.title }}`, ...
    """

    message: str
    subject: str = ""
    text: str = ""
    channel: str | None = None
    audience: str | None = None
    phase: str | None = None


def contacts_of(name: str, told: tuple[ContactDocument, ...]) -> tuple[Contact, ...]:
    """A person's contacts; whether the addresses fit their channels is for the channels to say.

    Raises:
        ConfigError: one of them cannot be used.
    """
    subject = f"person {name!r}"
    if len(told) > MAX_CONTACTS:
        raise ConfigError(f"{subject}: {len(told)} contacts are more than {MAX_CONTACTS}; leave some out")
    seen: set[str] = set()
    for one in told:
        if not _CONTACT_NAME.fullmatch(one.name):
            raise ConfigError(f"{subject}: contact {one.name[:80]!r}: use 1 to 64 small letters, digits and . _ -")
        if one.name in seen:
            raise ConfigError(f"{subject}: there are two contacts {one.name!r}; give one another name")
        if not _CHANNEL.fullmatch(one.channel):
            raise ConfigError(f"{subject}: contact {one.name!r}: {one.channel[:40]!r} is no channel; write e.g. sms")
        if not 0 < len(one.address.strip()) <= MAX_ADDRESS or not one.address.isprintable():
            raise ConfigError(f"{subject}: contact {one.name!r} has no usable address; write it in one line")
        seen.add(one.name)
    return tuple(Contact(name=one.name, channel=one.channel, address=_written(one.address)) for one in told)


def _written(address: str) -> str:
    """The address as it is compared; a telephone number as providers name whoever answers from it."""
    plain = address.strip()
    return _SEPARATORS.sub("", plain) if _NUMBER.fullmatch(plain) else plain


def rules_of(name: str, told: tuple[RuleDocument, ...], contacts: tuple[Contact, ...]) -> tuple[Rule, ...]:
    """A person's rules.

    Raises:
        ConfigError: one of them names no contact, or no length of time.
    """
    subject = f"person {name!r}"
    if len(told) > MAX_RULES:
        raise ConfigError(f"{subject}: {len(told)} rules are more than {MAX_RULES}; leave some out")
    known = [contact.name for contact in contacts]
    rules = []
    for number, one in enumerate(told, start=1):
        place = f"{subject}, rule {number}"
        if one.use not in known:
            hint = f"use one of {', '.join(known)}" if known else "give the person contacts first"
            raise ConfigError(f"{place} uses contact {one.use[:80]!r}, which they do not have; {hint}")
        after = length_of(one.after, place, most=LONGEST_WAIT)
        rules.append(Rule(use=one.use, after=after, severities=_severities(one.severities, place)))
    return tuple(rules)


def _severities(told: tuple[str, ...], place: str) -> tuple[Severity, ...]:
    try:
        return tuple(parse_severity(text) for text in told)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from None


def policy_of(name: str, told: PolicyDocument, *, version: int = 0) -> Policy:
    """An escalation policy.

    Raises:
        ConfigError: it has no steps, or one that pages nobody, or times out of bounds.
    """
    subject = f"policy {name!r}"
    if not told.steps:
        raise ConfigError(f"{subject} has no steps, so that it would page nobody; give it one: - page: [person/ann]")
    if len(told.steps) > MAX_STEPS:
        raise ConfigError(f"{subject}: {len(told.steps)} steps are more than {MAX_STEPS}; leave some out")
    if not 0 <= told.repeat <= MAX_REPEAT:
        raise ConfigError(f"{subject}: repeat {told.repeat} lies outside 0 to {MAX_REPEAT}; give a number between them")
    steps = tuple(_step(step, f"{subject}, step {number}") for number, step in enumerate(told.steps, start=1))
    last = length_of(told.last, f"{subject}: last", least=MINUTE, most=LONGEST_WAIT)
    return Policy(name=name, steps=steps, repeat=told.repeat, last=last, version=version)


def _step(told: StepDocument, subject: str) -> Step:
    if not told.page:
        raise ConfigError(f"{subject} pages nobody; name somebody: page: [schedule/payments]")
    if len(told.page) > MAX_TARGETS:
        raise ConfigError(f"{subject}: {len(told.page)} targets are more than {MAX_TARGETS}; make them a team")
    after = length_of(told.after, subject, most=LONGEST_WAIT)
    return Step(page=tuple(target_of(one, subject) for one in told.page), after=after)


def notices_of(
    person: str, told: NoticesDocument | bool | str | None, contacts: tuple[Contact, ...]
) -> NoticesDocument | None:
    """Which notices of shifts a person gets: those of everybody where they say nothing; None: none.

    Raises:
        ConfigError: what they say is not understood.
    """
    subject = f"person {person!r}, notices"
    if isinstance(told, str):
        if told not in {"on", "off"}:
            raise ConfigError(f"{subject}: {told[:40]!r} is not understood; write off, or {{use: mail, before: [24h]}}")
        told = told == "on"
    if told is False:
        return None
    if told is None or told is True:
        return NoticesDocument()
    if told.use is not None and told.use not in {contact.name for contact in contacts}:
        raise ConfigError(f"{subject}: there is no contact {told.use[:64]!r}; use one of their contacts")
    if len(told.before) > MAX_NOTICES:
        raise ConfigError(f"{subject}: {len(told.before)} before a shift are too many; give at most {MAX_NOTICES}")
    leads_of(person, told)
    return told


def leads_of(person: str, told: NoticesDocument) -> tuple[timedelta, ...]:
    """How long before each shift a person is told of it.

    Raises:
        ConfigError: a length is not understood, or longer than a week.
    """
    return tuple(length_of(str(one), f"person {person!r}, notices", most=WEEK) for one in told.before)


def target_of(said: str, subject: str, *, services: bool = False) -> Target:
    """Whom `schedule/payments`, `person/ann`, `team/payments` or, for calling in, `service/payments` means.

    Raises:
        ConfigError: it is written otherwise.
    """
    kind, _, name = said.strip().partition("/")
    # A service's policy that named services could lead back to itself.
    if kind not in list(TargetKind) or not name or (kind == TargetKind.SERVICE and not services):
        ways = "person/ann, schedule/shop" + (", team/shop or service/shop" if services else " or team/shop")
        raise ConfigError(f"{subject}: {said[:80]!r} is no target; write {ways}")
    return Target(TargetKind(kind), name)


def check_template(name: str, told: TemplateDocument) -> None:
    """Whether a template says something, not too much, and for a message that there is.

    Whether it can be rendered is for whoever renders it.

    Raises:
        ConfigError: it does not.
    """
    if told.message not in TEMPLATED:
        raise ConfigError(
            f"template {name!r}: there is no message {told.message[:40]!r}; write one of {', '.join(TEMPLATED)}"
        )
    if told.channel is not None and not _CHANNEL.fullmatch(told.channel):
        raise ConfigError(f"template {name!r}: {told.channel[:40]!r} is no channel; write e.g. sms")
    if (told.audience is not None or told.phase is not None) and told.message != "update":
        raise ConfigError(f"template {name!r}: audience and phase are for updates; leave them out, or write update")
    try:
        if told.audience is not None:
            audience_of(told.audience)
        if told.phase is not None:
            update_phase(told.phase)
    except ConfigError as error:
        raise ConfigError(f"template {name!r}: {error}") from None
    if not told.text.strip() and not told.subject.strip():
        raise ConfigError(f"template {name!r} says nothing; give it a text: or a subject:")
    if len(told.text) + len(told.subject) > MAX_TEMPLATE:
        raise ConfigError(f"template {name!r} is longer than {MAX_TEMPLATE} characters; shorten it")
