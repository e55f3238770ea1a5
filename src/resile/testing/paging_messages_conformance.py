"""What every PagingStore must do with messages; subclass as PagingStoreConformance, with the fixture `open_paging`."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from resile.model.alert import AlertState
from resile.model.errors import ConflictError
from resile.model.escalation import EscalationState
from resile.model.message import Message, MessageClass, MessageState
from resile.ports.paging_store import PagingStore
from resile.testing.paging_conformance import PATIENCE_S, PagingFixtures
from resile.testing.paging_model import alert, at, changes, decision, escalation, handed, message, moved, timer

A_WHILE_S = 0.05
AT_REST = [state for state in MessageState if state not in {MessageState.QUEUED, MessageState.SENDING}]


def claim(paging: PagingStore, now: float, until: float = 60, limit: int = 99, by: str = "me") -> list[Message]:
    """Claim at so many minutes after the start."""
    return paging.claim_messages(now=at(now), until=at(until), by=by, limit=limit)


def names(found: list[Message]) -> list[str]:
    """Which they are."""
    return [one.id for one in found]


class PagingMessagesConformance(PagingFixtures):
    """Tests of messages, of letting go and of waiting."""

    def test_new_message_whose_id_is_known_is_left_as_it_is(self, paging: PagingStore) -> None:
        """Deciding twice to send it makes one message, however far the first has come."""
        paging.commit(changes(message("m", title="first")))
        paging.commit(changes(message("m", title="second"), message("n"), message("n", title="again")))
        page = claim(paging, 0)[0]
        paging.commit(changes(message("m", title="third"), escalation("a")))

        assert paging.messages(["m"])["m"] == page
        assert (page.title, page.version) == ("first", 2)
        assert paging.messages(["n"])["n"].title == "Checkout is slow"
        assert set(paging.escalations(["a"])) == {"a"}

    def test_message_at_another_version_is_a_conflict(self, paging: PagingStore) -> None:
        """Whoever lost the lease comes too late."""
        paging.commit(changes(message("m")))
        mine = claim(paging, 0, until=1)[0]
        theirs = claim(paging, 1, by="you")[0]

        with pytest.raises(ConflictError):
            paging.commit(changes(handed(mine), escalation("a")))

        assert paging.messages(["m"])["m"] == theirs
        assert paging.escalations(["a"]) == {}
        paging.commit(changes(handed(theirs)))
        assert paging.messages(["m"])["m"].state is MessageState.HANDED

    def test_claimed_message_is_being_sent_by_one(self, paging: PagingStore) -> None:
        """One try and one version more, until then; nobody else gets it."""
        paging.commit(changes(message("m", 1), message("n", 2)))

        claimed = claim(paging, 1, until=3)

        sending = {"state": MessageState.SENDING, "n_tries": 1, "lease_by": "me", "lease_until": at(3)}
        assert claimed == [moved(message("m", 1), **sending)]
        assert paging.messages(["m"])["m"] == claimed[0]
        assert claim(paging, 1) == []

    def test_channels_that_are_full_are_passed_over(self, paging: PagingStore) -> None:
        """Queued or let go of, nothing of theirs is claimed, and the others have all the room."""
        paging.commit(changes(message("let-go", channel="sms")))
        claim(paging, 0, until=1)
        paging.commit(changes(message("s", channel="sms"), message("t", channel="push"), message("u", channel="mail")))

        def claim_but(*full: str) -> list[str]:
            return sorted(names(paging.claim_messages(now=at(2), until=at(60), by="me", limit=2, but_not=full)))

        assert claim_but("sms", "push") == ["u"]
        assert claim_but("sms", "none") == ["t"]
        assert claim_but() == ["let-go", "s"]

    def test_first_pages_go_before_all_others_then_the_longest_due(self, paging: PagingStore) -> None:
        """Whatever was due longer, or was let go of by somebody; at most as many as asked for."""
        paging.commit(changes(message("let-go", 2), message("let-go-first", 1, is_first=True)))
        claim(paging, 2, until=3)
        paging.commit(
            changes(
                message("old", 0),
                message("first", 3, is_first=True),
                message("b", 1),
                message("a", 1),
                message("first-of-all", 0.5, is_first=True),
                message("later", 5, is_first=True),
            )
        )

        assert names(claim(paging, 3, limit=1)) == ["first-of-all"]
        assert names(claim(paging, 3, limit=1)) == ["let-go-first"]
        assert names(claim(paging, 3, limit=3)) == ["first", "old", "a"]
        assert names(claim(paging, 3)) == ["b", "let-go"]

    def test_what_must_arrive_is_claimed_again_once_its_lease_ran_out(self, paging: PagingStore) -> None:
        """Marked as a repeat; what may go at most once is left."""
        kinds = list(MessageClass)
        paging.commit(changes(*(message(kind.value, n, message_class=kind) for n, kind in enumerate(kinds))))
        assert len(claim(paging, 9, until=10)) == len(kinds)
        assert claim(paging, 9.9) == paging.run_out(now=at(9.9), limit=9) == []

        again = claim(paging, 10)

        assert [(one.id, one.is_repeat, one.n_tries, one.version) for one in again] == [
            ("page", True, 2, 3), ("emitted", True, 2, 3),
        ]  # fmt: skip
        assert names(paging.run_out(now=at(10), limit=9)) == ["update", "notice", "check"]
        assert names(paging.run_out(now=at(10), limit=2)) == ["update", "notice"]
        assert {one.state for one in paging.run_out(now=at(10), limit=9)} == {MessageState.SENDING}

    @pytest.mark.parametrize("state", [None, *EscalationState])
    def test_page_is_claimed_only_while_somebody_is_paged(
        self, paging: PagingStore, state: EscalationState | None
    ) -> None:
        """Other classes always; a page that somebody was sending when it was acknowledged has run out for good."""
        paging.commit(changes(escalation("i"), message("sent", incident_id="i", is_first=True)))
        claim(paging, 0, until=1)
        if state is None:
            paging.commit(changes(message("page", 1, incident_id="none"), message("sent", incident_id="i")))
        else:
            paging.commit(changes(escalation("i", 2, state), message("page", 1, incident_id="i")))
        update = message("update", 2, incident_id="i", message_class=MessageClass.UPDATE)
        paging.commit(changes(update, message("of-no-incident", 3)))
        is_paged = state in {EscalationState.RUNNING, EscalationState.UNREACHABLE}

        is_sent_again = is_paged or state is None
        assert paging.next_message_at() == (at(1))
        assert names(paging.run_out(now=at(3), limit=9)) == ([] if is_sent_again else ["sent"])
        assert names(claim(paging, 3)) == [
            *(["sent"] if is_sent_again else []), *(["page"] if is_paged else []), "update", "of-no-incident",
        ]  # fmt: skip

    @pytest.mark.parametrize("state", AT_REST)
    def test_message_that_came_to_rest_is_never_claimed(self, paging: PagingStore, state: MessageState) -> None:
        """Nor one that goes with another."""
        paging.commit(changes(message("m")))
        paging.commit(changes(moved(claim(paging, 0, until=1)[0], state=state)))

        assert claim(paging, 9) == paging.run_out(now=at(9), limit=9) == []
        assert paging.next_message_at() is None

    def test_message_that_is_being_sent_by_nobody_is_anybodys(self, paging: PagingStore) -> None:
        """A lease without an end is none."""
        paging.commit(changes(message("m", 1, state=MessageState.SENDING)))

        assert paging.next_message_at() == at(1)
        assert names(claim(paging, 1)) == ["m"]

    def test_message_queued_again_waits_until_it_is_due(self, paging: PagingStore) -> None:
        """And keeps its tries."""
        paging.commit(changes(message("m")))
        page = claim(paging, 0)[0]

        paging.commit(changes(moved(page, state=MessageState.QUEUED, due_at=at(5), error="busy")))

        assert claim(paging, 4) == []
        assert paging.next_message_at() == at(5)
        assert [(one.n_tries, one.is_repeat) for one in claim(paging, 5)] == [(2, False)]

    def test_next_message_is_the_first_due_or_the_first_lease_to_run_out(self, paging: PagingStore) -> None:
        """Pages for which nobody is paged are not waited for."""
        paging.commit(changes(message("idle", incident_id="i"), message("m", 1), message("n", 7, is_first=True)))
        assert paging.next_message_at() == at(1)
        claim(paging, 1, until=9)
        assert paging.next_message_at() == at(7)
        claim(paging, 7, until=20)
        assert paging.next_message_at() == at(9)

    def test_messages_of_incidents_are_the_oldest_first(self, paging: PagingStore) -> None:
        """Of several incidents mixed."""
        queued = [("c", "i", 1), ("a", "j", 2), ("b", "i", 3), ("d", "k", 0), ("e", None, 0)]
        paging.commit(changes(*(message(one, incident_id=of, queued_at=at(n)) for one, of, n in queued)))

        assert names(paging.messages_of(["i", "j", "i", "z"])) == ["c", "a", "b"]

    def test_recent_messages_are_the_newest_first(self, paging: PagingStore) -> None:
        """All, or of a class, a person, before an instant."""
        paging.commit(
            changes(
                message("a", queued_at=at(1), person="ann"),
                message("b", queued_at=at(3), person="ann", message_class=MessageClass.UPDATE),
                message("c", queued_at=at(2), person="bob"),
            )
        )

        assert names(paging.recent_messages()) == ["b", "c", "a"]
        assert names(paging.recent_messages(limit=1)) == ["b"]
        assert names(paging.recent_messages(before=at(3), limit=1)) == ["c"]
        assert names(paging.recent_messages(message_class=MessageClass.PAGE)) == ["c", "a"]
        assert names(paging.recent_messages(person="ann")) == ["b", "a"]
        assert names(paging.recent_messages(person="ann", message_class=MessageClass.PAGE)) == ["a"]

    def test_message_is_found_by_its_providers_name(self, paging: PagingStore) -> None:
        """At that channel; of several the one queued last."""
        sent = [message("a", ref="1"), message("b", ref="1", queued_at=at(1)), message("c", ref="1", channel="email")]
        paging.commit(changes(*sent, message("d")))

        found = paging.message_by_ref("sms", "1")

        assert found is not None
        assert found.id == "b"
        assert paging.message_by_ref("sms", "2") is paging.message_by_ref("chat", "1") is None

    def test_what_goes_with_a_message_is_found_by_it(self, paging: PagingStore) -> None:
        """Whatever became of it, the oldest first."""
        told = [message("a", bundled_into="c", queued_at=at(2)), message("b", bundled_into="c", queued_at=at(1))]
        paging.commit(changes(*told, message("c"), message("d", bundled_into="e")))

        assert names(paging.bundled_into("c")) == ["b", "a"]
        assert paging.bundled_into("a") == paging.bundled_into("c\0") == []

    def test_newest_pages_to_an_address_were_handed_over_or_are_being(self, paging: PagingStore) -> None:
        """Pages, at that channel, the one queued last first."""
        told = [message(name, queued_at=at(n)) for n, name in enumerate(("old", "new", "other"))]
        paging.commit(changes(*told[:2], message("e", queued_at=at(5), message_class=MessageClass.NOTICE)))
        paging.commit(changes(*(handed(one) for one in claim(paging, 0))))
        paging.commit(changes(*told[2:], message("mail", channel="email", queued_at=at(7))))

        def newest(limit: int = 9) -> list[str]:
            return names(paging.newest_pages_to("sms", "+4711", limit=limit))

        assert newest() == ["new", "old"]
        claim(paging, 0)
        assert newest() == ["other", "new", "old"]
        assert newest(1) == ["other"]
        assert paging.newest_pages_to("sms", "+1", limit=9) == paging.newest_pages_to("chat", "+4711", limit=9) == []

    def test_what_was_sent_to_an_address_is_counted(self, paging: PagingStore) -> None:
        """Handed over since then, whatever came of it, or being sent; each once."""
        told = [message(name, address="a") for name in ("old", "new", "failed", "again", "sending")]
        paging.commit(changes(*told, message("other", address="b"), message("mail", channel="email", address="a")))
        by_id = {one.id: one for one in claim(paging, 0)}
        paging.commit(
            changes(
                handed(by_id["old"], 4),
                handed(by_id["new"], 5),
                handed(by_id["failed"], 6, state=MessageState.FAILED),
                handed(by_id["again"], 6, state=MessageState.SENDING),
                handed(by_id["other"], 7),
            )
        )
        paging.commit(changes(message("queued", address="a")))

        asked = [("sms", "a"), ("sms", "b"), ("sms", "c"), ("email", "b")]

        assert paging.sent_since(asked, at(5)) == {("sms", "a"): 4, ("sms", "b"): 1}
        assert paging.sent_since(asked, at(8)) == {("sms", "a"): 2}
        assert paging.sent_since([], at(5)) == {}

    def test_outbox_is_counted_by_class_and_state(self, paging: PagingStore) -> None:
        """What waits or is being sent, however old; what is over, if it was queued since then."""
        paging.commit(
            changes(
                message("a", 3, queued_at=at(1)),
                message("b", 2, queued_at=at(9), message_class=MessageClass.UPDATE),
                message("c", 1, queued_at=at(9), state=MessageState.HANDED),
                message("d", 1, queued_at=at(8), state=MessageState.HANDED),
                message("e", 0, queued_at=at(1), state=MessageState.FAILED),
            )
        )
        claim(paging, 2)

        told = paging.counts(since=at(8))

        assert dict(told.by_state) == {
            (MessageClass.PAGE, MessageState.QUEUED): 1,
            (MessageClass.UPDATE, MessageState.SENDING): 1,
            (MessageClass.PAGE, MessageState.HANDED): 2,
        }
        assert told.oldest_due_at == at(2)

    def test_what_is_over_and_old_is_let_go(self, paging: PagingStore) -> None:
        """Messages and resolved alerts with their decisions; nothing of an incident whose escalation is open."""
        over: dict[str, Any] = {"state": MessageState.DELIVERED, "queued_at": at(1)}
        paging.commit(
            changes(
                *(escalation(state.value, state=state) for state in EscalationState),
                *(message(f"m-{state.value}", incident_id=state.value, **over) for state in EscalationState),
                *(alert(f"x-{state.value}", incident_id=state.value, state=AlertState.RESOLVED)
                  for state in EscalationState),
                message("waits", queued_at=at(1)),
                message("carries", **over),
                message("carried", incident_id="running", bundled_into="carries", **over),
                message("of-none", **over),
                message("young", state=MessageState.FAILED, queued_at=at(5)),
                alert("x-of-none", state=AlertState.RESOLVED),
                alert("x-fires"),
                alert("x-young", decided=5, state=AlertState.RESOLVED),
                decision("x-ended"),
                decision("x-running"),
            )
        )  # fmt: skip

        n_gone = [paging.let_go(at(5)), paging.let_go(at(5))]

        assert n_gone == [4, 0]
        still = {"m-running", "m-acknowledged", "m-unreachable", "waits", "young", "carries", "carried"}
        assert set(names(paging.recent_messages())) == still
        still = {"x-running", "x-acknowledged", "x-unreachable", "x-fires", "x-young"}
        assert {one.id for one in paging.recent_alerts()} == still
        assert paging.decisions("x-ended") == []
        assert paging.decisions("x-running") == [decision("x-running")]

    def test_old_is_let_go_some_at_a_time_the_oldest_first(self, paging: PagingStore) -> None:
        """Messages before alerts."""
        over = [message(f"m{n}", state=MessageState.CANCELLED, queued_at=at(9 - n)) for n in range(3)]
        paging.commit(changes(*over, alert("x", state=AlertState.RESOLVED), alert("y", state=AlertState.RESOLVED)))

        left = []
        for n_gone in (2, 2, 1, 0):
            assert paging.let_go(at(60), limit=2) == n_gone
            left.append((names(paging.recent_messages()), [one.id for one in paging.recent_alerts()]))

        assert left == [(["m0"], ["x", "y"]), ([], ["y"]), ([], []), ([], [])]

    @pytest.mark.parametrize("what", [message("m"), timer("t")])
    def test_waiting_ends_with_a_commit_of_messages_or_timers(self, paging: PagingStore, what: Message) -> None:
        """Also with one between looking and waiting; not with one by which nothing comes to be due."""
        paging.wait(0)
        paging.commit(changes(escalation("a"), timer("over")))
        sent = message("sent", state=MessageState.HANDED)
        nothing_due = changes(alert("x"), sent, replace(timer("over"), due_at=None))
        assert not _is_woken_by(paging, lambda: paging.commit(nothing_due), patience_s=A_WHILE_S)
        assert _is_woken_by(paging, lambda: paging.commit(changes(what)), patience_s=PATIENCE_S)

        paging.wait(PATIENCE_S)


def _is_woken_by(paging: PagingStore, act: Callable[[], None], *, patience_s: float) -> bool:
    """Whether somebody who waits goes on soon after it."""
    is_waiting, went_on = threading.Event(), threading.Event()

    def wait() -> None:
        paging.wait(0)
        is_waiting.set()
        paging.wait(PATIENCE_S)
        went_on.set()

    threading.Thread(target=wait, daemon=True).start()
    assert is_waiting.wait(PATIENCE_S)
    act()
    is_woken = went_on.wait(patience_s)
    if not is_woken:
        paging.commit(changes(timer("wake")))
    assert went_on.wait(PATIENCE_S)
    return is_woken
