"""In which order PagerDuty's layers hold: where the answer says who is on call, it is asked; else as its API has it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from resile.sources.rosters.roster import inner, instant_of, items_of, text_of

Entry = tuple[datetime, datetime, str]


def lowest_first(schedule: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The layers, the one that all others overrule first.

    GET lists the uppermost first, although POST takes it last. An answer that was asked for with since and until shows
    what each layer and all of them come to: where that fits the other order better, that one is taken.
    """
    layers = items_of(schedule, "schedule_layers")
    final = _entries(inner(schedule, "final_schedule"))
    overrides = _entries(inner(schedule, "override_subschedule"))
    each = [_entries(layer) for layer in layers]
    as_listed = _n_fitting(each, overrides, final)
    turned = _n_fitting(each[::-1], overrides, final)
    return layers if as_listed > turned else layers[::-1]


def _entries(told: Mapping[str, Any]) -> list[Entry]:
    found = []
    for entry in items_of(told, "rendered_schedule_entries"):
        starts_at, ends_at = instant_of(entry.get("start")), instant_of(entry.get("end"))
        if starts_at is not None and ends_at is not None:
            found.append((starts_at, ends_at, text_of(inner(entry, "user"), "id")))
    return found


def _n_fitting(layers: Sequence[Sequence[Entry]], overrides: Sequence[Entry], final: Sequence[Entry]) -> int:
    """At how many of the final schedule's turns the uppermost layer with somebody on duty, the last, says the same."""
    n = 0
    for starts_at, ends_at, user in final:
        at = starts_at + (ends_at - starts_at) / 2
        found = [_holder(entries, at) for entries in (*layers, overrides)]
        n += next((one for one in reversed(found) if one), "") == user
    return n


def _holder(entries: Sequence[Entry], at: datetime) -> str:
    return next((user for starts_at, ends_at, user in entries if starts_at <= at < ends_at), "")
