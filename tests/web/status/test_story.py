"""Before, during and after an incident, as the public sees it."""

import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from resile.app.access import LOCAL
from resile.app.incidents import command_incident
from resile.app.update_drafts import Wording
from resile.model.errors import StoreError
from resile.model.event import Exclusion
from resile.model.incident import InstantName
from resile.model.lifecycle import Command, Mark, Merge, Reach, Reopen
from resile.model.time import DAY, HOUR, MINUTE

from .world import COMPONENTS, NOW, StatusWorld, opened_world, tell


def overall(world: StatusWorld) -> tuple[str, str]:
    status = world.get("/api/v2/status.json").json["status"]
    return status["indicator"], status["description"]


def states(world: StatusWorld) -> dict[str, str]:
    found = world.get("/api/v2/components.json").json["components"]
    return {one["name"]: one["status"] for one in found if not one["group"]}


def test_page_tells_before_during_and_after(world: StatusWorld) -> None:
    assert overall(world) == ("none", "All Systems Operational")
    assert states(world) == {"Online shop": "operational", "API": "operational", "Webhooks": "operational"}
    assert "No incidents." in world.get("/").text

    its = world.declare()
    assert overall(world) == ("none", "All Systems Operational")
    world.clock.advance(5 * MINUTE)
    world.publish(its, "Some payments fail.", "investigating", "Payments fail", shop="partial_outage")
    assert overall(world) == ("major", "Partial System Outage")
    page = world.get("/").text
    assert "Payments fail" in page
    assert "Some payments fail." in page
    assert page.count("Partial outage") >= 2

    world.clock.advance(25 * MINUTE)
    world.publish(its, "It is the card network.", "identified", shop="major_outage")
    assert overall(world) == ("critical", "Major Service Outage")
    (summary,) = world.get("/api/v2/summary.json").json["incidents"]
    assert (summary["name"], summary["status"], summary["impact"]) == ("Payments fail", "identified", "critical")
    assert [one["body"] for one in summary["incident_updates"]] == ["It is the card network.", "Some payments fail."]
    assert summary["incident_updates"][0]["affected_components"][0]["old_status"] == "partial_outage"

    world.clock.advance(30 * MINUTE)
    world.restore(its)
    world.look()
    (summary,) = world.get("/api/v2/incidents/unresolved.json").json["incidents"]
    # Nobody said that it is over, so it is not; but what is back is not down.
    assert (summary["status"], summary["monitoring_at"]) == ("monitoring", "2026-03-04T13:00:00Z")
    assert summary["updated_at"] == "2026-03-04T13:00:00Z"
    assert states(world)["Online shop"] == "operational"
    assert overall(world) == ("none", "All Systems Operational")
    assert "nobody has called it resolved yet" in world.get("/").text
    assert "Service has been back since 2026-03-04 13:00 UTC." in world.get("/history.atom").text

    world.clock.advance(10 * MINUTE)
    world.publish(its, "All is well.", "resolved")
    assert overall(world) == ("none", "All Systems Operational")
    assert world.get("/api/v2/incidents/unresolved.json").json["incidents"] == []
    assert "Payments fail" in world.get("/history").text
    own = world.get("/api/v2/incidents.json").json["incidents"][0]["id"]
    assert re.fullmatch("[a-z2-7]{12}", own)
    assert "Some payments fail." in world.get(f"/incidents/{own}").text

    world.clock.advance(91 * DAY)
    assert "Payments fail" not in world.get("/history").text
    assert "Payments fail" in world.get(f"/incidents/{own}").text


