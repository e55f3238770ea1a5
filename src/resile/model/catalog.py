"""The catalog: who there is, teams, services, and who is on call when. Documents, as people write them in files."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from resile.model.alert_documents import InhibitionDocument, RouteDocument, inhibition_of, route_of
from resile.model.component_document import ComponentDocument, check_component
from resile.model.document import DocumentBase
from resile.model.errors import ConfigError
from resile.model.paging_documents import (
    ContactDocument,
    NoticesDocument,
    PolicyDocument,
    RuleDocument,
    TemplateDocument,
    check_template,
    contacts_of,
    notices_of,
    policy_of,
    rules_of,
)
from resile.model.playbook import PlaybookDocument
from resile.model.schedule import (
    Hours,
    Layer,
    Participant,
    Schedule,
    Unit,
    Weekday,
    check_name,
    check_schedule,
    zone_of,
)
from resile.model.time import DAY, EARLIEST, LATEST

MAX_NAME = 64
_NAME = re.compile(rf"[a-z0-9](?:[a-z0-9._-]{{0,{MAX_NAME - 2}}}[a-z0-9])?")
_EVERY = re.compile(r"(?:(\d{1,5}) )?(hour|day|week|month)s?")
_CLOCK = re.compile(r"(?:([a-z]+) )?([01]?\d|2[0-4]):([0-5]\d)")
_DAYS = {day.name[:3].lower(): day for day in Weekday}


class Kind(StrEnum):
    """Of what a document tells; in the order in which they need each other."""

    PERSON = "person"
    TEAM = "team"
    SERVICE = "service"
    SCHEDULE = "schedule"
    POLICY = "policy"
    ROUTE = "route"
    INHIBITION = "inhibition"
    TEMPLATE = "template"
    PLAYBOOK = "playbook"
    COMPONENT = "component"


class Person(DocumentBase, frozen=True, kw_only=True):
    """Somebody who may be called.

    Attributes:
        user: name of their account, where it is another than the person's.
        zone: in which they are shown times.
        contacts: how to reach them, and in which order.
        rules: when which contact is used for a page; without any all are, in their order.
        notices: of their shifts: `{use: mail, before: [24h, 0]}`, or off.
    """

    user: str | None = None
    zone: str | None = None
    contacts: tuple[ContactDocument, ...] = ()
    rules: tuple[RuleDocument, ...] = ()
    notices: NoticesDocument | bool | str | None = None


class Team(DocumentBase, frozen=True, kw_only=True):
    """People who own services together.

    Attributes:
        members: persons.
        schedules: whom to call for the team, in order.
        policy: who is paged for its services that have none of their own.
    """

    members: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()
    policy: str | None = None


class Service(DocumentBase, frozen=True, kw_only=True):
    """Something that can fail and be restored.

    Attributes:
        owner: a team.
        depends_on: services without which it does not work.
        policy: who is paged; None: as its owner says.
        aliases: what alerts call it.
    """

    owner: str | None = None
    depends_on: tuple[str, ...] = ()
    policy: str | None = None
    aliases: tuple[str, ...] = ()


class HoursDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"begins": "from"}):
    """Hours of duty: `from: "18:00"`, `until: "08:00"` or `until: mon 08:00`, `days: [fri]`."""

    begins: str
    until: str
    days: tuple[str, ...] = ()


class Joining(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Somebody who takes part in a rotation from or until an instant; without an offset it is by the local clock."""

    person: str
    joins: str | None = None
    leaves: str | None = None


class LayerDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rotation: `every: week`, `every: 12 hours`; `starts` and `ends` by the local clock."""

    name: str
    starts: str
    every: str
    people: tuple[str | Joining, ...]
    hours: tuple[HoursDocument, ...] = ()
    ends: str | None = None
    zone: str | None = None


class ScheduleDocument(DocumentBase, frozen=True, kw_only=True):
    """Who is on call when: of the layers, the last in which somebody is on duty."""

    zone: str
    layers: tuple[LayerDocument, ...] = ()


Document = (
    Person
    | Team
    | Service
    | ScheduleDocument
    | PolicyDocument
    | RouteDocument
    | InhibitionDocument
    | TemplateDocument
    | PlaybookDocument
    | ComponentDocument
)
_TYPES: dict[Kind, type[Document]] = {
    Kind.PERSON: Person,
    Kind.TEAM: Team,
    Kind.SERVICE: Service,
    Kind.SCHEDULE: ScheduleDocument,
    Kind.POLICY: PolicyDocument,
    Kind.ROUTE: RouteDocument,
    Kind.INHIBITION: InhibitionDocument,
    Kind.TEMPLATE: TemplateDocument,
    Kind.PLAYBOOK: PlaybookDocument,
    Kind.COMPONENT: ComponentDocument,
}


def document_of(kind: Kind, name: str, body: Mapping[str, Any]) -> Document:
    """What a document says, checked by itself; whether what it names exists is for `check_references`.

    Raises:
        ConfigError: the first thing that is wrong, with the place and the way out.
    """
    check_document_name(kind, name)
    try:
        document: Document = msgspec.convert(dict(body), type=_TYPES[kind], strict=True)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{kind} {name!r}: {_placed(str(error), _TYPES[kind])}") from None
    if document.title:
        check_name(document.title, f"{kind} {name!r}: title")
    _check(name, document)
    return document


def check_document_name(kind: Kind, name: str) -> None:
    """Whether a document can be called so.

    Raises:
        ConfigError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{kind} {name[:80]!r} cannot be used as a name; use 1 to {MAX_NAME} small letters, digits and . _ -"
        )


