"""What a column is likely to be, by the words in its name and the values in its cells."""

import re
from collections.abc import Iterable, Mapping, Sequence

from resile.model.errors import ConfigError
from resile.model.severity import Severity, parse_severity

# For each role the words or phrases that name it, the likeliest first.
TIME_WORDS: dict[str, tuple[str, ...]] = {
    "impact_began": (
        *("impact began", "impact start", "impact started", "impact began at", "customer impact start"),
        *("outage began", "fault began", "fault occurred", "occurred", "occurrence"),
    ),
    "detected": (
        *("detected", "detection", "discovered", "noticed", "alerted", "triggered", "fired", "started", "start"),
        *("began", "begin", "opened", "open", "reported", "raised", "created", "creation", "submitted", "logged"),
        *("down", "failed", "failure", "from", "date"),
    ),
    "acknowledged": (
        *("acknowledged", "acknowledge", "ack", "acked", "responded", "first response", "response", "assigned"),
    ),
    "identified": ("identified", "diagnosed", "diagnosis", "cause found", "root cause found"),
    "mitigated": ("mitigated", "mitigation", "contained", "workaround", "stabilised", "stabilized"),
    "restored": (
        *("restored", "restore", "restoration", "resolved", "resolution", "fixed", "recovered", "recovery", "repaired"),
        *("solved", "ended", "end", "finished", "finish", "completed", "up", "cleared", "until", "to"),
    ),
    "closed": ("closed", "close", "closure", "closing"),
    "reopened": ("reopened", "re opened"),
}
TEXT_WORDS: dict[str, tuple[str, ...]] = {
    "id": (
        *("incident id", "incident number", "incident key", "incident no", "ticket id", "ticket number", "issue key"),
        *("issue id", "case number", "case id", "ref", "reference", "number", "key", "id", "ticket", "incident", "no"),
    ),
    "title": (
        *("title", "summary", "short description", "subject", "headline", "incident name", "name", "description"),
        *("message", "problem"),
    ),
    "service": (
        *("affected service", "business service", "service name", "service", "services", "component", "components"),
        *("system", "application", "app", "product", "configuration item", "cmdb ci", "host", "hostname", "server"),
        *("node", "machine", "resource", "asset"),
    ),
    "team": (
        *("team", "assignment group", "assigned group", "support group", "owner team", "owning team", "squad", "owner"),
        *("group", "department", "responsible", "assignee", "assigned to"),
    ),
    "severity": ("severity", "sev", "priority", "prio", "impact", "criticality", "urgency", "level"),
    "url": ("url", "link", "permalink", "html url", "web url"),
}
_SEVERITY_WORDS: dict[str, Severity] = {
    **dict.fromkeys(("blocker", "highest", "urgent", "emergency", "catastrophic", "very high", "fatal"), Severity.SEV1),
    **dict.fromkeys(("critical", "disaster", "showstopper"), Severity.SEV1),
    **dict.fromkeys(("high", "error", "severe", "serious", "important"), Severity.SEV2),
    **dict.fromkeys(("medium", "moderate", "normal", "warning", "average"), Severity.SEV3),
    **dict.fromkeys(("low", "small", "limited"), Severity.SEV4),
    **dict.fromkeys(("lowest", "trivial", "planning", "info", "informational", "very low"), Severity.SEV5),
    **dict.fromkeys(("negligible", "cosmetic"), Severity.SEV5),
}
_RANKED = re.compile(r"(?:sev|severity|p|prio|priority|s|level|l)?[-_ #]*([0-5])(?:\b.*)?", re.IGNORECASE)
_FILLERS = re.compile(r" ?\b(at|on|time|timestamp|date|datetime|dt|ts|utc|gmt|local|when|was|the|sys|u)\b ?")
PLANNED = re.compile(r"maint|planned(?<!unplanned)|\bupgrad|schedul(?<!unschedul)", re.IGNORECASE)
NOISE = re.compile(
    r"duplicat|false.?(alarm|positive)|\bnoise\b|\bspam\b|not an? (issue|incident|bug)|invalid|by mistake",
    re.IGNORECASE,
)


def words_in(name: str) -> str:
    """A column's name as lower-case words: `startTime (UTC)` becomes `start time utc`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.findall(r"[a-z0-9]+", parted.lower()))


def rank(name: str, words: Sequence[str]) -> int | None:
    """How well a column's name fits a role; smaller is better, None: not at all. A whole name goes before a part."""
    spoken = words_in(name)
    core = _FILLERS.sub(" ", spoken).strip()
    for place, word in enumerate(words):
        if word in {spoken, core}:
            return place
    padded = f" {spoken} "
    for place, word in enumerate(words):
        if f" {word} " in padded:
            return len(words) + place
    return None


def best_column(names: Iterable[str], words: Sequence[str]) -> str | None:
    """The column whose name fits the role best; the first of equals."""
    ranked = [(found, at, name) for at, name in enumerate(names) if (found := rank(name, words)) is not None]
    return min(ranked)[2] if ranked else None


def severity_values(counts: Mapping[str, int]) -> dict[str, Severity] | None:
    """What each value of a column may mean as a severity; None if too few of them mean anything."""
    meant: dict[str, Severity] = {}
    lowest = min((int(found.group(1)) for value in counts if (found := _RANKED.fullmatch(value))), default=1)
    for value in counts:
        found = _RANKED.fullmatch(value)
        word = re.sub(r"^[0-9]\s*[-–:.)]\s*", "", value.casefold()).strip()
        if found is not None:
            meant[value] = Severity(f"SEV{min(int(found.group(1)) + (lowest == 0), 5)}")
        elif word in _SEVERITY_WORDS:
            meant[value] = _SEVERITY_WORDS[word]
        else:
            try:
                meant[value] = parse_severity(word)
            except ConfigError:
                continue
    n_meant = sum(counts[value] for value in meant)
    return meant if meant and n_meant >= sum(counts.values()) / 2 else None
