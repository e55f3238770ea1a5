"""What holds of the stages, whatever is told in whatever order."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resile.alerting.case import Deed
from resile.alerting.firing import Firing
from resile.alerting.incident_stages import began_at
from resile.alerting.rules import KnownService
from resile.alerting.standing import after, firings_of
from resile.model.alert import Alert, AlertState, Outcome, Stage
from resile.model.event import Restored
from resile.model.matcher import Matcher
from resile.model.route import Inhibition, Route, Throttle
from resile.model.silence import Silence
from resile.model.time import HOUR, MINUTE
from tests.alerting.worlds import ACKNOWLEDGED, FIRING, NOON, RESOLVED, Told, alert, at, rules


def silence(name: str, *matchers: Matcher, ends: float = 60) -> Silence:
    return Silence(
        id=name, matchers=matchers, starts_at=NOON, ends_at=at(ends), by="user:ann", because="deploy", made_at=NOON
    )


SHOP = Matcher("service", "shop")
TELLINGS = st.lists(
    st.tuples(
        st.sampled_from(["errors", "latency", "down"]),
        st.sampled_from([FIRING, RESOLVED, ACKNOWLEDGED]),
        st.integers(0, 300),
    ),
    max_size=30,
)


def told_of(tellings: list[tuple[str, AlertState, int]]) -> list[Alert]:
    """Alerts, no two of which were told at the same instant."""
    return [
        alert(name, state, minute=minute, told_at=at(minute) + timedelta(seconds=n))
        for n, (name, state, minute) in enumerate(tellings)
    ]


def states(told: Told) -> dict[str, str]:
    return {one.alert.title: one.alert.state.value for one in told.known.values()}


@given(TELLINGS)
def test_telling_the_same_again_in_any_order_changes_nothing(tellings: list[tuple[str, AlertState, int]]) -> None:
    told = Told()
    alerts = sorted(told_of(tellings), key=lambda one: one.told_at)
    for one in alerts:
        told.tell(one)
    before = {name: list(events) for name, events in told.timelines.items()}, states(told)

    for one in [*alerts, *reversed(alerts)]:
        decided = told.tell(one, now=at(400))
        assert not decided.is_written
        assert not decided.case.is_counted

    assert (told.timelines, states(told)) == before


@given(TELLINGS, st.randoms(use_true_random=False))
def test_what_holds_in_the_end_is_what_was_told_last(
    tellings: list[tuple[str, AlertState, int]], random: object
) -> None:
    alerts = told_of(tellings)
    shuffled = list(alerts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    told = Told()
    for one in shuffled:
        told.tell(one, now=at(400))

    last = {one.title: one for one in sorted(alerts, key=lambda one: one.told_at)}
    # Taken at its sender and firing are one and the same: it holds.
    assert {name: state == "resolved" for name, state in states(told).items()} == {
        name: one.state is RESOLVED for name, one in last.items()
    }


@given(TELLINGS)
def test_incident_is_open_exactly_while_one_of_its_alerts_fires(tellings: list[tuple[str, AlertState, int]]) -> None:
    told = Told()
    for one in sorted(told_of(tellings), key=lambda one: one.told_at):
        told.tell(one)

        for standing in told.world().incidents.values():
            firing = {name for name, known in told.known.items() if known.alert.state is not RESOLVED}
            its = {name for name in firing if told.known[name].incident_id == standing.id}
            assert standing.firings.open == its
            assert (standing.over is None) is bool(its)


@given(TELLINGS)
def test_flapping_gives_one_incident(tellings: list[tuple[str, AlertState, int]]) -> None:
    told = Told(rules(routes=[Route(name="all", reopens_within=HOUR * 24)]))

    for one in sorted(told_of(tellings), key=lambda one: one.told_at):
        if one.title == "errors":
            told.tell(one)

    assert len(told.timelines) <= 1


@given(TELLINGS)
def test_every_decision_says_why_and_only_the_last_stage_ends_it(tellings: list[tuple[str, AlertState, int]]) -> None:
    told = Told(rules(silences=(silence("s1", Matcher("title", "down")),)))
    order = list(Stage)

    for one in told_of(tellings):
        decided = told.tell(one, now=at(10))

        stages = [verdict.stage for verdict in decided.verdicts]
        assert stages == sorted(stages, key=order.index)
        assert all(verdict.reason for verdict in decided.verdicts)
        assert [verdict.ends for verdict in decided.verdicts] == [False] * (len(stages) - 1) + [True]


@given(TELLINGS, st.integers(0, 30))
def test_firings_can_be_folded_in_pieces(tellings: list[tuple[str, AlertState, int]], cut: int) -> None:
    told = Told()
    for one in sorted(told_of(tellings), key=lambda one: one.told_at):
        told.tell(one)

    for events in told.timelines.values():
        whole = firings_of(events)
        assert after(firings_of(events[:cut]), events[cut:]) == whole


@given(st.permutations(["s1", "s2", "s3"]))
def test_which_silence_is_named_does_not_depend_on_their_order(names: list[str]) -> None:
    ends = {"s1": 10.0, "s2": 30.0, "s3": 20.0}
    told = Told(rules(silences=tuple(silence(name, SHOP, ends=ends[name]) for name in names)))

    decided = told.tell(alert())

    assert decided.outcome is Outcome.SILENCED
    assert decided.verdicts[-1].because_of == "s2"
    assert decided.verdicts[-1].reason == "silenced until 2026-03-02 12:30 UTC by ann: deploy"


@given(st.permutations(["b", "a", "c"]))
def test_route_of_the_lowest_order_decides_then_the_first_by_name(names: list[str]) -> None:
    order = {"a": 2, "b": 1, "c": 1}
    told = Told(rules(routes=[Route(name=name, order=order[name], match=(SHOP,)) for name in names]))

    assert told.tell(alert()).case.route.name == "b"
    assert told.tell(alert("other", service="mail")).case.route.name == ""


def test_re_sent_silenced_alert_is_counted_while_the_silence_holds() -> None:
    told = Told(rules(silences=(silence("s1", SHOP),)))
    told.tell(alert(minute=1))

    again = told.tell(alert(minute=2))
    past = told.tell(alert(minute=61))

    assert (again.is_written, again.case.is_counted) == (False, True)
    assert past.outcome is Outcome.DECLARED


def test_inhibition_needs_equal_labels_and_does_not_let_two_mute_each_other() -> None:
    inhibition = Inhibition(
        name="worse",
        while_firing=(Matcher("severity", "crit.*", is_pattern=True),),
        mute=(Matcher("severity", "", is_not=True),),
        equal=("host",),
    )
    firing = Firing([inhibition])
    worse = alert("a", labels={"severity": "critical", "host": "a"})
    firing.put("1", worse)
    firing.put("2", alert("b", labels={"severity": "critical", "host": "a"}))

    assert firing.inhibitor("1", worse) is None
    lesser = alert("c", labels={"severity": "warning", "host": "a"})
    found = firing.inhibitor("3", lesser)
    assert found is not None
    assert found[1:] == ("1", "a")
    assert firing.inhibitor("3", alert("c", labels={"severity": "warning", "host": "b"})) is None
    firing.drop("1")
    firing.put("2", alert("b", labels={"severity": "info", "host": "a"}))
    assert firing.inhibitor("3", lesser) is None


def test_throttle_counts_what_fired_within_its_time() -> None:
    told = Told(rules(routes=[Route(name="all", throttle=Throttle(most=1, within=10 * MINUTE))]))
    made = told.tell(alert())
    told.tell(alert(state=RESOLVED, minute=1))

    soon = told.tell(alert(minute=2))
    told.tell(alert(state=RESOLVED, minute=3))
    later = told.tell(alert(minute=20))

    assert (made.outcome, made.case.pages) == (Outcome.DECLARED, True)
    assert (soon.outcome, soon.case.pages) == (Outcome.REOPENED, False)
    assert (later.outcome, later.case.pages) == (Outcome.REOPENED, True)


def test_same_service_goes_before_a_neighbour_that_is_newer() -> None:
    services = {
        "shop": KnownService(name="shop", near=frozenset({"db"})),
        "db": KnownService(name="db", near=frozenset({"shop"})),
    }
    told = Told(rules(services=services, aliases={"shop-api": "shop"}))
    mine = told.tell(alert("errors", service="shop"))
    told.timelines["INC-9"] = [
        event for event in told.timelines["INC-1"] if not isinstance(event, Restored)
    ]  # the same beginning
    told.tell(alert("slow", service="db", minute=1))

    joined = told.tell(alert("latency", service="shop-api", minute=2))

    assert mine.outcome is Outcome.DECLARED
    assert joined.case.deed is Deed.JOIN
    assert joined.case.incident_id in {"INC-1", "INC-9"}
    assert "of shop too" in joined.case.why_there


@pytest.mark.parametrize(("minutes", "is_believed"), [(0, True), (-1439, True), (-1440, False), (0.1, False)])
def test_beginning_is_believed_within_a_day(minutes: float, is_believed: bool) -> None:
    told = Told().tell(alert(starts_at=at(minutes)))

    assert (began_at(told.case) == at(minutes)) is is_believed
