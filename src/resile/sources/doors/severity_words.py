"""Severities by the words in which monitoring systems tell them."""

from resile.model.errors import ConfigError
from resile.model.severity import Severity, parse_severity

_MAX_WORD = 40
SEVERITY_WORDS: dict[str, Severity] = {
    **dict.fromkeys(
        ("critical", "crit", "page", "emergency", "emerg", "alert", "fatal", "disaster", "blocker"), Severity.SEV1
    ),
    **dict.fromkeys(("error", "err", "high", "major", "severe"), Severity.SEV2),
    **dict.fromkeys(("warning", "warn", "medium", "moderate", "average", "minor"), Severity.SEV3),
    **dict.fromkeys(("info", "information", "informational", "notice", "low"), Severity.SEV4),
    **dict.fromkeys(("none", "debug", "lowest", "trivial", "ok"), Severity.SEV5),
}


def severity_of(word: str) -> Severity | None:
    """The severity that a word tells, whatever its case; SEV2, P2 and 2 too; None: it is unknown."""
    folded = word[: _MAX_WORD + 1].strip().casefold()
    if len(folded) > _MAX_WORD:
        return None
    try:
        return SEVERITY_WORDS.get(folded) or parse_severity(folded)
    except ConfigError:
        return None
