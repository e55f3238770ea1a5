"""The pages behind the links of messages: one button, no login, nothing else to see; and the same without a page."""

import re
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from resile.app.incidents import command_incident
from resile.app.links import Deed
from resile.app.wiring import Resile
from resile.model.escalation import EscalationState
from resile.model.incident import InstantName
from resile.model.lifecycle import Reach
from resile.testing.simulated_clock import SimulatedClock
from resile.web.server import create_app

from .conftest import INJECTION, PASSWORDS
from .paging_world import fill, first_page, page


@pytest.fixture
def app(empty: Resile) -> FastAPI:
    """With an admin, so that everybody else must log in."""
    fill(empty)
    app = create_app(empty, passwords=PASSWORDS)
    app.state.access.set_up(_secret(app), "ann", "correct horse battery")
    return app


def _secret(app: FastAPI) -> str:
    return str(app.state.access.make_set_up_link())


@pytest.fixture
def stranger(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50_000), follow_redirects=False)


def token(resile: Resile, incident_id: str, deed: Deed) -> str:
    return resile.links.token(first_page(resile, incident_id).id, deed, now=resile.clock.now())


def state(resile: Resile, incident_id: str) -> EscalationState:
    return resile.paging.escalations([incident_id])[incident_id].state


def said(html: str) -> str:
    found = re.search(r'<p class="said[^"]*"[^>]*><b>(.*?)</b>', html, re.DOTALL)
    assert found is not None
    return found[1]


def test_looking_changes_nothing_and_one_post_takes_it(empty: Resile, stranger: TestClient) -> None:
    incident_id = page(empty)
    path = f"/answer/{token(empty, incident_id, Deed.ACKNOWLEDGE)}"

    shown = stranger.get(path)
    after_looking = state(empty, incident_id)
    done = stranger.post(path, data={"do": "acknowledge"})

    assert shown.status_code == 200
    assert "Checkout fails" in shown.text
    assert f"{incident_id} · open" in shown.text
    assert len(re.findall("<button", shown.text)) == 1
    assert after_looking is EscalationState.RUNNING
    assert state(empty, incident_id) is EscalationState.ACKNOWLEDGED
    assert said(done.text) == "You took INC-1. Nobody else is paged for it."


def test_a_scanner_that_posts_without_a_body_takes_it_too_for_the_link_says_what_to_do(
    empty: Resile, stranger: TestClient
) -> None:
    incident_id = page(empty)

    stranger.post(f"/answer/{token(empty, incident_id, Deed.ACKNOWLEDGE)}")

    assert state(empty, incident_id) is EscalationState.ACKNOWLEDGED


def test_a_link_used_again_says_who_took_it(empty: Resile, stranger: TestClient) -> None:
    incident_id = page(empty)
    path = f"/answer/{token(empty, incident_id, Deed.ACKNOWLEDGE)}"
    empty.pager.acknowledge(incident_id, who="bob", by="user:bob")

    assert said(stranger.post(path).text) == "bob took INC-1 already."


def test_an_opened_link_says_who_has_it_or_that_it_is_over_before_anybody_presses(
    empty: Resile, stranger: TestClient
) -> None:
    incident_id = page(empty)
    to_take, to_both = (f"/answer/{token(empty, incident_id, deed)}" for deed in (Deed.ACKNOWLEDGE, Deed.ACT))
    empty.pager.acknowledge(incident_id, who="bob", by="user:bob")
    taken, both = stranger.get(to_take).text, stranger.get(to_both).text
    command_incident(empty, incident_id, Reach(InstantName.RESTORED), by="user:bob")
    over = stranger.get(to_both).text

    assert (said(taken), said(both)) == ("bob took INC-1 already.", "bob took INC-1 already.")
    assert re.findall(r'name="do" value="(\w+)"', taken) == []
    assert re.findall(r'name="do" value="(\w+)"', both) == ["escalate"]
    assert said(over) == "INC-1 is over already: restored."
    assert "<button" not in over


def test_every_answer_leads_to_the_incident(empty: Resile, stranger: TestClient) -> None:
    path = f"/answer/{token(empty, page(empty), Deed.ACKNOWLEDGE)}"

    assert 'href="/incidents/INC-1"' in stranger.get(path).text
    assert 'href="/incidents/INC-1"' in stranger.post(path).text
    assert 'href="/now"' in stranger.get("/answer/nonsense").text


def test_a_scanner_that_asks_for_the_head_alone_is_answered_and_takes_nothing(
    empty: Resile, stranger: TestClient
) -> None:
    incident_id = page(empty)

    answer = stranger.head(f"/answer/{token(empty, incident_id, Deed.ACKNOWLEDGE)}")

    assert (answer.status_code, answer.text) == (200, "")
    assert state(empty, incident_id) is EscalationState.RUNNING


