"""An incident's room on its page: what people do at the same time, and that nothing they type is lost."""

import re
import threading
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from msgspec.structs import replace

from resile.app.growing import Growing
from resile.app.incidents import command_incident, declare
from resile.app.wiring import Resile
from resile.model.event import Noted, Source
from resile.model.incident import InstantName
from resile.model.lifecycle import ChangeSeverity, Command, Declare, Note, Reach, Reopen
from resile.model.room_event import EvidenceKind, Role, Said
from resile.model.room_lifecycle import AddEvidence, AddTask, EditNote, RoomCommand, TakeRole, Withdraw
from resile.model.severity import Severity
from resile.ports.paging_store import Changes
from resile.testing.simulated_clock import SimulatedClock
from resile.web.pages.incident import BLOCK, MOST_LINES, shown_lines
from resile.web.shared_room import Look, Made, SharedRooms

from .conftest import INJECTION, browser_of
from .paging_world import fill, page
from .test_incident_pages import token_in
from .test_now_page import FullDisk
from .test_restore_page import text_of


class Reader:
    """Somebody with the page of one incident before them, as it was when they looked."""

    def __init__(self, resile: Resile, incident_id: str) -> None:
        self.browser: TestClient = browser_of(resile)
        self.path = f"/incidents/{incident_id}"
        html = self.browser.get(self.path).text
        self.aim = {
            "csrf_token": token_in(html),
            "incident_id": incident_id,
            "version": str(len(resile.timelines.read(incident_id))),
        }

    def send(self, to: str, /, **fields: str) -> tuple[int, str]:
        """Send a form of that page: status, and the page that comes."""
        answer = self.browser.post(f"/do/{to}", data={**self.aim, **fields})
        return answer.status_code, answer.text


@pytest.fixture
def incident_id(empty: Resile) -> str:
    return declare(empty, Declare(title="Checkout fails", severity=Severity.SEV3), by="user:ann").incident.id


def bob(resile: Resile, incident_id: str, command: Command | RoomCommand) -> None:
    clock = resile.clock
    assert isinstance(clock, SimulatedClock)
    clock.advance(timedelta(minutes=1))
    command_incident(resile, incident_id, command, by="user:bob")


def n_told(resile: Resile, incident_id: str, kind: type) -> int:
    return sum(isinstance(event, kind) for event in resile.timelines.read(incident_id))


def test_a_note_on_an_old_page_is_written_and_what_somebody_did_meanwhile_is_told(
    empty: Resile, incident_id: str
) -> None:
    reader = Reader(empty, incident_id)
    bob(empty, incident_id, Reach(InstantName.RESTORED))
    bob(empty, incident_id, Reach(InstantName.CLOSED))

    status, html = reader.send("note", text="The pool was full.")

    assert status == 200
    assert "The pool was full." in text_of(html)
    assert "Done. Meanwhile bob said that it is restored, and bob closed it." in text_of(html)


def test_a_severity_that_somebody_else_changed_is_asked_for_again_with_ones_choice_kept(
    empty: Resile, incident_id: str
) -> None:
    reader = Reader(empty, incident_id)
    bob(empty, incident_id, ChangeSeverity(Severity.SEV1))

    status, html = reader.send("severity", severity="SEV4")

    assert status == 409
    assert "Not done: incident INC-1: bob changed the severity to SEV1 while you decided" in text_of(html)
    assert "<option selected>SEV4</option>" in html
    assert re.search(r'<details id="act-severity" open>', html)

    again = Reader(empty, incident_id).send("severity", severity="SEV4")
    assert again[0] == 200
    assert "SEV4" in text_of(again[1])


def test_restored_is_asked_for_again_after_somebody_reopened(empty: Resile, incident_id: str) -> None:
    bob(empty, incident_id, Reach(InstantName.RESTORED))
    reader = Reader(empty, incident_id)
    bob(empty, incident_id, Reopen("it is back"))

    status, html = reader.send("reach", instant="restored")

    assert status == 409
    assert "bob reopened it while you decided" in text_of(html)


def test_of_two_who_tap_restored_the_second_is_told_who_was_first(empty: Resile, incident_id: str) -> None:
    reader = Reader(empty, incident_id)
    bob(empty, incident_id, Reach(InstantName.RESTORED))

    status, html = reader.send("reach", instant="restored", form="say")

    assert status == 409
    assert "bob said that it is restored while you decided" in text_of(html)
    assert '<details id="act-more" open' not in html


