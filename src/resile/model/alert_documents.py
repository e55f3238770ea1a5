"""How people write down what becomes of alerts: routes and inhibitions."""

from datetime import timedelta

from msgspec import Struct

from resile.model.alert import MAX_LABEL_NAME
from resile.model.document import DocumentBase, length_of
from resile.model.errors import ConfigError
from resile.model.matcher import matchers_of
from resile.model.route import Inhibition, Route, Throttle
from resile.model.schedule import check_name
from resile.model.severity import Severity, parse_severity
from resile.model.time import DAY, WEEK

MAX_ORDER = 1_000_000
MAX_GROUPED = 20
# More is no throttle: groups remember no more of what fired lately.
MAX_THROTTLED = 1_000
LONGEST_REOPENING = WEEK
LONGEST_CLEAR = DAY


class ThrottleDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most so many alerts of a group page within so long: `{most: 20, within: 10m}`."""

    most: int
    within: str


class RouteDocument(DocumentBase, frozen=True, kw_only=True):
    """Which alerts make incidents, and of which kind. Of several that match, the one of the lowest order decides.

    Attributes:
        match: labels with what they must be: `payments`, `~db-.*` a pattern, `!test` anything but; `service`,
            `severity`, `door` and `title` can be asked for as if they were labels.
        group_by: labels; alerts of the same values go into one incident.
        policy: who is paged; None: the service's, its team's, else the policy `default`.
        service, team, severity: of the incident, where the alert does not say, or says otherwise.
        pages: False: the incident is declared and nobody is paged.
        restores: whether the incident is restored once all its alerts are resolved.
        restored_after: for how long they must stay clear until that is said; the instant is when they cleared.
        reopens_within: what fires again so soon after that is the same incident.
    """

    match: dict[str, str] = {}
    order: int = 100
    group_by: tuple[str, ...] | None = None
    policy: str | None = None
    service: str | None = None
    team: str | None = None
    severity: str | None = None
    pages: bool = True
    restores: bool = True
    restored_after: str = "0"
    reopens_within: str = "30m"
    throttle: ThrottleDocument | None = None


class InhibitionDocument(DocumentBase, frozen=True, kw_only=True):
    """While an alert that matches `while_firing` fires, those that match `mute` make no incident.

    Attributes:
        equal: labels whose values must be the same in both.
    """

    while_firing: dict[str, str]
    mute: dict[str, str]
    equal: tuple[str, ...] = ()


def route_of(name: str, told: RouteDocument) -> Route:
    """A route.

    Raises:
        ConfigError: a pattern, a length of time, a number or a name will not do.
    """
    subject = f"route {name!r}"
    if not -MAX_ORDER <= told.order <= MAX_ORDER:
        raise ConfigError(f"{subject}: order {told.order} lies outside -{MAX_ORDER:,} to {MAX_ORDER:,}; use a smaller")
    if told.service is not None:
        check_name(told.service, f"{subject}: service")
    return Route(
        name=name,
        order=told.order,
        match=matchers_of(told.match, subject),
        group_by=None if told.group_by is None else _labels(told.group_by, f"{subject}: group_by"),
        policy=told.policy,
        service=told.service,
        team=told.team,
        severity=None if told.severity is None else _severity(told.severity, subject),
        pages=told.pages,
        restores=told.restores,
        restored_after=length_of(told.restored_after, f"{subject}: restored_after", most=LONGEST_CLEAR),
        reopens_within=length_of(told.reopens_within, f"{subject}: reopens_within", most=LONGEST_REOPENING),
        throttle=None if told.throttle is None else _throttle(told.throttle, f"{subject}: throttle"),
    )


def inhibition_of(name: str, told: InhibitionDocument) -> Inhibition:
    """An inhibition.

    Raises:
        ConfigError: a pattern or a name will not do, or it would mute everything.
    """
    subject = f"inhibition {name!r}"
    if not told.while_firing or not told.mute:
        raise ConfigError(
            f"{subject} says nothing under while_firing or mute, so that it would fit every alert; "
            "say which alerts: {severity: SEV1}"
        )
    return Inhibition(
        name=name,
        while_firing=matchers_of(told.while_firing, f"{subject}: while_firing"),
        mute=matchers_of(told.mute, f"{subject}: mute"),
        equal=_labels(told.equal, f"{subject}: equal"),
    )


def _throttle(told: ThrottleDocument, subject: str) -> Throttle:
    if not 1 <= told.most <= MAX_THROTTLED:
        raise ConfigError(
            f"{subject}: most {told.most} lies outside 1 to {MAX_THROTTLED:,}; give a number between them"
        )
    within = length_of(told.within, f"{subject}: within", least=timedelta(seconds=1), most=DAY)
    return Throttle(most=told.most, within=within)


def _severity(told: str, subject: str) -> Severity:
    try:
        return parse_severity(told)
    except ConfigError as error:
        raise ConfigError(f"{subject}: {error}") from None


def _labels(told: tuple[str, ...], subject: str) -> tuple[str, ...]:
    if len(told) > MAX_GROUPED:
        raise ConfigError(f"{subject}: {len(told)} labels are more than {MAX_GROUPED}; leave some out")
    for label in told:
        if not 0 < len(label) <= MAX_LABEL_NAME or not label.isprintable():
            raise ConfigError(
                f"{subject}: {label[:40]!r} is no label's name; give 1 to {MAX_LABEL_NAME} characters in one line"
            )
    return tuple(dict.fromkeys(told))
