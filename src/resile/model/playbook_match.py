"""Which playbook an incident is for, and what its steps are given: read from its alerts' labels, never guessed."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from resile.model.matcher import Matcher
from resile.model.playbook import Playbook
from resile.model.severity import Severity

MAX_INPUT_BYTES = 32_768
_MAX_CHOICES = 20


class About(Struct, frozen=True, kw_only=True):
    """What of an incident playbooks look at.

    Attributes:
        alerts: the labels of each, the one that opened the incident first; empty where people declared it.
        services: by their names in the catalog, the one that it began with first.
    """

    id: str
    number: int | None = None
    title: str = ""
    severity: Severity | None = None
    services: tuple[str, ...] = ()
    alerts: tuple[Mapping[str, str], ...] = ()


class Fit(Struct, frozen=True, kw_only=True, order=True):
    """That a playbook is for an incident; the greater the better.

    Attributes:
        n_exact: conditions that say one value; a pattern, or anything but a value, counts less.
        because: one sentence's worth.
    """

    n_conditions: int
    n_exact: int
    because: str


class Missing(Struct, frozen=True):
    """An input that has no value: why, and among which values somebody could choose."""

    because: str
    choices: tuple[str, ...] = ()


class Inputs(Struct, frozen=True):
    """What steps are given: exactly these bytes; and what is missing, by name."""

    values: Mapping[str, bytes]
    missing: Mapping[str, Missing]


def matches(playbook: Playbook, about: About) -> Fit | None:
    """How well a playbook is for an incident; None: it is not.

    All its conditions must hold for one alert of the incident. `service` is also what the incident itself is about, and
    `severity` how bad it is, so that an incident without alerts can be fitted by them. One that only says what must not
    be is for none.
    """
    if all(condition.is_not for condition in playbook.match):
        return None
    for labels in about.alerts or ({},):
        if all(_holds(condition, labels, about) for condition in playbook.match):
            exact = [one for one in playbook.match if not one.is_pattern and not one.is_not]
            said = " and ".join(_said(one) for one in playbook.match)
            return Fit(n_conditions=len(playbook.match), n_exact=len(exact), because=said)
    return None


def best_first(playbooks: Iterable[Playbook], about: About) -> list[tuple[Playbook, Fit]]:
    """Those that are for an incident, the best first; of two that fit as well, the one whose name comes first."""
    found = [(playbook, fit) for playbook in playbooks if (fit := matches(playbook, about)) is not None]
    return sorted(found, key=lambda one: (-one[1].n_conditions, -one[1].n_exact, one[0].name))


def inputs_of(playbook: Playbook, about: About, *, chosen: Mapping[str, str] | None = None) -> Inputs:
    """The bytes of each input, exactly as the alerts have them, and which are missing.

    Where the alerts that the playbook is for differ, nobody can know which is meant: it is missing until a person
    chooses.

    Args:
        chosen: by input, one of the choices.
    """
    fitting = [labels for labels in about.alerts if all(_holds(one, labels, about) for one in playbook.match)]
    values: dict[str, bytes] = {}
    missing: dict[str, Missing] = {}
    for name, source in playbook.inputs.items():
        found = _choices(source, fitting or about.alerts, about)
        wanted = (chosen or {}).get(name)
        if wanted is not None and wanted in found:
            found = [wanted]
        told = _bytes(source, found)
        if isinstance(told, Missing):
            missing[name] = told
        else:
            values[name] = told
    return Inputs(values, missing)


def _choices(source: str, alerts: Sequence[Mapping[str, str]], about: About) -> list[str]:
    """What a source says, each once."""
    kind, _, field = source.partition(".")
    if kind == "label":
        found = [labels[field] for labels in alerts if labels.get(field)]
        if not found and field == "service":
            found = list(about.services)
    elif field == "service":
        found = list(about.services)
    else:
        said = {"id": about.id, "number": about.number, "title": about.title, "severity": about.severity}[field]
        found = [] if said is None or said == "" else [str(said)]
    return list(dict.fromkeys(found))


def _bytes(source: str, found: Sequence[str]) -> bytes | Missing:
    if not found:
        return Missing(f"nothing says {source}")
    if len(found) > 1:
        return Missing(f"{source} is not one: there are {len(found)}", tuple(found[:_MAX_CHOICES]))
    try:
        told = found[0].encode()
    except UnicodeEncodeError:
        return Missing(f"{source} holds half a character")
    if b"\0" in told:
        return Missing(f"{source} holds a zero byte, which no process can be given")
    if len(told) > MAX_INPUT_BYTES:
        return Missing(f"{source} is longer than {MAX_INPUT_BYTES:,} bytes")
    return told


def _holds(condition: Matcher, labels: Mapping[str, str], about: About) -> bool:
    values = [labels.get(condition.name, "")]
    if condition.name == "service":
        values += about.services
    elif condition.name == "severity" and about.severity is not None:
        values.append(about.severity.value)
    return condition.fits_values([value for value in values if value] or [""])


def _said(condition: Matcher) -> str:
    verb = (
        ("is not like" if condition.is_not else "is like")
        if condition.is_pattern
        else ("is not" if condition.is_not else "is")
    )
    return f"{condition.name} {verb} {condition.value}"