def test_who_wants_what_somebody_else_did_already_is_not_asked_again(empty: Resile, incident_id: str) -> None:
    reader = Reader(empty, incident_id)
    bob(empty, incident_id, ChangeSeverity(Severity.SEV1))
    bob(empty, incident_id, TakeRole(Role.COMMANDER, "bob"))

    assert reader.send("severity", severity="SEV1")[0] == 200
    assert reader.send("role", role="commander", person="bob")[0] == 200


def test_a_form_sent_twice_is_carried_out_once(empty: Resile, incident_id: str) -> None:
    forms: list[tuple[str, dict[str, str]]] = [
        ("note", {"text": "twice"}),
        ("task", {"text": "twice"}),
        ("reach", {"instant": "mitigated"}),
        ("evidence", {"title": "twice", "text": "a line"}),
    ]
    for form, fields in forms:
        n_before = len(empty.timelines.read(incident_id))
        reader = Reader(empty, incident_id)

        assert [reader.send(form, **fields)[0] for _ in range(2)] == [200, 200]

        assert len(empty.timelines.read(incident_id)) == n_before + 1, form


def test_two_who_edit_a_note_lose_nothing(empty: Resile, incident_id: str) -> None:
    bob(empty, incident_id, Note("The pool is full."))
    note_id = empty.timelines.read(incident_id)[-1].id
    reader = Reader(empty, incident_id)
    form = reader.browser.get(f"{reader.path}?edit={note_id}").text
    assert "The pool is full.</textarea>" in form
    bob(empty, incident_id, EditNote(note_id, "The pool of payments is full.", seen=note_id))

    status, html = reader.send("note/edit", note_id=note_id, seen=note_id, text="The pool has 5 connections.")

    assert status == 409
    assert "bob changed this note while you did" in text_of(html)
    assert "The pool of payments is full." in text_of(html)
    assert "The pool has 5 connections.</textarea>" in html

    seen = re.search(r'name="seen" value="([^"]+)"', html)
    assert seen is not None
    joined = "The pool of payments has 5 connections, all in use."
    status, html = reader.send("note/edit", note_id=note_id, seen=seen[1], text=joined)
    assert status == 200
    assert joined in text_of(html)
    assert "2 earlier wordings" in text_of(html)


REFUSED: tuple[tuple[str, dict[str, str], str], ...] = (
    ("note", {"text": "x" * 10_001}, "10,001 characters"),
    ("evidence", {"title": "t", "url": "javascript:alert(1)", "text": "line 1"}, "is no address of the web"),
    ("evidence", {"title": "", "url": "", "text": "typed for long"}, "the title is empty"),
    ("task", {"text": "y" * 501, "owner": "ann"}, "write at most 500"),
    ("describe", {"title": "", "services": "checkout, cart", "team": "shop"}, "the title is empty"),
    ("merge", {"into": "INC-77"}, "INC-77 is not known"),
    ("reach", {"instant": "identified", "at": "yesterday", "text": "a full disk"}, "yesterday"),
    ("call-in", {"target": "planet/mars", "because": "help"}, "is no target"),
    ("role", {"role": "king", "person": "ann"}, "role 'king' is unknown"),
)


def test_a_form_that_is_refused_comes_back_as_it_was_filled(empty: Resile, incident_id: str) -> None:
    fill(empty)
    reader = Reader(empty, incident_id)
    for form, fields, why in REFUSED:
        status, html = reader.send(form, **fields)

        assert status == 409
        assert why in text_of(html)
        for name, value in fields.items():
            chosen = name in {"instant", "role", "target"} or not value
            assert chosen or f'value="{value}"' in html or f"{value}</textarea>" in html, (form, name)


def test_what_was_withdrawn_stands_nowhere_on_the_page(empty: Resile, incident_id: str) -> None:
    bob(empty, incident_id, Note("the password is hunter2"))
    bob(empty, incident_id, AddEvidence(evidence=EvidenceKind.LOG, title="log with a secret", text="token=abc"))
    note, evidence = (event.id for event in empty.timelines.read(incident_id)[-2:])
    bob(empty, incident_id, EditNote(note, "the password was hunter2", seen=note))
    bob(empty, incident_id, Withdraw(note, "a secret"))
    reader = Reader(empty, incident_id)

    _, html = reader.send("withdraw", event_id=evidence, reason="another one")

    assert "hunter2" not in html
    assert "token=abc" not in html
    assert "log with a secret" not in html
    assert "withdrawn: a secret" in text_of(html)


