"""Why a delivery metric is what it is: its definition, what counted, what was left out, and the deployments behind."""

from collections.abc import Callable

from msgspec import Struct

from resile.analytics.delivery_query import Definitions
from resile.analytics.delivery_results import DoraReport, ServiceDelivery
from resile.analytics.dora_words import METRIC_NAMES, frequency, headlines, shares, window_words
from resile.analytics.words import counted, duration, number, percent
from resile.app.dora import Counts

# The address of the deployments in a state, of the service in question.
AddressOf = Callable[[str], str]


class Step(Struct, frozen=True):
    """One step of an answer; `links` are (words, address)."""

    title: str
    text: str
    links: list[tuple[str, str]] = []


class Why(Struct, frozen=True):
    """The steps behind one metric."""

    key: str
    name: str
    steps: list[Step]


def reasons(report: DoraReport, row: ServiceDelivery, counts: Counts, address: AddressOf) -> list[Why]:
    """The steps of all five metrics."""
    told: dict[str, Callable[[DoraReport, ServiceDelivery, Counts, AddressOf], list[Step]]] = {
        "lead_time": _lead_time,
        "deployment_frequency": _frequency,
        "change_fail_rate": _fail_rate,
        "recovery_time": _recovery,
        "rework_rate": _rework,
    }
    found = []
    for one in headlines(row):
        steps = [Step("Definition", report.definition.get(one.key, METRIC_NAMES[one.key] + "."))]
        steps += told[one.key](report, row, counts, address)
        result = f"No value: {one.why_none}." if one.why_none else f"{one.value}, {one.note}."
        found.append(Why(one.key, one.name, [*steps, Step("So", result)]))
    return found


def _lead_time(report: DoraReport, row: ServiceDelivery, counts: Counts, address: AddressOf) -> list[Step]:
    del report
    lead = row.lead_time
    n_known = counts.n_succeeded - counts.n_unknown_changes
    counting = (
        f"{counted(lead.n, 'change')} of {counted(n_known, 'deployment')} of this window whose commits are known."
    )
    left = []
    links = []
    if counts.n_unknown_changes:
        left.append(f"{counted(counts.n_unknown_changes, 'deployment')} whose commits are not known")
        links.append(("those without known commits", address("unknown_changes")))
    if lead.n_clock_skewed:
        left.append(f"{counted(lead.n_clock_skewed, 'change')} younger than the deployment by their clocks")
    p90 = "" if lead.p90_s is None else f" Nine in ten took at most {duration(lead.p90_s)}."
    return [
        Step("Counted", counting + p90, [("the deployments", address("known_changes"))]),
        _left_out([*left, *_not_done(counts)], [*links, *_links_of_undone(counts, address)]),
    ]


def _frequency(report: DoraReport, row: ServiceDelivery, counts: Counts, address: AddressOf) -> list[Step]:
    found = row.deployment_frequency
    days = (report.window.end - report.window.start).total_seconds() / 86_400
    gap = (
        ""
        if found.median_gap_s is None
        else f" Between one and the next: {duration(found.median_gap_s)} in the median."
    )
    text = (
        f"{counted(found.n, 'successful deployment')} in {number(days)} days, on {counted(found.days_with, 'day')} "
        f"at least one: {frequency(found.per_day)}.{gap}"
    )
    elsewhere = [f"{counted(counts.n_elsewhere, 'deployment')} to other environments"] if counts.n_elsewhere else []
    return [
        Step("Counted", text, [("the deployments", address("succeeded"))]),
        _left_out([*_not_done(counts), *elsewhere], _links_of_undone(counts, address)),
    ]


def _fail_rate(report: DoraReport, row: ServiceDelivery, counts: Counts, address: AddressOf) -> list[Step]:
    found = row.change_fail_rate
    within = window_words(report.attribution_window_s)
    is_middleware = report.definitions == Definitions.MIDDLEWARE
    rule = (
        "A deployment failed where an incident of its service was detected from its time until the next one's."
        if is_middleware
        else "A deployment failed where somebody said that it caused an incident, where it was rolled back, reverted "
        f"or mended by a hotfix, or where an incident of its service was detected within {within}."
    )
    text = (
        f"{number(found.failed)} of {counted(found.n, 'successful deployment')} failed: {percent(found.rate)}. {rule}"
    )
    interval = shares(found.low, found.high)
    sure = [Step("How sure", f"Wilson's 95 % interval for {number(found.failed)} of {number(found.n)}: {interval}.")]
    return [
        Step("Counted", text, [("the failed ones", address("failed"))]),
        *([] if is_middleware else [_pending(found.pending, within, address)]),
        _left_out(_not_done(counts), _links_of_undone(counts, address)),
        *(sure if interval else []),
    ]


def _pending(n: int, within: str, address: AddressOf) -> Step:
    if not n:
        return Step("Not decided yet", f"None: every deployment is older than {within} or has failed already.")
    return Step(
        "Not decided yet",
        f"{counted(n, 'deployment')} counted as not failed, but younger than {within}.",
        [("those deployments", address("pending"))],
    )


def _recovery(report: DoraReport, row: ServiceDelivery, counts: Counts, address: AddressOf) -> list[Step]:
    found = row.recovery_time
    if report.definitions == Definitions.MIDDLEWARE:
        text = (
            f"{counted(found.n, 'incident')} of the service resolved in the window, whatever caused them; their mean."
        )
        return [Step("Counted", text)]
    open_ones = (
        f", {number(found.n_open)} of them open and counted as lasting at least until now" if found.n_open else ""
    )
    n_known = counts.n_incident_known
    text = f"{counted(n_known, 'failed deployment')} whose incident is known{open_ones}; from detected to restored."
    rest = row.change_fail_rate.failed - n_known
    left = [f"{counted(rest, 'failed deployment')} of which nobody knows how long recovery took"] if rest else []
    return [
        Step("Counted", text, [("those deployments", address("incident_known"))]),
        _left_out([*left, "incidents that no deployment caused: time to restore covers all of them"], []),
    ]


def _rework(report: DoraReport, row: ServiceDelivery, counts: Counts, address: AddressOf) -> list[Step]:
    del report
    found = row.rework_rate
    text = (
        f"{number(found.unplanned)} of {counted(found.n, 'successful deployment')} were unplanned fixes of production: "
        "a hotfix, a rollback or a revert."
    )
    return [
        Step("Counted", text, [("those fixes", address("unplanned"))]),
        _left_out(_not_done(counts), _links_of_undone(counts, address)),
    ]


def _not_done(counts: Counts) -> list[str]:
    if not counts.n_unsuccessful:
        return []
    return [f"{counted(counts.n_unsuccessful, 'deployment')} that did not succeed"]


def _links_of_undone(counts: Counts, address: AddressOf) -> list[tuple[str, str]]:
    return [("those that did not succeed", address("unsuccessful"))] if counts.n_unsuccessful else []


def _left_out(parts: list[str], links: list[tuple[str, str]]) -> Step:
    text = "; ".join(parts)
    return Step("Left out", f"{text[:1].upper()}{text[1:]}." if text else "Nothing.", links)