def _check(name: str, document: Document) -> None:
    if isinstance(document, Person):
        if document.zone is not None:
            zone_of(document.zone, subject=f"person {name!r}")
        contacts = contacts_of(name, document.contacts)
        rules_of(name, document.rules, contacts)
        notices_of(name, document.notices, contacts)
    elif isinstance(document, ScheduleDocument):
        check_schedule(schedule_of(name, document))
    elif isinstance(document, PolicyDocument):
        policy_of(name, document)
    elif isinstance(document, RouteDocument):
        route_of(name, document)
    elif isinstance(document, InhibitionDocument):
        inhibition_of(name, document)
    elif isinstance(document, TemplateDocument):
        check_template(name, document)
    elif isinstance(document, PlaybookDocument):
        _check_playbook(name, document)
    elif isinstance(document, ComponentDocument):
        check_component(name, document)


def _check_playbook(name: str, document: PlaybookDocument) -> None:
    from resile.model.playbook_text import parse_playbook  # noqa: PLC0415 - readers of YAML and Markdown load with it

    parse_playbook(name, document.text)


def schedule_of(name: str, document: ScheduleDocument) -> Schedule:
    """The rules that a document tells.

    Raises:
        ConfigError: something in it cannot be read.
    """
    subject = f"schedule {name!r}"
    layers = tuple(_layer(layer, document.zone, f"{subject}, layer {layer.name!r}") for layer in document.layers)
    return Schedule(name=name, zone=document.zone, layers=layers)


def _layer(layer: LayerDocument, zone: str, subject: str) -> Layer:
    every = _EVERY.fullmatch(layer.every.strip().lower())
    if every is None:
        raise ConfigError(f"{subject}: every {layer.every!r} is not understood; write week, 2 weeks or 12 hours")
    local = zone_of(layer.zone or zone, subject=subject)
    return Layer(
        name=layer.name,
        starts=_local(layer.starts, subject),
        unit=Unit(every[2]),
        every=int(every[1] or 1),
        people=tuple(_participant(one, local, subject) for one in layer.people),
        hours=tuple(_hours(one, subject) for one in layer.hours),
        ends=None if layer.ends is None else _local(layer.ends, subject),
        zone=layer.zone,
    )


def _participant(told: str | Joining, zone: ZoneInfo, subject: str) -> Participant:
    if isinstance(told, str):
        return Participant(told)
    joins_at = None if told.joins is None else _instant(told.joins, zone, f"{subject}, {told.person}")
    leaves_at = None if told.leaves is None else _instant(told.leaves, zone, f"{subject}, {told.person}")
    return Participant(told.person, joins_at, leaves_at)


def _local(said: str, subject: str) -> datetime:
    at = _time(said, subject)
    if at.tzinfo is not None:
        raise ConfigError(f"{subject}: {said!r} carries an offset; starts and ends are by the local clock")
    return at


def _instant(said: str, zone: ZoneInfo, subject: str) -> datetime:
    at = _time(said, subject)
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)


def _time(said: str, subject: str) -> datetime:
    try:
        at = datetime.fromisoformat(said.strip())
    except ValueError:
        raise ConfigError(f"{subject}: time {said[:50]!r} is not understood; write 2026-03-02 09:00") from None
    if not EARLIEST.year <= at.year < LATEST.year:
        raise ConfigError(f"{subject}: time {said!r} lies outside {EARLIEST.year} to {LATEST.year}; mend the year")
    return at