def test_a_message_of_a_chat_is_withdrawn_on_the_page(empty: Resile, incident_id: str) -> None:
    growing = Growing(incident_id, empty.timelines.read(incident_id), now=empty.clock.now(), by="slack:U1")
    growing.tell(Said, channel="slack", author="eve", text="the password is hunter2", ref="C1:1.0")
    empty.paging.commit(Changes(appends=growing.appends()))
    reader = Reader(empty, incident_id)
    assert "withdraw what eve said" in text_of(reader.browser.get(reader.path).text)

    status, html = reader.send("withdraw", event_id=growing.new[0].id, reason="a password")

    assert status == 200
    assert "hunter2" not in html
    assert "withdrawn: a password" in text_of(html)
    assert "withdraw what eve said" not in text_of(html)


def test_hostile_notes_are_shown_as_written_and_do_nothing(empty: Resile, incident_id: str) -> None:
    bob(empty, incident_id, Note(INJECTION + "\n\n**bold** [x](javascript:alert(1))"))

    html = browser_of(empty).get(f"/incidents/{incident_id}").text

    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert 'href="javascript' not in html
    assert "<strong>bold</strong>" in html


def test_roles_tasks_and_evidence_are_kept_on_the_page(empty: Resile, incident_id: str) -> None:
    bob(empty, incident_id, TakeRole(Role.COMMANDER, "bob"))
    bob(empty, incident_id, AddTask("Tell support"))
    task_id = empty.timelines.read(incident_id)[-1].id

    Reader(empty, incident_id).send("role", role="commander", person="carol")
    Reader(empty, incident_id).send("task/change", task_id=task_id, owner="dan")
    Reader(empty, incident_id).send("evidence", title="The board", url="https://grafana.example/d/1")
    text = text_of(Reader(empty, incident_id).send("task/change", task_id=task_id, state="done")[1])

    assert "commander carol" in text
    assert "taken over from bob" in text
    assert "1 of 1 done" in text
    assert "dan · done by local" in text
    assert "The board" in text


def test_a_role_that_somebody_else_gave_away_is_asked_for_again(empty: Resile, incident_id: str) -> None:
    reader = Reader(empty, incident_id)
    bob(empty, incident_id, TakeRole(Role.COMMANDER, "bob"))

    status, html = reader.send("role", role="commander", person="ann")

    assert status == 409
    assert "bob made bob commander while you decided" in text_of(html)


def test_an_incident_is_merged_into_an_open_one_and_set_apart_again(empty: Resile, incident_id: str) -> None:
    other = declare(empty, Declare(title="Payments fail"), by="user:ann").incident.id
    bob(empty, incident_id, Note("look"))
    reader = Reader(empty, incident_id)
    assert f'<option value="{other}">Payments fail</option>' in reader.browser.get(reader.path).text

    merged = text_of(reader.send("merge", into=other)[1])
    apart = text_of(Reader(empty, incident_id).send("merge", into="")[1])

    assert f"Checkout fails. Merged into {other}, which carries on for both." in merged
    assert "Apart again" in apart


def test_people_are_called_in_by_service_or_by_name(empty: Resile) -> None:
    fill(empty)
    incident_id = page(empty)

    status, html = Reader(empty, incident_id).send("call-in", target="person/bob", because="the pool is his")

    assert status == 200
    assert "Called in bob" in text_of(html)


def test_of_a_long_timeline_the_newest_lines_are_shown_and_earlier_ones_on_demand(
    empty: Resile, incident_id: str
) -> None:
    growing = Growing(incident_id, empty.timelines.read(incident_id), now=empty.clock.now(), by="user:ann")
    for number in range(250):
        growing.tell(Noted, source=Source.HUMAN, text=f"note {number};")
    empty.timelines.append(growing.appends())
    browser = browser_of(empty)

    newest = browser.get(f"/incidents/{incident_id}").text
    earlier = browser.get(f"/incidents/{incident_id}?part=live&from=0").text

    assert ("note 249;" in newest, "note 3;" in newest, "100 earlier lines" in newest) == (True, False, True)
    assert ("note 249;" in earlier, "note 3;" in earlier, "earlier line" in earlier) == (True, True, False)
    assert browser.get(f"/incidents/{incident_id}?from=banana").status_code == 200


