"""From alerts to incidents and pages, told as stories, over memory and SQLite."""

from datetime import timedelta

import pytest

from resile.model.event import (
    Acknowledged,
    AlertCleared,
    Detected,
    Noted,
    PagingBegan,
    PagingEnded,
    Reopened,
    Restored,
    Source,
)
from resile.model.incident import labels_of, value_of
from resile.model.severity import Severity
from resile.model.time import DAY, HOUR, MINUTE
from tests.app.alerts.world import ACKNOWLEDGED, RESOLVED, AlertWorld, all_events


def test_alert_makes_an_incident_and_pages(world: AlertWorld) -> None:
    world.write("team", "payments", members=["ann"])
    world.write("service", "shop", owner="payments", aliases=["shop-api"])

    made = world.fires("errors", service="Shop-API", labels={"env": "prod"}, starts_at=world.now() - 5 * MINUTE)

    incident = world.incident(made)
    assert value_of(incident.title, "") == "errors"
    assert value_of(incident.services, ()) == ("shop",)
    assert value_of(incident.team, None) == "payments"
    assert value_of(incident.severity, None) is Severity.SEV2
    (detected,) = world.told(made, Detected)
    assert (detected.at, detected.source) == (world.now() - 5 * MINUTE - timedelta(seconds=1), Source.MEASURED)
    assert world.pages() == [made]
    assert world.row("errors").outcome == "declared"
    assert "pages by policy default" in world.why("errors")["route"]


def test_re_sent_alert_changes_nothing_but_its_count(world: AlertWorld) -> None:
    made = world.fires()
    before = all_events(world)

    for _ in range(3):
        world.fires()

    assert all_events(world) == before
    row = world.row("errors")
    assert (row.n_told, row.n_fired, row.told_at) == (4, 1, world.now() - timedelta(seconds=1))
    assert world.pages() == [made]


def test_older_telling_never_overrides_a_newer_one(world: AlertWorld) -> None:
    late = world.alert("errors", RESOLVED)
    world.clock.advance(MINUTE)
    made = world.fires()

    world.tell(late)

    assert world.row("errors").state == "firing"
    assert not world.is_over(made)


def test_incident_is_restored_when_its_last_alert_clears(world: AlertWorld) -> None:
    made = world.fires("errors")
    assert world.fires("latency") == made
    world.clock.advance(10 * MINUTE)

    world.clears("errors", ends_at=world.now() - 2 * MINUTE)
    assert not world.is_over(made)
    ended = world.now() - MINUTE
    world.clears("latency", ends_at=ended)

    (restored,) = world.told(made, Restored)
    assert (restored.at, restored.source) == (ended, Source.MEASURED)
    assert len(world.told(made, AlertCleared)) == 2
    assert [one.because for one in world.told(made, PagingEnded)] == ["restored: its alerts are resolved"]


def test_flapping_alert_reopens_its_incident_and_pages_anew(world: AlertWorld) -> None:
    made = world.fires()
    for _ in range(3):
        world.clock.advance(5 * MINUTE)
        world.clears()
        world.clock.advance(5 * MINUTE)
        assert world.fires() == made

    assert world.n_incidents() == 1
    assert len(world.told(made, Reopened)) == 3
    assert len(world.told(made, PagingBegan)) == 4
    assert not world.is_over(made)
    assert world.row("errors").outcome == "reopened"


def test_what_fires_long_after_it_was_restored_is_a_new_incident(world: AlertWorld) -> None:
    made = world.fires()
    world.clears()
    world.clock.advance(31 * MINUTE)

    assert world.fires() != made

    assert "too long to be reopened" in world.why("errors")["correlate"]


def test_acknowledgement_holds_until_all_clear_and_then_pages_anew(world: AlertWorld) -> None:
    world.write("route", "all", restores=False)
    made = world.fires("errors")
    world.pager.acknowledge(made or "", who="ann", by="user:ann")

    assert world.fires("latency") == made
    assert len(world.pages()) == 1
    world.clears("errors")
    world.clears("latency")
    assert not world.is_over(made)
    assert "leaves restoring to people" in world.why("latency")["incident"]
    assert world.fires("errors") == made

    assert len(world.told(made, PagingBegan)) == 2
    assert len(world.pages()) == 2


