"""An incident's room where two people want different things, and where somebody sends what no page would."""

import re

import pytest
from msgspec import UNSET

from resile.app.access import Access
from resile.app.accounts import Accounts
from resile.app.growing import Growing
from resile.app.incidents import declare, show_incident
from resile.app.wiring import Resile
from resile.model.event import Described, Detected, Noted, PagingBegan, Reopened, Restored
from resile.model.incident import InstantName, value_of
from resile.model.lifecycle import Declare, Describe, Merge, Note, Reach, Reopen
from resile.model.room import room_of
from resile.model.room_event import CalledIn, Role, TaskState
from resile.model.room_lifecycle import AddTask, ChangeTask, EditNote, TakeRole, Withdraw
from resile.model.severity import Severity
from resile.ports.account_store import Role as Right
from resile.web.pages.incident import BLOCK
from resile.web.pages.incident_sides import out_of_reach

from .conftest import PASSWORDS
from .paging_world import fill, page
from .test_incident_room import Reader, bob, n_told
from .test_restore_page import text_of


@pytest.fixture
def incident_id(empty: Resile) -> str:
    told = Declare(title="Checkout fails", severity=Severity.SEV3, services=("checkout",), team="shop")
    return declare(empty, told, by="user:ann").incident.id


def task_of(resile: Resile, incident_id: str) -> str:
    bob(resile, incident_id, AddTask("Tell support"))
    return resile.timelines.read(incident_id)[-1].id


def test_who_describes_one_thing_anew_leaves_what_somebody_else_described_meanwhile(
    empty: Resile, incident_id: str
) -> None:
    reader = Reader(empty, incident_id)
    bob(empty, incident_id, Describe(title="Payments fail"))

    status, html = reader.send("describe", title="Checkout fails", services="checkout, cart", team="shop")

    assert status == 200
    view = show_incident(empty, incident_id)
    assert view is not None
    assert value_of(view.incident.title, "") == "Payments fail"
    assert value_of(view.incident.services, ()) == ("checkout", "cart")
    told = [event for event in view.timeline if isinstance(event, Described)][-1]
    assert (told.title, told.team) == (UNSET, UNSET)
    assert "Done. Meanwhile bob described it anew" in text_of(html)


def test_of_two_titles_at_once_the_second_is_asked_for_again(empty: Resile, incident_id: str) -> None:
    reader = Reader(empty, incident_id)
    bob(empty, incident_id, Describe(title="Payments fail"))

    status, html = reader.send("describe", title="Carts fail", services="checkout", team="shop")

    assert status == 409
    assert "bob described it anew while you decided" in text_of(html)
    assert 'value="Carts fail"' in html


def test_words_that_change_nothing_tell_nothing(empty: Resile, incident_id: str) -> None:
    Reader(empty, incident_id).send("describe", title="Checkout fails", services="checkout", team="shop")

    assert n_told(empty, incident_id, Described) == 0


def test_of_two_who_give_a_task_to_different_people_the_second_is_told(empty: Resile, incident_id: str) -> None:
    task_id = task_of(empty, incident_id)
    reader = Reader(empty, incident_id)
    bob(empty, incident_id, ChangeTask(task_id=task_id, owner="carol"))

    status, html = reader.send("task/change", task_id=task_id, owner="dan")

    assert status == 409
    assert "bob changed the task while you decided" in text_of(html)
    assert 'value="dan"' in html
    assert room_of(empty.timelines.read(incident_id)).tasks[0].owner == "carol"


def test_a_task_that_was_dropped_meanwhile_is_not_done_in_silence(empty: Resile, incident_id: str) -> None:
    task_id = task_of(empty, incident_id)
    reader = Reader(empty, incident_id)
    bob(empty, incident_id, ChangeTask(task_id=task_id, state=TaskState.DROPPED))

    assert reader.send("task/change", task_id=task_id, state="done")[0] == 409


def test_restored_said_again_from_an_old_page_is_not_taken_for_what_one_said_before(
    empty: Resile, incident_id: str
) -> None:
    reader = Reader(empty, incident_id)
    assert reader.send("reach", instant="restored")[0] == 200
    bob(empty, incident_id, Reopen("it is back"))

    status, html = reader.send("reach", instant="restored")

    assert status == 409
    assert "bob reopened it while you decided" in text_of(html)
    assert (n_told(empty, incident_id, Restored), n_told(empty, incident_id, Reopened)) == (1, 1)


def test_words_for_a_note_that_was_withdrawn_meanwhile_come_back_as_a_note(empty: Resile, incident_id: str) -> None:
    bob(empty, incident_id, Note("The pool is full."))
    note_id = empty.timelines.read(incident_id)[-1].id
    reader = Reader(empty, incident_id)
    bob(empty, incident_id, Withdraw(note_id, "the wrong incident"))

    status, html = reader.send("note/edit", note_id=note_id, seen=note_id, text="The pool of payments is full.")

    assert status == 409
    assert "or it was withdrawn" in text_of(html)
    assert re.search(r'<details id="act-note" open>', html)
    assert "The pool of payments is full.</textarea>" in html


def test_open_incident_is_not_merged_into_one_that_is_over(empty: Resile, incident_id: str) -> None:
    other = declare(empty, Declare(title="Payments fail"), by="user:ann").incident.id
    bob(empty, other, Reach(InstantName.RESTORED))

    status, html = Reader(empty, incident_id).send("merge", into=other)

    assert status == 409
    assert f"{other} is restored; reopen it first" in text_of(html)
    bob(empty, incident_id, Reach(InstantName.RESTORED))
    assert Reader(empty, incident_id).send("merge", into=other)[0] == 200