def test_the_first_line_moves_by_blocks_and_a_page_is_never_longer_than_it_may_be() -> None:
    firsts = [shown_lines(n, None)[0] for n in range(1_000)]

    assert all(n - first < 2 * BLOCK for n, first in enumerate(firsts))
    assert sorted(set(firsts)) == list(range(0, 900, BLOCK))
    assert shown_lines(10_000, 0) == (0, MOST_LINES)
    assert shown_lines(10_000, 9_700) == (9_700, 10_000)
    assert shown_lines(250, 10**8) == shown_lines(250, None) == (100, 250)
    # A page that stays open sees what is new, however much came meanwhile.
    followed = [shown_lines(n, 100, follows=True) for n in range(250, 3_000)]
    assert all(ends == n and n - first <= MOST_LINES for n, (first, ends) in enumerate(followed, 250))


def test_every_line_of_a_long_timeline_is_reached_page_by_page(empty: Resile, incident_id: str) -> None:
    growing = Growing(incident_id, empty.timelines.read(incident_id), now=empty.clock.now(), by="user:ann")
    for number in range(1_200):
        growing.tell(Noted, source=Source.HUMAN, text=f"note {number};")
    empty.timelines.append(growing.appends())
    browser = browser_of(empty)

    seen: list[str] = []
    address = f"/incidents/{incident_id}?from=0"
    for _ in range(4):
        html = browser.get(address).text
        seen += re.findall(r"note \d+;", html)
        later = re.search(r'href="(\?from=\d+)#timeline"[^>]*>[^<]* later line', html)
        if later is None:
            break
        assert f'href="/incidents/{incident_id}#newest"' in html
        address = f"/incidents/{incident_id}{later[1]}"

    assert list(dict.fromkeys(seen)) == [f"note {number};" for number in range(1_200)]
    note_id = empty.timelines.read(incident_id)[700].id
    assert f'name="note_id" value="{note_id}"' in browser.get(f"/incidents/{incident_id}?edit={note_id}").text


def test_everybody_has_their_own_form_token_on_a_page_that_is_made_once(empty: Resile, incident_id: str) -> None:
    ann, bob = Reader(empty, incident_id), Reader(empty, incident_id)
    html = ann.browser.get(ann.path).text

    assert token_in(html) == ann.aim["csrf_token"] != bob.aim["csrf_token"]
    assert set(re.findall(r'name="csrf_token" value="([^"]+)"', html)) == {ann.aim["csrf_token"]}
    assert ann.send("note", text="mine")[0] == 200


def test_a_page_is_made_once_for_all_and_anew_for_the_incidents_own_events_alone(
    empty: Resile, incident_id: str
) -> None:
    rooms = SharedRooms(empty)
    look = Look(incident_id, "UTC", can_write=True)
    made: list[int] = []

    def make() -> Made:
        made.append(1)
        return Made("title", rooms.token)

    readers = [threading.Thread(target=rooms.page, args=(look, "token", make)) for _ in range(20)]
    for one in readers:
        one.start()
    for one in readers:
        one.join()
    assert (len(made), rooms.page(look, "mine", make)) == (1, Made("title", "mine"))

    declare(empty, Declare(title="another"), by="user:ann")
    rooms.page(look, "token", make)
    assert len(made) == 1

    command_incident(empty, incident_id, Note("news"), by="user:ann")
    rooms.page(look, "token", make)
    assert len(made) == 2


def test_a_full_disk_takes_figures_from_the_page_and_nothing_else(empty: Resile) -> None:
    told = Declare(title="Disk full", severity=Severity.SEV1, services=("checkout",))
    incident_id = declare(empty, told, by="user:ann").incident.id

    answer = browser_of(replace(empty, facts=FullDisk())).get(f"/incidents/{incident_id}")

    assert answer.status_code == 200
    assert "Acknowledge" in text_of(answer.text)


def test_whoever_may_only_read_sees_everything_and_no_form(empty: Resile, incident_id: str) -> None:
    rooms = SharedRooms(empty)

    assert Look(incident_id, "UTC", can_write=False) != Look(incident_id, "UTC", can_write=True)
    assert rooms.token not in browser_of(empty).get(f"/incidents/{incident_id}").text