@pytest.mark.parametrize("end", [Reach(InstantName.CLOSED), Mark(Exclusion.NOISE)])
def test_what_ended_without_a_word_is_over_for_the_public_too(world: StatusWorld, end: Command) -> None:
    its = world.declare()
    world.publish(its, "Some payments fail.", "investigating", "Payments fail", shop="major_outage")
    world.clock.advance(HOUR)
    if not isinstance(end, Mark):
        world.restore(its)
    world.clock.advance(HOUR)

    command_incident(world.resile, its, end, by="ann")

    assert overall(world) == ("none", "All Systems Operational")
    (one,) = world.get("/api/v2/incidents.json").json["incidents"]
    assert (one["status"], one["resolved_at"]) == ("resolved", "2026-03-04T14:00:00Z")
    page = world.get("/").text
    assert "Going on" not in page
    assert "nobody has called it resolved" not in page
    assert ("Service has been back since" in page) is not isinstance(end, Mark)


def test_what_comes_again_is_down_again(world: StatusWorld) -> None:
    its = world.declare()
    world.publish(its, "Down.", "investigating", "Down", shop="major_outage")
    world.clock.advance(HOUR)
    world.restore(its)
    assert overall(world)[0] == "none"
    world.clock.advance(HOUR)

    command_incident(world.resile, its, Reopen("it comes back"), by="ann")

    assert overall(world) == ("critical", "Major Service Outage")
    assert world.get("/api/v2/incidents.json").json["incidents"][0]["status"] == "investigating"


def test_what_is_published_by_its_use_case_is_what_the_public_reads(world: StatusWorld) -> None:
    its = world.declare("INTERNAL db-7 is on fire")
    use = world.resile.communication.updates
    said = Wording(title="Payments fail", text="Some payments fail.")
    draft = use.draft(LOCAL, its, "customers", "investigating", said)
    assert draft.draft.components == {"shop": "major_outage"}
    assert overall(world)[0] == "none"

    use.publish(LOCAL, its, draft.id)
    assert overall(world) == ("critical", "Major Service Outage")
    assert states(world)["Online shop"] == "major_outage"
    world.restore(its)
    use.say(LOCAL, its, "customers", "resolved", Wording(text="It is over."))

    assert overall(world) == ("none", "All Systems Operational")
    assert "Some payments fail." in world.get("/history").text


def test_another_process_shows_the_same(world: StatusWorld) -> None:
    its = world.declare()
    world.publish(its, "Down.", "investigating", "The shop is down", shop="major_outage")
    before = {path: world.get(path).body for path in ("/", "/history", "/api/v2/summary.json", "/history.atom")}

    world.restart()

    assert {path: world.get(path).body for path in before} == before