def test_the_page_has_no_navigation_no_script_and_is_kept_by_nobody(empty: Resile, stranger: TestClient) -> None:
    incident_id = page(empty)

    answer = stranger.get(f"/answer/{token(empty, incident_id, Deed.ACKNOWLEDGE)}")

    assert "<nav" not in answer.text
    assert "<script" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("cut", ["", "x", "%00", "a" * 5_000, "%F0%9F%A6%86", "a.b.c"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_is_none_says_what_to_do(empty: Resile, stranger: TestClient, cut: str, method: str) -> None:
    page(empty)

    answer = stranger.request(method, f"/answer/{cut}")

    if cut == "":
        assert answer.status_code in {303, 401, 404}
    elif cut != "%00":
        assert answer.status_code == 403
        assert "open the incident and acknowledge it there" in said(answer.text)
    else:
        assert answer.status_code == 400


def test_a_link_that_expired_says_when(empty: Resile, stranger: TestClient) -> None:
    incident_id = page(empty)
    path = f"/answer/{token(empty, incident_id, Deed.ACKNOWLEDGE)}"
    clock = empty.clock
    assert isinstance(clock, SimulatedClock)
    clock.advance(timedelta(hours=24))

    answer = stranger.post(path)

    assert answer.status_code == 403
    assert said(answer.text).startswith("This link expired 2024-04-02 12:00 UTC")
    assert state(empty, incident_id) is EscalationState.RUNNING


def test_a_link_to_acknowledge_does_not_escalate(empty: Resile, stranger: TestClient) -> None:
    incident_id = page(empty)
    path = f"/answer/{token(empty, incident_id, Deed.ACKNOWLEDGE)}"

    answer = stranger.post(path, data={"do": "escalate"})

    assert (answer.status_code, state(empty, incident_id)) == (403, EscalationState.RUNNING)
    assert {one.person for one in empty.paging.messages_of([incident_id])} == {"ann"}


def test_a_link_for_a_message_that_is_gone_says_so(empty: Resile, stranger: TestClient) -> None:
    forgotten = empty.links.token("f" * 24, Deed.ACKNOWLEDGE, now=empty.clock.now())

    answer = stranger.get(f"/answer/{forgotten}")

    assert answer.status_code == 403
    assert "not kept any more" in said(answer.text)


def test_buttons_that_send_a_request_are_answered_in_plain_text(empty: Resile, stranger: TestClient) -> None:
    incident_id = page(empty)
    path = f"/act/{token(empty, incident_id, Deed.ACT)}"

    looked = stranger.get(path)
    nothing = stranger.post(path)
    nonsense = stranger.post(f"{path}?do=explode")
    escalated = stranger.post(f"{path}?do=escalate")
    taken = stranger.post(f"{path}?do=acknowledge", headers={"origin": "https://elsewhere.example.org"})

    assert [one.status_code for one in (looked, nothing, nonsense, escalated, taken)] == [405, 400, 400, 200, 200]
    assert escalated.text == "INC-1: now paging bob.\n"
    assert taken.text == "You took INC-1. Nobody else is paged for it.\n"
    assert taken.headers["content-type"].startswith("text/plain")


def test_a_link_for_both_offers_both(empty: Resile, stranger: TestClient) -> None:
    incident_id = page(empty)

    shown = stranger.get(f"/answer/{token(empty, incident_id, Deed.ACT)}").text

    assert re.findall(r'name="do" value="(\w+)"', shown) == ["acknowledge", "escalate"]


def test_who_guesses_is_slowed_down_and_a_right_link_is_still_heard(empty: Resile, stranger: TestClient) -> None:
    incident_id = page(empty)
    guesses = [stranger.get(f"/answer/guess{number}").status_code for number in range(70)]

    last = stranger.post("/act/guess")
    done = stranger.post(f"/act/{token(empty, incident_id, Deed.ACKNOWLEDGE)}")

    assert (guesses[0], guesses[-1], last.status_code) == (403, 429, 429)
    assert int(last.headers["retry-after"]) >= 1
    assert done.status_code == 200


def test_a_hostile_title_is_text(empty: Resile, stranger: TestClient) -> None:
    incident_id = page(empty, INJECTION)

    html = stranger.get(f"/answer/{token(empty, incident_id, Deed.ACKNOWLEDGE)}").text

    assert "<script>" not in html
    assert "<img" not in html


def test_no_token_is_ever_logged(empty: Resile, stranger: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    incident_id = page(empty)
    secret = token(empty, incident_id, Deed.ACT)

    for path in (f"/answer/{secret}", f"/act/{secret}?do=acknowledge"):
        stranger.get(path)
        stranger.post(path)
    empty.timelines.close()
    stranger.get(f"/answer/{secret}")

    heard = capsys.readouterr()
    assert "/answer/…" in heard.out + heard.err
    assert secret not in heard.out + heard.err


def test_where_the_data_lies_is_for_the_log_alone(
    empty: Resile, stranger: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    key = empty.settings.data / "secret.key"
    key.write_bytes(b"damaged")

    answers = [stranger.get("/answer/guess"), stranger.post("/act/guess?do=acknowledge")]

    heard = capsys.readouterr()
    assert [one.status_code for one in answers] == [503, 503]
    assert all("the database cannot be used now" in one.text.lower() for one in answers)
    assert not any("secret.key" in one.text for one in answers)
    assert (heard.out + heard.err).count(str(key)) == 2
