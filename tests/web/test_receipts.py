"""Pages go out through the real channels to providers on loopback; what these send back arrives over HTTP."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from httpx2 import Response

from resile.app.access import LOCAL
from resile.app.directory import Directory
from resile.app.links import Links
from resile.app.notify import Notifier
from resile.app.paging import Paging
from resile.app.receipts import Receipts
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.channels.registry import open_channels
from resile.model.catalog import Kind
from resile.model.errors import StoreError
from resile.model.escalation import EscalationState
from resile.model.event import PagingBegan
from resile.model.message import Message, MessageState
from resile.ports.channel import Receipt
from resile.ports.paging_store import Changes
from resile.testing.callbacks import Callback
from resile.testing.loopback_slack import SIGNING_SECRET, LoopbackSlack
from resile.testing.loopback_slack import TOKEN as SLACK_TOKEN
from resile.testing.loopback_twilio import SID, TOKEN, LoopbackTwilio
from resile.testing.simulated_clock import SimulatedClock
from resile.web.doors.strangers import BURST
from resile.web.receipts import MAX_BYTES
from resile.web.server import create_app
from tests.web.api.conftest import PASSWORDS
from tests.web.api.visitor import ORIGIN, Visitor

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ANN = "+4915112345678"


class World:
    """Ann, paged by SMS, call and Slack at once; and the application before which providers come."""

    def __init__(self, resile: Resile, twilio: LoopbackTwilio, slack: LoopbackSlack) -> None:
        self.resile, self.twilio, self.slack = resile, twilio, slack
        account = {"account_sid": SID, "auth_token": TOKEN, "from": "+15550001111", "base": twilio.address}
        workspace = {"token": SLACK_TOKEN, "signing_secret": SIGNING_SECRET, "api": slack.api, "hooks": slack.address}
        channels = open_channels({"sms": account, "voice": account, "slack": workspace}, clock=resile.clock)
        self.paging = Paging(resile.paging, resile.timelines, resile.clock, look=self._look, words=_words)
        self.notifier = Notifier(
            resile.paging,
            resile.timelines,
            resile.clock,
            channels,
            links=Links(ORIGIN, lambda: b"k" * 32),
            by="test",
        )
        self.receipts = Receipts(resile.paging, resile.timelines, self.paging, resile.clock)
        self.app = create_app(resile, passwords=PASSWORDS)
        self.app.state.channels = channels
        self.app.state.take_receipts = self.receipts.take
        self._write_catalog()

    def _write_catalog(self) -> None:
        contacts = [
            {"name": "mobile", "channel": "sms", "address": ANN},
            {"name": "call", "channel": "voice", "address": ANN},
            {"name": "chat", "channel": "slack", "address": "#ops"},
        ]
        documents: dict[Any, Any] = {
            (Kind.PERSON, "ann"): (
                {"contacts": contacts, "rules": [{"use": one["name"], "after": "0"} for one in contacts]},
                "",
            ),
            (Kind.POLICY, "default"): ({"steps": [{"page": ["person/ann"]}]}, ""),
        }
        self.resile.catalog.apply(LOCAL, self.resile.catalog.changes_to(documents))

    def _look(self, now: datetime) -> Directory:
        catalog = self.resile.catalog
        return Directory(catalog, catalog._store, now=now, verified=dict)

    def page(self) -> str:
        """Declare an incident and send what is due; its id."""
        incident_id = self.paging.page("Checkout fails", who="zoe", by="user:zoe")
        self.notifier.send_due()
        return incident_id

    def message(self, incident_id: str, channel: str) -> Message:
        (found,) = [one for one in self.resile.paging.messages_of([incident_id]) if one.channel == channel]
        return found

    def state(self, incident_id: str) -> EscalationState:
        return self.resile.paging.escalations([incident_id])[incident_id].state

    def post(self, told: Callback, *, address: str = "192.0.2.7", **headers: str) -> Response:
        """A provider, which has neither session nor form token, calls."""
        parts = urlsplit(told.url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return Visitor(self.app, address=address).client.post(
            path, content=told.body, headers={**told.headers, **headers}
        )


def _fails(_: Changes) -> None:
    raise StoreError("the disk is full")


def _words(*_: object, **__: object) -> tuple[str, str]:
    return "Checkout fails", "Since 05:06."


@pytest.fixture
def world(tmp_path: Path, fresh_data: Any) -> Iterator[World]:
    clock = SimulatedClock(NOW)
    settings = Settings(data=fresh_data(tmp_path))
    with open_resile(settings, clock=clock) as resile, LoopbackTwilio() as twilio, LoopbackSlack() as slack:
        made = World(resile, twilio, slack)
        Visitor(made.app).set_up()
        yield made


def test_a_receipt_marks_its_page_as_delivered_however_often_and_late_it_comes(world: World) -> None:
    incident_id = world.page()
    sms = next(one for one in world.twilio.taken if one.sid.startswith("SM"))
    queued, sending, sent, delivered = world.twilio.tells_all(sms)

    answers = [world.post(one) for one in (delivered, queued, delivered, sent, sending)]

    assert [one.status_code for one in answers] == [200] * 5
    assert answers[0].text.endswith("<Response/>")
    message = world.message(incident_id, "sms")
    assert (message.state, message.receipt_no) == (MessageState.DELIVERED, 5)
    assert world.message(incident_id, "voice").state is MessageState.HANDED


def test_a_page_of_which_nobody_knew_is_known_to_have_arrived_by_its_receipt(world: World) -> None:
    incident_id = world.page()
    call = next(one for one in world.twilio.taken if one.sid.startswith("CA"))

    assert world.post(world.twilio.tells(call, "busy")).status_code == 200

    assert world.message(incident_id, "voice").state is MessageState.FAILED
    assert "busy" in (world.message(incident_id, "voice").error or "")


def test_an_sms_sent_back_acknowledges_and_is_answered(world: World) -> None:
    incident_id = world.page()

    answer = world.post(world.twilio.hears(f"{ORIGIN}/receipts/sms", "4", sender=ANN))

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/xml")
    assert "<Message>" in answer.text
    assert incident_id in answer.text
    assert world.state(incident_id) is EscalationState.ACKNOWLEDGED


def test_an_sms_of_somebody_else_acknowledges_nothing(world: World) -> None:
    incident_id = world.page()

    answer = world.post(world.twilio.hears(f"{ORIGIN}/receipts/sms", "4", sender="+15557770000"))

    assert "knows no page" in answer.text
    assert world.state(incident_id) is EscalationState.RUNNING


def test_a_key_acknowledges_and_the_voice_says_so(world: World) -> None:
    incident_id = world.page()
    call = next(one for one in world.twilio.taken if one.sid.startswith("CA"))

    again = world.post(world.twilio.presses(call, "9"))
    assert "<Gather" in again.text
    assert world.state(incident_id) is EscalationState.RUNNING

    answer = world.post(world.twilio.presses(call, "4"))
    assert "<Say>" in answer.text
    assert "<Hangup/>" in answer.text
    assert world.state(incident_id) is EscalationState.ACKNOWLEDGED
    assert world.message(incident_id, "voice").state is MessageState.DELIVERED


def test_a_button_acknowledges_and_whoever_pressed_is_told(world: World) -> None:
    incident_id = world.page()

    answer = world.post(world.slack.presses(f"{ORIGIN}/receipts/slack", "resile_acknowledge", at=NOW))

    assert (answer.status_code, answer.content) == (200, b"")
    assert world.state(incident_id) is EscalationState.ACKNOWLEDGED
    (told,) = world.slack.told
    assert incident_id in told["text"]


def test_a_button_pressed_long_ago_is_not_listened_to(world: World) -> None:
    incident_id = world.page()

    answer = world.post(
        world.slack.presses(f"{ORIGIN}/receipts/slack", "resile_acknowledge", at=NOW - timedelta(minutes=10))
    )

    assert answer.status_code == 403
    assert world.state(incident_id) is EscalationState.RUNNING


@pytest.mark.parametrize("channel", ["slack", "voice", "sms"])
def test_an_answer_that_is_told_twice_escalates_once(world: World, channel: str) -> None:
    incident_id = world.page()
    call = next(one for one in world.twilio.taken if one.sid.startswith("CA"))
    told = {
        "slack": lambda: world.slack.presses(f"{ORIGIN}/receipts/slack", "resile_escalate", at=NOW),
        "voice": lambda: world.twilio.presses(call, "6"),
        "sms": lambda: world.twilio.hears(f"{ORIGIN}/receipts/sms", "6", sender=ANN),
    }[channel]()
    world.post(told)
    after_one = world.resile.timelines.read(incident_id)

    again = world.post(told)

    assert again.status_code == 200
    assert world.resile.timelines.read(incident_id) == after_one
    assert [one.because for one in after_one if isinstance(one, PagingBegan)][1:] == ["escalated by ann"]


def test_an_sms_that_is_told_again_answers_no_later_page(world: World) -> None:
    world.page()
    told = world.twilio.hears(f"{ORIGIN}/receipts/sms", "4", sender=ANN)
    world.post(told)
    later = world.page()

    assert world.post(told).text.endswith("<Response/>")

    assert world.state(later) is EscalationState.RUNNING


def test_an_answer_that_could_not_be_written_is_taken_when_it_is_told_again(world: World) -> None:
    incident_id = world.page()
    pressed = world.slack.presses(f"{ORIGIN}/receipts/slack", "resile_acknowledge", at=NOW)
    commit = world.resile.paging.commit
    world.resile.paging.commit = _fails  # type: ignore[method-assign]
    assert world.post(pressed).status_code == 503

    world.resile.paging.commit = commit  # type: ignore[method-assign]
    assert world.post(pressed).status_code == 200

    assert world.state(incident_id) is EscalationState.ACKNOWLEDGED


def test_one_channel_does_not_speak_for_another(world: World) -> None:
    incident_id = world.page()
    message = world.message(incident_id, "slack")
    forged = world.twilio.signed(
        f"{ORIGIN}/receipts/sms?message={message.id}", {"MessageSid": "SM1", "MessageStatus": "undelivered"}
    )

    assert world.post(forged).status_code == 200

    assert world.message(incident_id, "slack").state is MessageState.HANDED


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/receipts/sms", b"", 403),
        ("/receipts/sms", b"Body=4&From=%2B4915112345678", 403),
        ("/receipts/slack", b"payload={}", 403),
        ("/receipts/nosuch", b"", 404),
        ("/receipts/sms", b"\xff", 400),
        ("/receipts/sms", b"x" * (MAX_BYTES + 1), 413),
        ("/receipts/sms?" + "a=1&" * 60, b"", 400),
    ],
)
def test_what_no_provider_signed_changes_nothing(world: World, path: str, body: bytes, status: int) -> None:
    incident_id = world.page()

    answer = world.post(Callback(url=ORIGIN + path, headers={}, body=body))

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert world.state(incident_id) is EscalationState.RUNNING


def test_strangers_are_made_to_wait_and_providers_are_not(world: World) -> None:
    world.page()
    sms = next(one for one in world.twilio.taken if one.sid.startswith("SM"))
    nonsense = Callback(url=f"{ORIGIN}/receipts/sms", headers={}, body=b"")

    answers = [world.post(nonsense).status_code for _ in range(BURST + 3)]

    assert answers[:BURST] == [403] * BURST
    assert answers[-1] == 429
    assert world.post(nonsense, address="198.51.100.4").status_code == 403
    # Behind one address may be a provider and whoever guesses.
    assert world.post(world.twilio.tells(sms, "delivered")).status_code == 200


def test_what_cannot_be_written_now_is_to_be_sent_again(world: World) -> None:
    def fail(_: str, __: Sequence[Receipt]) -> Sequence[str]:
        raise StoreError("the disk is full")

    world.page()
    world.app.state.take_receipts = fail
    answered = world.twilio.hears(f"{ORIGIN}/receipts/sms", "4", sender=ANN)

    refused = world.post(answered)
    assert refused.status_code == 503
    assert "disk" not in refused.text
    assert refused.headers["retry-after"]

    world.app.state.take_receipts = world.receipts.take
    assert "<Message>" in world.post(answered).text


def test_a_browser_of_another_site_cannot_answer(world: World) -> None:
    incident_id = world.page()
    forged = Callback(url=f"{ORIGIN}/receipts/sms", headers={"origin": "https://evil.example"}, body=b"Body=4")

    assert world.post(forged).status_code == 403
    assert world.state(incident_id) is EscalationState.RUNNING


def test_to_look_is_not_to_tell(world: World) -> None:
    assert Visitor(world.app).get("/receipts/sms").status_code == 405