def test_store_that_is_away_leaves_the_last_truth_and_after_a_minute_says_so(
    world: StatusWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish(world.declare(), "Down.", "investigating", "The shop is down", shop="major_outage")
    fresh = world.get("/")

    def away() -> int:
        raise StoreError("the database is away; bring it back")

    with monkeypatch.context() as patch:
        patch.setattr(world.resile.timelines, "last_seq", away)
        world.elapsed_s += 59
        assert world.get("/").body == fresh.body
        world.elapsed_s += 1
        world.clock.advance(MINUTE)
        stale = world.get("/")
        summary = world.get("/api/v2/summary.json").json

    assert stale.code == 200
    assert "We cannot read our own records" in stale.text
    assert "4 March 2026, 12:00 UTC" in stale.text
    assert "The shop is down" in stale.text
    assert summary["page"]["stale_since"] == "2026-03-04T12:00:00Z"
    assert summary["status"]["indicator"] == "critical"
    assert "We cannot read" not in world.get("/").text


def test_store_that_keeps_the_reader_waiting_hides_no_age(world: StatusWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = world.get("/")
    asked, may_go_on = threading.Event(), threading.Event()

    def never_answers() -> int:
        asked.set()
        may_go_on.wait()
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(world.resile.timelines, "last_seq", never_answers)
        world.keeper.start()
        assert asked.wait(10)
        world.elapsed_s += 60
        end = time.monotonic() + 10
        while (shown := world.get("/", looks=False)).body == fresh.body and time.monotonic() < end:
            threading.Event().wait(0.05)
    may_go_on.set()
    world.keeper.stop()

    assert "We cannot read our own records" in shown.text
    assert "4 March 2026, 12:00 UTC" in shown.text


def test_thread_that_follows_outlives_whatever_fails(world: StatusWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    its, failed = world.declare(), threading.Event()

    def fails(_after_seq: int, _timeout_s: float) -> bool:
        failed.set()
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(world.resile.timelines, "wait", fails)
    world.keeper.start()
    assert failed.wait(10)
    world.publish(its, "Down.", "investigating", "The shop is down")
    end = time.monotonic() + 10
    while b"The shop is down" not in world.get("/", looks=False).body and time.monotonic() < end:
        threading.Event().wait(0.05)
    world.keeper.stop()

    assert b"The shop is down" in world.get("/", looks=False).body


def test_before_the_store_was_ever_read_nothing_is_claimed(world: StatusWorld) -> None:
    answer = world.get("/", looks=False)

    assert (answer.code, answer.headers["retry-after"], answer.headers["cache-control"]) == (503, "5", "no-store")
    assert "Operational" not in answer.text


def test_windows_open_and_close_by_the_clock_alone(world: StatusWorld) -> None:
    use = world.resile.communication.maintenance
    starts_at = NOW + HOUR
    use.add(LOCAL, "New disks", ["checkout"], starts_at=starts_at, ends_at=starts_at + HOUR, text="It is short.")
    hidden = NOW + 3 * HOUR
    use.add(LOCAL, "SECRET move", ["checkout"], starts_at=hidden, ends_at=hidden + HOUR, is_announced=False)

    page = world.get("/").text
    assert "Planned maintenance" in page
    assert "New disks" in page
    (coming,) = world.get("/api/v2/scheduled-maintenances/upcoming.json").json["scheduled_maintenances"]
    assert (coming["scheduled_for"], coming["components"][0]["name"]) == ("2026-03-04T13:00:00Z", "Online shop")
    assert world.get("/api/v2/scheduled-maintenances/active.json").json["scheduled_maintenances"] == []

    world.clock.advance(HOUR)
    assert overall(world) == ("none", "Service Under Maintenance")
    assert states(world)["Online shop"] == "under_maintenance"
    assert "Maintenance under way" in world.get("/").text
    assert len(world.get("/api/v2/scheduled-maintenances/active.json").json["scheduled_maintenances"]) == 1

    world.clock.advance(HOUR)
    assert overall(world) == ("none", "All Systems Operational")
    assert "New disks" not in world.get("/").text
    assert "New disks" in world.get("/history").text
    assert b"SECRET" not in world.everything()


def test_merged_incident_carries_on_under_the_others_address(world: StatusWorld) -> None:
    first, second = world.declare(), world.declare()
    world.publish(first, "Slow.", "investigating", "The shop is slow", shop="degraded_performance")
    old = world.get("/api/v2/incidents.json").json["incidents"][0]["id"]

    command_incident(world.resile, first, Merge(second), by="ann")
    world.clock.advance(MINUTE)
    world.publish(second, "Well.", "resolved", "The shop was slow")

    (one,) = world.get("/api/v2/incidents.json").json["incidents"]
    assert [update["body"] for update in one["incident_updates"]] == ["Well.", "Slow."]
    assert one["id"] != old
    answer = world.get(f"/incidents/{old}")
    assert (answer.code, answer.headers["location"]) == (302, f"/incidents/{one['id']}")
    assert states(world)["Online shop"] == "operational"


@pytest.mark.parametrize("exclusion", [Exclusion.DRILL, Exclusion.TEST])
def test_drills_are_never_shown(world: StatusWorld, exclusion: Exclusion) -> None:
    its = world.declare()
    world.publish(its, "Only a drill.", "investigating", "A drill", shop="major_outage")
    command_incident(world.resile, its, Mark(exclusion), by="ann")

    assert b"drill" not in world.everything()
    assert overall(world)[0] == "none"


def test_what_is_for_others_is_not_for_the_public(world: StatusWorld) -> None:
    its = world.declare()
    for audience in ("responders", "executives", None):
        tell(world.resile, its, text="INTERNAL words", status="investigating", title="INTERNAL", audience=audience)
    world.publish(its, "We look into it.", "investigating")

    assert b"INTERNAL" not in world.everything()
    assert world.get("/api/v2/incidents.json").json["incidents"][0]["name"] == "Incident"
    # Nobody said which component: the whole is not well all the same.
    assert overall(world)[0] == "minor"


def test_days_are_those_of_the_pages_zone_and_uptime_falls_by_the_minute(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    with opened_world(fresh_data(tmp_path)) as world:
        world.catalog(shop=COMPONENTS["shop"])
        world.clock.advance(10 * DAY)
        its = world.declare()
        world.publish(its, "Down.", "investigating", "Down", shop="major_outage")
        first = world.get("/").text
        world.clock.advance(timedelta(hours=14, minutes=24))
        second = world.get("/").text

    assert "100 % uptime since 4 March 2026" in first
    assert "94.33 % uptime since 4 March 2026" in second
    assert "14 March 2026: major outage" in second
    assert "15 March 2026: major outage" in second


def test_correction_and_withdrawal_are_shown_with_their_reason_and_the_words_are_gone(world: StatusWorld) -> None:
    its = world.declare()
    use = world.resile.communication.updates
    said = Wording(title="Payments fail", text="All payments fail.", components={"shop": "major_outage"})
    first = use.say(LOCAL, its, "customers", "investigating", said)
    assert states(world)["Online shop"] == "major_outage"
    world.clock.advance(10 * MINUTE)
    better = Wording(text="Some payments fail.", components={"shop": "partial_outage"})
    use.correct(LOCAL, its, first.id, better, "we counted wrongly", is_sent=True)
    world.clock.advance(MINUTE)
    second = use.say(LOCAL, its, "customers", "identified", Wording(text="It is SECRETPARTNER."))
    assert overall(world) == ("critical", "Major Service Outage")

    use.retract(LOCAL, its, second.id, "it named a partner")

    assert states(world)["Online shop"] == "partial_outage"
    page = world.get("/").text
    assert "Corrected <time" in page
    assert ": we counted wrongly" in page
    assert ": it named a partner" in page
    assert "Some payments fail." in page
    (summary,) = world.get("/api/v2/summary.json").json["incidents"]
    assert (summary["status"], summary["updated_at"]) == ("investigating", "2026-03-04T12:11:00Z")
    withdrawn, corrected = summary["incident_updates"]
    assert withdrawn["body"] == "This update was withdrawn 2026-03-04 12:11 UTC: it named a partner"
    assert corrected["body"] == "Some payments fail.\n\nCorrected 2026-03-04 12:10 UTC: we counted wrongly"
    assert (corrected["created_at"], corrected["updated_at"]) == ("2026-03-04T12:00:00Z", "2026-03-04T12:10:00Z")
    for path in ("/history.rss", "/history.atom"):
        assert "we counted wrongly" in world.get(path).text
    for gone in (b"SECRETPARTNER", b"All payments"):
        assert gone not in world.everything()

    use.retract(LOCAL, its, first.id, "nothing was wrong")

    # Nothing that was said stands: nothing is shown as wrong, and that something was said is not hidden.
    assert overall(world) == ("none", "All Systems Operational")
    assert "nothing was wrong" in world.get("/history").text
    assert b"Payments" not in world.everything()


def test_window_of_a_component_without_services_shows_it_under_maintenance(world: StatusWorld) -> None:
    use = world.resile.communication.maintenance
    use.add(LOCAL, "New gateway", ["component/api"], starts_at=NOW, ends_at=NOW + HOUR)

    assert states(world) == {"Online shop": "operational", "API": "under_maintenance", "Webhooks": "operational"}
    (window,) = world.get("/api/v2/scheduled-maintenances/active.json").json["scheduled_maintenances"]
    assert [one["name"] for one in window["components"]] == ["API"]
    assert ">Maintenance under way</h2>" in world.get("/").text