def test_what_is_acknowledged_at_its_sender_is_acknowledged_here(world: AlertWorld) -> None:
    made = world.fires()

    world.tell(world.alert("errors", ACKNOWLEDGED, by="bob"))
    world.tell(world.alert("errors", ACKNOWLEDGED, by="bob"))

    (taken,) = world.told(made, Acknowledged)
    assert (taken.who, taken.source) == ("bob", Source.REPORTED)
    assert world.row("errors").state == "acknowledged"
    assert world.paging.escalations([made or ""])[made or ""].state == "acknowledged"
    assert "as bob did at its sender" in world.why("errors")["incident"]


def test_first_heard_of_as_acknowledged_it_makes_an_incident_that_pages_nobody_on(world: AlertWorld) -> None:
    alert = world.alert("errors", ACKNOWLEDGED, by="bob")

    world.tell(alert)

    made = world.row(alert).incident_id
    assert len(world.told(made, Acknowledged)) == 1
    assert {one.state for one in world.paging.messages_of([made or ""])} == {"cancelled"}


def test_alert_resolved_before_it_ever_fired_makes_no_incident(world: AlertWorld) -> None:
    world.clears()

    assert world.n_incidents() == 0
    assert world.row("errors").outcome == "cleared"
    assert "before it ever fired" in world.row("errors").why


def test_fired_and_resolved_before_it_was_taken_in_is_an_incident_without_a_page(world: AlertWorld) -> None:
    first = world.alert("errors")
    world.clock.advance(MINUTE)

    world.tell(first, world.alert("errors", RESOLVED))

    assert world.n_incidents() == 1
    assert world.is_over("INC-1")
    assert world.pages() == []


def test_alert_not_heard_of_counts_as_resolved(world: AlertWorld) -> None:
    made = world.fires(expires_at=world.now() + 5 * MINUTE)
    expires_at = world.now() + 7 * MINUTE
    world.clock.advance(2 * MINUTE)
    world.fires(expires_at=expires_at)

    world.pass_by(4 * MINUTE)
    assert world.row("errors").state == "firing"
    world.pass_by(2 * MINUTE)

    assert world.row("errors").state == "resolved"
    assert world.is_over(made)
    assert "not heard of since 2026-03-02T12:02:01Z" in world.why("errors")["dedup"]
    assert world.told(made, Restored)[0].at == expires_at


def test_alert_that_comes_to_expire_only_with_a_later_telling_does(world: AlertWorld) -> None:
    made = world.fires()
    world.fires(expires_at=world.now() + 5 * MINUTE)

    world.pass_by(6 * MINUTE)

    assert world.is_over(made)


def test_expired_alert_that_is_told_again_reopens(world: AlertWorld) -> None:
    made = world.fires(expires_at=world.now() + 5 * MINUTE)
    waiting = world.alert("errors", told_at=world.now() + 4 * MINUTE, expires_at=world.now() + 9 * MINUTE)
    world.pass_by(6 * MINUTE)
    assert world.is_over(made)

    # It waited in the journal while the alert expired.
    world.tell(waiting)

    assert world.row("errors").incident_id == made
    assert not world.is_over(made)


@pytest.mark.parametrize("off", [-2 * DAY, 3 * HOUR])
def test_time_of_the_sender_that_cannot_be_believed_is_noted(world: AlertWorld, off: timedelta) -> None:
    made = world.fires(starts_at=world.now() + off)

    (detected,) = world.told(made, Detected)
    assert detected.at == world.now() - timedelta(seconds=1)
    assert "The sender says that it began" in world.told(made, Noted)[0].text


def test_people_restore_what_people_declared(world: AlertWorld) -> None:
    made = world.pager.page("the shop is slow", who="ann", by="user:ann", services=["shop"])

    assert world.fires() == made
    world.clears()

    assert not world.is_over(made)
    assert "people declared that" in world.why("errors")["incident"]


def test_playbook_of_the_alert_is_a_label_of_its_incident(world: AlertWorld) -> None:
    """So that the first page, which is written before the alert is, carries it."""
    made = world.fires(playbook="https://wiki.example.org/errors", labels={f"l{n}": "x" for n in range(40)})

    assert labels_of(world.incident(made))["runbook_url"] == "https://wiki.example.org/errors"
