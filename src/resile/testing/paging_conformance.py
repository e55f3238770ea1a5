"""What every PagingStore must do, whatever it is made of.

Of messages paging_messages_conformance.py says it, of alerts paging_alerts_conformance.py.

Subclass and give the fixture `open_paging`; each call opens the same data once more.

    class TestMyStore(PagingStoreConformance):
        @pytest.fixture
        def open_paging(self, tmp_path): return lambda: (MyPaging(tmp_path), MyTimelines(tmp_path))
"""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from resile.model.alert import Link, Stage, Verdict
from resile.model.errors import ConflictError, StoreError
from resile.model.escalation import EscalationState, PathState, Ringing
from resile.model.policy import Contact, Way
from resile.model.severity import Severity
from resile.ports.paging_store import Changes, Counted, MessageCounts, PagingStore, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.testing.paging_model import START, alert, at, changes, decision, escalation, message, timer
from resile.testing.timeline_model import append_of

OpenPaging = Callable[[], tuple[PagingStore, TimelineStore]]
PATIENCE_S = 30.0


class PagingFixtures:
    """The stores, open."""

    @pytest.fixture
    def both(self, open_paging: OpenPaging) -> Iterator[tuple[PagingStore, TimelineStore]]:
        """Paging and its timelines."""
        opened = open_paging()
        yield opened
        opened[1].close()

    @pytest.fixture
    def paging(self, both: tuple[PagingStore, TimelineStore]) -> PagingStore:
        """Paging."""
        return both[0]

    @pytest.fixture
    def timelines(self, both: tuple[PagingStore, TimelineStore]) -> TimelineStore:
        """Its timelines."""
        return both[1]


