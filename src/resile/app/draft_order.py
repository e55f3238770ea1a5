"""Whether a draft's instants follow each other as they should, and lie behind us."""

from collections.abc import Sequence
from datetime import datetime

from resile.model.draft import Step
from resile.model.incident import InstantName

_CHAIN = [name.value for name in InstantName][:-1]


def out_of_order(steps: Sequence[Step]) -> str | None:
    """A sentence on the first two neighbouring instants, from impact to restoration, in the wrong order.

    Of each kind the first step counts, of mitigated and restored the last; reopenings are left to the incident itself.
    """
    at: dict[str, datetime] = {}
    for step in steps:
        kind = step.kind
        if kind == "mitigated" or kind == "restored":  # noqa: PLR1714 - a million times
            if kind not in at or step.at > at[kind]:
                at[kind] = step.at
        elif kind not in at or step.at < at[kind]:
            at[kind] = step.at
    before: str | None = None
    for name in _CHAIN:
        if name in at:
            if before is not None and at[name] < at[before]:
                return (
                    f"{name} {at[name]:%Y-%m-%d %H:%M:%S} is before {before} {at[before]:%Y-%m-%d %H:%M:%S}; "
                    "the incident contradicts itself and is left out of measures until that is corrected"
                )
            before = name
    return None


def lies_ahead(steps: Sequence[Step], now: datetime) -> str | None:
    """A sentence on the first instant that is yet to come: without it such an incident would be missing in silence."""
    for step in steps:
        if step.at > now and step.kind in _CHAIN:
            return (
                f"{step.kind} {step.at:%Y-%m-%d %H:%M:%S} lies in the future, and is left out until then; "
                "correct it, or the time zone"
            )
    return None