def test_who_carries_on_for_another_no_longer_does_once_that_stands_apart(empty: Resile, incident_id: str) -> None:
    other = declare(empty, Declare(title="Payments fail"), by="user:ann").incident.id
    third = declare(empty, Declare(title="Carts fail"), by="user:ann").incident.id
    bob(empty, incident_id, Merge(other))
    n_before = len(empty.timelines.read(incident_id))
    bob(empty, incident_id, Merge(other))
    assert len(empty.timelines.read(incident_id)) == n_before

    status, html = Reader(empty, incident_id).send("merge", into=third)
    assert status == 409
    assert f"was merged into {other}; set it apart first" in text_of(html)
    bob(empty, incident_id, Merge(None))
    n_apart = len(empty.timelines.read(incident_id))
    bob(empty, incident_id, Merge(None))

    assert len(empty.timelines.read(incident_id)) == n_apart
    view = show_incident(empty, other)
    assert view is not None
    assert view.incident.absorbed == frozenset()
    assert "It carries on for" not in text_of(Reader(empty, other).send("note", text="look")[1])


TOO_LONG: tuple[tuple[str, dict[str, str]], ...] = (
    ("reach", {"instant": "identified", "text": "x" * 10_001}),
    ("reopen", {"reason": "x" * 10_001}),
    ("mark", {"exclusion": "noise", "reason": "x" * 10_001}),
    ("task", {"text": "Tell support", "owner": "x" * 501}),
    ("evidence", {"title": "t", "url": "https://example.org/" + "x" * 2_001}),
    ("call-in", {"target": "person/ann", "because": "x" * 501}),
    ("withdraw", {"reason": "x" * 501}),
)


def test_nothing_that_was_typed_is_cut_in_silence(empty: Resile, incident_id: str) -> None:
    bob(empty, incident_id, Note("look"))
    note_id = empty.timelines.read(incident_id)[-1].id
    bob(empty, incident_id, Reach(InstantName.RESTORED))
    n_before = len(empty.timelines.read(incident_id))
    reader = Reader(empty, incident_id)

    for form, fields in TOO_LONG:
        status, html = reader.send(form, **fields, **({"event_id": note_id} if form == "withdraw" else {}))

        assert (status, "write at most" in text_of(html)) == (409, True), form
    assert len(empty.timelines.read(incident_id)) == n_before


def test_characters_that_no_store_keeps_are_refused(empty: Resile, incident_id: str) -> None:
    reader = Reader(empty, incident_id)

    for form in ("note", "task", "reach"):
        status, html = reader.send(form, instant="identified", text="a\x00b")

        assert (status, "NUL" in text_of(html)) == (400, True), form


def test_a_button_that_is_tapped_twice_pages_once(empty: Resile) -> None:
    fill(empty)
    incident_id = page(empty, "Checkout fails")
    reader = Reader(empty, incident_id)
    n_began, n_called = (n_told(empty, incident_id, kind) for kind in (PagingBegan, CalledIn))

    for _ in range(2):
        assert reader.send("paging/escalate")[0] == 200
        assert reader.send("call-in", target="person/bob")[0] == 200

    assert n_told(empty, incident_id, PagingBegan) == n_began + 1
    assert n_told(empty, incident_id, CalledIn) == n_called + 1


def test_a_role_with_somebody_who_cannot_answer_says_so(empty: Resile, incident_id: str) -> None:
    fill(empty)
    access = Access(empty.accounts, empty.clock, PASSWORDS)
    admin = access.of_session(access.set_up(access.make_set_up_link(), "root", "correct horse battery"))
    assert admin is not None
    accounts = Accounts(empty.accounts, empty.clock)
    accounts.add_user(admin, "bob", Right.EDITOR)
    gone = next(user for user in empty.accounts.users() if user.name == "bob")
    accounts.disable(admin, gone.id)
    for role, person in ((Role.COMMANDER, "alcie"), (Role.DEPUTY, "bob"), (Role.SCRIBE, "ann")):
        bob(empty, incident_id, TakeRole(role, person))

    view = show_incident(empty, incident_id)

    assert view is not None
    assert out_of_reach(empty, room_of(view.timeline)) == {
        "alcie": "nobody of that name is in the catalog",
        "bob": "the account is disabled",
    }


@pytest.mark.parametrize("what", ["note/edit", "correct"])
def test_form_that_is_refused_comes_back_on_its_line_however_far_back_that_is(
    empty: Resile, incident_id: str, what: str
) -> None:
    bob(empty, incident_id, Note("The pool is full."))
    note_id = empty.timelines.read(incident_id)[-1].id
    growing = Growing(incident_id, empty.timelines.read(incident_id), now=empty.clock.now(), by="user:bob")
    for number in range(2 * BLOCK):
        growing.tell(Noted, text=f"line {number}")
    empty.timelines.append(growing.appends())
    detected = next(one.id for one in growing.events if isinstance(one, Detected))
    reader = Reader(empty, incident_id)
    fields: dict[str, str] = {
        "note/edit": {"note_id": note_id, "seen": note_id, "text": "The pool of payments is full."},
        "correct": {"event_id": detected, "to": "half past ten", "reason": "The pool of payments is full."},
    }[what]
    if what == "note/edit":
        bob(empty, incident_id, EditNote(note_id, "The pool is half full.", note_id))

    status, html = reader.send(what, **fields)

    assert status == 409
    assert "The pool of payments is full." in html