class PagingStoreConformance(PagingFixtures):
    """Tests of commits, escalations and timers."""

    def test_new_store_is_empty(self, paging: PagingStore) -> None:
        """Nothing anywhere, and no errors."""
        paging.commit(Changes())

        assert (paging.escalations(["a"]), paging.messages(["a"]), paging.alerts(["a"])) == ({}, {}, {})
        assert (paging.open_escalations(), paging.recent_messages(), paging.recent_alerts()) == ([], [], [])
        assert (paging.messages_of(["a"]), paging.alerts_of(["a"]), paging.alerts_firing()) == ([], [], [])
        assert (paging.alerts_in_groups(["a"]), paging.alerts_in_groups([]), paging.firing_counts()) == ({}, {}, {})
        assert (paging.firing_outcomes(), paging.decisions("a")) == ({}, [])
        assert paging.timers(TimerKind.DRILL) == []
        assert paging.claim_timers(now=at(1), until=at(2), by="me", limit=10) == []
        assert paging.claim_messages(now=at(1), until=at(2), by="me", limit=10) == []
        assert paging.run_out(now=at(1), limit=10) == []
        assert paging.next_timer_at() is paging.next_message_at() is None
        assert paging.message_by_ref("sms", "a") is None
        assert paging.sent_since([("sms", "+4711")], START) == {}
        assert paging.counts(since=START) == MessageCounts(by_state={}, oldest_due_at=None)
        assert paging.let_go(at(1)) == 0

    def test_what_was_committed_is_there_when_opened_again(self, open_paging: OpenPaging) -> None:
        """All of it, as it was, with the timelines."""
        one = escalation("a", ringing=(_ringing(),), step=0, step_due_at=at(5))
        known = alert(
            "x",
            title='Zahlung "hängt" 🟥\n\\',
            labels={"Ü": ""},
            severity=Severity.SEV1,
            incident_id="a",
            links=(Link("graph", "https://example.org/"),),
            verdicts=(Verdict(Stage.GROUP, ends=False, reason="new"),),
        )
        page = message("m", incident_id="a", title="支払い 🦊", extra={"body": "{}"}, queued_at=at(0.0001))
        paging, timelines = open_paging()
        paging.commit(changes(one, page, known, timer("a", 5), decision("x"), appends=(append_of("a", 1, 2),)))
        timelines.close()

        again, timelines_again = open_paging()

        assert again.escalations(["a", "b"]) == {"a": one}
        assert again.messages(["m", "n"]) == {"m": page}
        assert again.alerts(["x", "y"]) == {"x": known}
        assert again.decisions("x") == [decision("x")]
        assert again.timers(TimerKind.ESCALATION) == [timer("a", 5)]
        assert [one.version for one in timelines_again.follow(0)] == [1, 2]
        timelines_again.close()

    @pytest.mark.parametrize("version", [1, 2, 4])
    def test_escalation_or_alert_at_another_version_is_a_conflict(self, paging: PagingStore, version: int) -> None:
        """Also the first where there is one already, and nothing else of it is written."""
        paging.commit(changes(escalation("a"), alert("x")))
        paging.commit(changes(escalation("a", 2), alert("x", 2)))

        for one in (escalation("a", version), alert("x", version)):
            with pytest.raises(ConflictError, match="somebody else was first; read it and decide again"):
                paging.commit(changes(one, escalation("b"), alert("y"), message("m"), timer("t"), decision("x")))

        assert paging.escalations(["a", "b"]) == {"a": escalation("a", 2)}
        assert paging.alerts(["x", "y"]) == {"x": alert("x", 2)}
        assert paging.messages(["m"]) == {}
        assert paging.timers(TimerKind.ESCALATION) == []
        assert paging.decisions("x") == []

    def test_what_does_not_exist_begins_at_version_one(self, paging: PagingStore) -> None:
        """A later version of nothing is a conflict."""
        for one in (escalation("a", 2), alert("x", 2), message("m", version=2), escalation("a", 0)):
            with pytest.raises(ConflictError):
                paging.commit(changes(one))

    def test_conflict_of_a_timeline_keeps_everything_from_being_written(
        self, paging: PagingStore, timelines: TimelineStore
    ) -> None:
        """And one of paging keeps the timelines from growing."""
        paging.commit(changes(escalation("a"), appends=(append_of("a", 1),)))

        with pytest.raises(ConflictError):
            paging.commit(changes(escalation("a", 2), message("m"), appends=(append_of("b", 1), append_of("a", 1))))
        with pytest.raises(ConflictError):
            paging.commit(changes(escalation("a", 3), appends=(append_of("a", 2),)))

        assert paging.escalations(["a"])["a"].version == 1
        assert paging.messages(["m"]) == {}
        assert [len(timelines.read(name)) for name in "ab"] == [1, 0]

    def test_several_of_one_thing_are_written_one_after_the_other(self, paging: PagingStore) -> None:
        """In one commit, each at the version that the one before left; of timers the last counts."""
        first = changes(escalation("a"), alert("x"), message("m"), timer("t", 1), timer("t", None), timer("t", 3))
        second = changes(escalation("a", 2), alert("x", 2), message("m", 5, 2))

        paging.commit(first + second)

        assert paging.escalations(["a"])["a"] == escalation("a", 2)
        assert paging.alerts(["x"])["x"] == alert("x", 2)
        assert paging.messages(["m"])["m"] == message("m", 5, 2)
        assert paging.timers(TimerKind.ESCALATION) == [timer("t", 3)]
        with pytest.raises(ConflictError):
            paging.commit(changes(escalation("a", 3), escalation("a", 3)))

    def test_appending_wakes_those_who_wait_for_timelines(self, both: tuple[PagingStore, TimelineStore]) -> None:
        """As if it had been appended to the timelines themselves."""
        paging, timelines = both
        woken = threading.Thread(target=lambda: timelines.wait(0, PATIENCE_S), daemon=True)
        woken.start()

        paging.commit(changes(appends=(append_of("a", 1),)))
        woken.join(PATIENCE_S)

        assert not woken.is_alive()
        assert timelines.last_seq() == 1

    def test_names_that_no_database_keeps_are_refused(self, paging: PagingStore) -> None:
        """NUL in an id, half of a surrogate pair in a text: a sentence, and nothing is written."""
        odd = (escalation("a\0"), alert("x\0"), message("m\0"), timer("t\0"), timer("t\0", None), decision("x\0"))
        halves = (escalation("\ud800"), message("\ud800"), timer("\ud800"), timer("\ud800", None), decision("\ud800"))
        for one in (
            *odd,
            *halves,
            message("m", title="\ud800"),
            alert("x", title="\udfff"),
            decision("x", reason="\ud800"),
        ):
            with pytest.raises(StoreError):
                paging.commit(changes(escalation("b"), one))

        assert paging.escalations(["b", "a\0", "a"]) == {}
        assert paging.messages(["m\0", "m", "\ud800"]) == {}
        assert paging.sent_since([("sms", "\ud800")], START) == {}
        assert paging.recent_alerts(text="\ud800") == []
        assert paging.alerts_in_groups(["\ud800"]) == {}
        paging.commit(changes(counted=(Counted(alert_id="x\0", n_more=1, told_at=START),)))

    def test_nul_in_what_strangers_write_is_kept(self, paging: PagingStore) -> None:
        """And found by the same words, with it or without."""
        known = alert("x", title="disk\0 full", group_key="host=a\0b", service="\0", incident_id="a")
        page = message("m", text="\0", address="a\0b", person="\0", ref="r\0", extra={"\0": "\0"})
        page_handed = message("n", address="a\0b", handed_at=at(1))

        paging.commit(changes(known, page, page_handed, decision("x", reason="\0")))

        assert paging.alerts(["x"])["x"] == known
        assert paging.recent_alerts(text="K\0 F") == paging.recent_alerts(text="disk full") == [known]
        assert paging.alerts_in_groups(["host=a\0b"]) == {"host=a\0b": [known]}
        assert paging.messages(["m"])["m"] == paging.message_by_ref("sms", "r\0") == page
        assert paging.sent_since([("sms", "a\0b")], START) == {("sms", "a\0b"): 1}
        assert paging.decisions("x") == [decision("x", reason="\0")]

    def test_open_escalations_are_the_newest_first(self, paging: PagingStore) -> None:
        """Running, acknowledged and unreachable; what has ended is not open."""
        states = list(EscalationState)
        paging.commit(changes(*(escalation(f"a{n}", state=state, started_at=at(n)) for n, state in enumerate(states))))
        paging.commit(changes(escalation("b", started_at=at(1)), escalation("c", started_at=at(9))))

        told = [one.incident_id for one in paging.open_escalations()]

        assert told == ["c", "a2", "a1", "b", "a0"]
        assert [one.incident_id for one in paging.open_escalations(limit=2)] == ["c", "a2"]

    def test_timers_are_claimed_by_one_the_longest_due_first(self, paging: PagingStore) -> None:
        """Those due by now, at most as many as asked for; nobody else gets them until the lease has run out."""
        paging.commit(
            changes(timer("c", 2), timer("a", 1), timer("b", 1), timer("d", 3), timer("a", 2, TimerKind.DRILL))
        )

        first = paging.claim_timers(now=at(2), until=at(4), by="me", limit=3)
        second = paging.claim_timers(now=at(2), until=at(5), by="you", limit=9)

        assert [(one.kind, one.subject) for one in first] == [
            (TimerKind.ESCALATION, "a"), (TimerKind.ESCALATION, "b"), (TimerKind.DRILL, "a"),
        ]  # fmt: skip
        assert {one.lease_by for one in first} == {"me"}
        assert [one.subject for one in second] == ["c"]
        assert paging.claim_timers(now=at(2.9), until=at(9), by="me", limit=9) == []
        again = paging.claim_timers(now=at(4), until=at(9), by="they", limit=9)
        assert [(one.subject, one.lease_by) for one in again] == [(name, "they") for name in ("a", "b", "a", "d")]

    def test_timers_of_alerts_let_all_others_pass(self, paging: PagingStore) -> None:
        """However long they are due, and whoever held them before."""
        alerts = [timer(f"x{number}", 0, TimerKind.ALERT) for number in range(9)]
        paging.commit(changes(*alerts, timer("a", 3), timer("b", 2, TimerKind.HEARTBEAT)))
        paging.claim_timers(now=at(1), until=at(2), by="me", limit=4)

        claimed = paging.claim_timers(now=at(3), until=at(9), by="you", limit=4)

        assert [one.subject for one in claimed] == ["b", "a", "x0", "x1"]
        rest = paging.claim_timers(now=at(3), until=at(9), by="they", limit=99)
        assert [one.subject for one in rest] == [f"x{number}" for number in range(2, 9)]

    def test_setting_a_timer_ends_its_lease(self, paging: PagingStore) -> None:
        """It may be moved, or taken away, by whoever commits; one that is not there may be taken away as well."""
        paging.commit(changes(timer("a"), timer("b"), timer("c")))
        paging.claim_timers(now=at(0), until=at(60), by="me", limit=9)

        paging.commit(changes(timer("a", 1), timer("b", None), timer("z", None)))

        claimed = paging.claim_timers(now=at(1), until=at(60), by="you", limit=9)
        assert [(one.subject, one.due_at, one.lease_by) for one in claimed] == [("a", at(1), "you")]
        assert [one.subject for one in paging.timers(TimerKind.ESCALATION)] == ["c", "a"]

    def test_timer_is_written_by_whoever_holds_it_only_while_they_do(self, paging: PagingStore) -> None:
        """What somebody set meanwhile, or another took, is left as it is, and that is no conflict."""
        paging.commit(changes(timer("mine"), timer("let-go"), timer("set"), timer("taken"), timer("over")))
        mine = {one.subject: one for one in paging.claim_timers(now=at(0), until=at(1), by="me", limit=9)}
        paging.commit(changes(timer("set", 5)))
        paging.claim_timers(now=at(2), until=at(9), by="me", limit=2)
        paging.claim_timers(now=at(2), until=at(9), by="you", limit=9)
        theirs = paging.timers(TimerKind.ESCALATION)

        moved = [replace(mine[name], due_at=at(7)) for name in ("let-go", "set", "taken")]
        paging.commit(changes(*moved, replace(mine["mine"], due_at=None), replace(mine["mine"], subject="new")))

        assert [(one.subject, one.lease_by) for one in theirs] == [
            ("let-go", "me"), ("mine", "me"), ("over", "you"), ("taken", "you"), ("set", None),
        ]  # fmt: skip
        assert paging.timers(TimerKind.ESCALATION) == [*theirs[2:], timer("let-go", 7)]

    def test_last_setting_of_a_timer_that_may_be_written_counts(self, paging: PagingStore) -> None:
        """One of those who do not hold it does not undo one before."""
        paging.commit(changes(timer("a"), timer("b")))
        held = paging.claim_timers(now=at(0), until=at(1), by="me", limit=9)

        paging.commit(
            changes(
                *(replace(one, due_at=at(3)) for one in held),
                *(replace(one, due_at=at(4)) for one in held[:1]),
                timer("b", 5),
                *(replace(one, due_at=None, lease_by="you") for one in held),
            )
        )

        assert paging.timers(TimerKind.ESCALATION) == [timer("a", 4), timer("b", 5)]

    def test_next_timer_is_the_first_free_one_or_the_first_lease_to_run_out(self, paging: PagingStore) -> None:
        """None where there is none."""
        paging.commit(changes(timer("a", 1), timer("b", 7)))
        assert paging.next_timer_at() == at(1)
        paging.claim_timers(now=at(1), until=at(9), by="me", limit=9)
        assert paging.next_timer_at() == at(7)
        paging.claim_timers(now=at(8), until=at(20), by="me", limit=9)
        assert paging.next_timer_at() == at(9)
        paging.commit(changes(timer("a", None), timer("b", None)))
        assert paging.next_timer_at() is None


def _ringing() -> Ringing:
    way = Way(contact=Contact(name="phone", channel="sms", address="+4711"), after=timedelta(minutes=2))
    return Ringing(person="ann", why="on call for payments", step=0, paths=(PathState(way=way, due_at=at(2)),))
