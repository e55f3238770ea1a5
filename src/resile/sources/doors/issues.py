"""A forge's issues as incidents: which are, how bad, of which service, and when they were opened and closed."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from resile.model.draft import Draft, Step
from resile.model.errors import ConfigError
from resile.model.event import Exclusion
from resile.model.severity import Severity, parse_severity
from resile.sources.doors.body import MAX_NAME, MAX_TITLE, printable
from resile.sources.doors.naming import bounded_ref, fits

# `severity::1`, `severity: high`, `service/api`: what stands before the sign says what follows it.
_SCOPED = re.compile(r"([\w -]{1,40}?)\s*(?:::|:|/|=)\s*(.{1,200})")
# A label that is a severity by itself: sev1, SEV-2, S3, P1.
_BARE = re.compile(r"(?:sev|severity)[-_ ]?([1-5])|[sp]([1-5])")
_SEVERITY = frozenset({"severity", "sev"})
_SERVICE = frozenset({"service", "component", "app"})
_TEAM = frozenset({"team", "squad"})
# GitLab's words for an incident's severity, S1 to S4, and what else forges' labels call them.
_WORDS = {"critical": Severity.SEV1, "high": Severity.SEV2, "medium": Severity.SEV3, "low": Severity.SEV4}
_MAX_SERVICES = 20


class Change(Struct, frozen=True, gc=False):
    """An issue was closed, or opened again."""

    at: datetime
    is_closed: bool


class Issue(Struct, frozen=True, kw_only=True):
    """An issue as its forge tells it.

    Attributes:
        origin: as of the forge's deployments: `gitlab`, or the host of another installation.
        path: of the repository with its owner, `acme/shop`.
        service: of the repository, where no label names one.
        severity: the forge's own word, where it has a field for it.
        opened_at: when it was opened at first.
        changes: every closing and opening again that is known, in any order.
        as_of: of when all this is, by the forge's clock.
        is_void: closed as a duplicate, as moved or as not planned, or no incident any more.
    """

    origin: str
    path: str
    number: str
    title: str | None
    url: str | None
    labels: tuple[str, ...]
    service: str | None
    severity: str | None = None
    opened_at: datetime
    as_of: datetime
    changes: tuple[Change, ...] = ()
    is_void: bool = False


def is_incident(labels: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether one of the labels fits one of the patterns."""
    return any(fits(label, patterns) for label in labels)


def draft_of(issue: Issue) -> Draft:
    """The incident that an issue tells of."""
    scoped = [_scope(label) for label in issue.labels]
    services = tuple(dict.fromkeys(value for scope, value in scoped if scope in _SERVICE))[:_MAX_SERVICES]
    return Draft(
        origin=issue.origin,
        ref=bounded_ref(f"{issue.path}#{issue.number}"),
        title=issue.title or "",
        severity=_severity(issue.severity, issue.labels),
        services=services or ((issue.service,) if issue.service else ()),
        team=next((value for scope, value in scoped if scope in _TEAM), None),
        labels=_labels(issue),
        exclusion=Exclusion.NOISE if issue.is_void else None,
        url=issue.url,
        as_of=issue.as_of,
        steps=tuple(_steps(issue)),
    )


def _labels(issue: Issue) -> dict[str, str]:
    told = {"repository": issue.path, "labels": ", ".join(sorted(issue.labels, key=str.casefold))}
    return {name: printable(words, MAX_TITLE) for name, words in told.items() if words}


def _scope(label: str) -> tuple[str, str]:
    """`service` and `api` of `service::api`; twice nothing where a label has no scope."""
    found = _SCOPED.fullmatch(label)
    if found is None:
        return "", ""
    return found[1].strip().casefold(), printable(found[2], MAX_NAME)


def _severity(word: str | None, labels: Sequence[str]) -> Severity | None:
    """The forge's own word first, then the worst that a label says."""
    own = _severity_of(word or "")
    if own is not None:
        return own
    said = (_of_label(label) for label in labels)
    return min((severity for severity in said if severity is not None), default=None)


def _of_label(label: str) -> Severity | None:
    scope, value = _scope(label)
    if scope:
        return _severity_of(value) if scope in _SEVERITY else None
    folded = label.strip().casefold()
    bare = _BARE.fullmatch(folded)
    if bare is not None:
        return Severity(f"SEV{bare[1] or bare[2]}")
    return _WORDS["critical"] if folded == "critical" else None


def _severity_of(word: str) -> Severity | None:
    folded = word.strip().casefold()
    bare = _BARE.fullmatch(folded)
    if bare is not None:
        return Severity(f"SEV{bare[1] or bare[2]}")
    try:
        return _WORDS.get(folded) or parse_severity(folded)
    except ConfigError:
        return None


def _steps(issue: Issue) -> Iterator[Step]:
    """Detected, then restored and reopened in turn; what is told twice counts once, by its first instant."""
    yield Step("detected", issue.opened_at)
    is_over = False
    for change in sorted(issue.changes, key=lambda change: (change.at, not change.is_closed)):
        if change.is_closed != is_over:
            is_over = change.is_closed
            yield Step("restored" if is_over else "reopened", change.at)