def _hours(told: HoursDocument, subject: str) -> Hours:
    begins, ends = _clock(told.begins, subject), _clock(told.until, subject)
    if begins[0] is not None and told.days:
        raise ConfigError(f"{subject}: hours from {told.begins!r} name a day and days as well; leave out one of them")
    days = tuple(_day(day, subject) for day in told.days) if begins[0] is None else (begins[0],)
    start = begins[1]
    if start >= DAY:
        raise ConfigError(f"{subject}: hours from {told.begins!r} begin after the day; write 00:00 of the next")
    lasts = ends[1] - start
    if ends[0] is None:
        lasts += timedelta(0) if lasts > timedelta(0) else DAY
    else:
        if len(days) != 1:
            raise ConfigError(
                f"{subject}: hours until {told.until!r} need the one day on which they begin; give days: [fri]"
            )
        lasts += ((ends[0] - days[0]) % len(Weekday)) * DAY
        lasts += timedelta(0) if lasts > timedelta(0) else len(Weekday) * DAY
    return Hours((datetime.min + start).time(), lasts, days)  # noqa: DTZ901 - a time of day has no zone


def _clock(said: str, subject: str) -> tuple[Weekday | None, timedelta]:
    found = _CLOCK.fullmatch(said.strip().lower())
    length = None if found is None else timedelta(hours=int(found[2]), minutes=int(found[3]))
    if found is None or length is None or length > DAY:
        raise ConfigError(f'{subject}: hours {said!r} are not understood; write "09:00" or mon 09:00')
    return (None if found[1] is None else _day(found[1], subject)), length


def _day(said: str, subject: str) -> Weekday:
    day = _DAYS.get(said.strip().lower()[:3])
    if day is None or not day.name.lower().startswith(said.strip().lower()):
        raise ConfigError(f"{subject}: day {said!r} is unknown; write mon, tue, wed, thu, fri, sat or sun")
    return day


def check_references(documents: Mapping[tuple[Kind, str], Document], *, places: Mapping[tuple[Kind, str], str]) -> None:
    """Whether everything that is named is there.

    Args:
        places: where a document stands, for errors: `teams.yaml, row 12`; none of those that no file holds.

    Raises:
        ConfigError: the first name that leads nowhere.
    """
    for (kind, name), document in sorted(documents.items(), key=lambda one: (list(Kind).index(one[0][0]), one[0][1])):
        for named_kind, named in references(document):
            if (named_kind, named) not in documents:
                near = _nearest(named, (other for other_kind, other in documents if other_kind is named_kind))
                place = f"{places[kind, name]}: " if (kind, name) in places else ""
                raise ConfigError(
                    f"{place}{kind} {name!r} names {named_kind} {named!r}, which is not in the catalog; {near}"
                )


def references(document: Document) -> list[tuple[Kind, str]]:
    """What a document names, each once, in its order."""
    if isinstance(document, Team):
        found = [(Kind.PERSON, one) for one in document.members] + [(Kind.SCHEDULE, one) for one in document.schedules]
        found += _named(Kind.POLICY, document.policy)
    elif isinstance(document, Service):
        found = _named(Kind.TEAM, document.owner) + [(Kind.SERVICE, one) for one in document.depends_on]
        found += _named(Kind.POLICY, document.policy)
    elif isinstance(document, ScheduleDocument):
        people = (one for layer in document.layers for one in layer.people)
        found = [(Kind.PERSON, one if isinstance(one, str) else one.person) for one in people]
    elif isinstance(document, PolicyDocument):
        policy = policy_of("", document)
        found = [(Kind(target.kind), target.name) for step in policy.steps for target in step.page]
    elif isinstance(document, RouteDocument):
        found = _named(Kind.POLICY, document.policy) + _named(Kind.TEAM, document.team)
    elif isinstance(document, ComponentDocument):
        found = [(Kind.SERVICE, one) for one in document.services]
    else:
        found = []
    return list(dict.fromkeys(found))


def _named(kind: Kind, name: str | None) -> list[tuple[Kind, str]]:
    return [] if name is None else [(kind, name)]


def _nearest(wanted: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - loads when something is wrong

    near = get_close_matches(wanted, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else "add it, or leave the name out"


def _placed(problem: str, of: type[Document]) -> str:
    """Msgspec's sentence, `Expected int, got str - at $.layers[0].every`, with the place first and a way out."""
    said, _, place = problem.partition(" - at `")
    said = said.replace("`", "")
    where = place.rstrip("`").removeprefix("$").removeprefix(".")
    if not where and "unknown field" in said:
        known = sorted(field.encode_name for field in msgspec.structs.fields(of))
        return f"{said[:1].lower()}{said[1:]}; it may have {', '.join(known)}"
    return f"{where + ': ' if where else ''}{said[:1].lower()}{said[1:]}; correct it"
