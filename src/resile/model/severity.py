"""Severities SEV1 to SEV5, worst first, and the names by which other systems call them."""

from enum import StrEnum

from resile.model.errors import ConfigError


class Severity(StrEnum):
    """How bad an incident is; SEV1 is the worst."""

    SEV1 = "SEV1"
    SEV2 = "SEV2"
    SEV3 = "SEV3"
    SEV4 = "SEV4"
    SEV5 = "SEV5"


ALIASES: dict[str, Severity] = {
    "critical": Severity.SEV1,
    "major": Severity.SEV2,
    "minor": Severity.SEV3,
    "p1": Severity.SEV1,
    "p2": Severity.SEV2,
    "p3": Severity.SEV3,
    "p4": Severity.SEV4,
    "p5": Severity.SEV5,
}


def parse_severity(text: str, aliases: dict[str, Severity] | None = None) -> Severity:
    """Read a severity by its name (SEV2, sev-2, 2) or by an alias; aliases given go before the built-in ones.

    Raises:
        ConfigError: the name is neither.
    """
    key = text.strip().casefold()
    if aliases and key in aliases:
        return aliases[key]
    if key in ALIASES:
        return ALIASES[key]
    digit = key.removeprefix("sev").lstrip("-_ ")
    if digit in {"1", "2", "3", "4", "5"}:
        return Severity(f"SEV{digit}")
    known = ", ".join(sorted({*ALIASES, *(aliases or {})}))
    raise ConfigError(f"severity {text!r} is unknown; use SEV1 to SEV5 or map it to one (known names: {known})")
