"""Only what Slack signed a moment ago is listened to, within a size; what people ask for is answered in a sentence."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.channels.registry import open_channels
from resile.channels.slack_room_card import ACKNOWLEDGE, COMMAND, ESCALATE, RESTORED
from resile.model.errors import ConfigError
from resile.model.event import Acknowledged, Escalated
from resile.model.policy import Target, TargetKind
from resile.testing.loopback_http import Fault
from resile.testing.loopback_slack import SIGNING_SECRET, TOKEN
from resile.web.chat_slack import MAX_EVENT_BYTES, MAX_FORM_BYTES
from resile.web.server import create_app
from tests.app.chat.world import ACTIONS, ANN, BOB, COMMANDS, EVE, EVENTS, World, opened_world
from tests.web.api.visitor import Visitor

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    with opened_world(fresh_data(tmp_path)) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    """For whatever changes nothing: an incident, of which everybody keeps their hands."""
    with opened_world(fresh_data(tmp_path_factory.mktemp("shared"))) as made:
        made.asks("declare SEV1 Cards are refused")
        yield made


def challenge(world: World, **more: Any) -> Any:
    body = b'{"type":"url_verification","challenge":"3eZbrw1aB"}'
    return world.slack.signed(EVENTS, body, **{"at": world.clock.now(), **more})


def test_the_address_of_events_proves_itself(shared: World) -> None:
    answer = shared.post(challenge(shared))

    assert (answer.status_code, answer.text) == (200, "3eZbrw1aB")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("url", [EVENTS, COMMANDS, ACTIONS])
@pytest.mark.parametrize(
    "more",
    [{"secret": "another"}, {"by": -6 * MINUTE}, {"by": 6 * MINUTE}, {"mark": "v0="}, {"mark": None}],
    ids=["another secret", "six minutes old", "six minutes ahead", "no signature", "without its header"],
)
def test_what_slack_did_not_sign_a_moment_ago_is_refused(shared: World, url: str, more: dict[str, Any]) -> None:
    at = shared.clock.now() + more.get("by", timedelta(0))
    told = shared.slack.asks(url, "restored INC-1", member=ANN, channel="C1", at=at, secret=more.get("secret", "x"))
    if "by" in more:
        told = shared.slack.asks(url, "restored INC-1", member=ANN, channel="C1", at=at)
    headers = {name: value for name, value in told.headers.items() if name != "X-Slack-Signature" or "mark" not in more}
    if more.get("mark") is not None:
        headers["X-Slack-Signature"] = more["mark"]

    answer = Visitor(shared.app, address="192.0.2.9").client.post(url, content=told.body, headers=headers)

    assert answer.status_code == 403
    assert "Slack" in answer.json()["detail"]
    assert "open" in shared.asks("status INC-1")


def test_a_clock_that_is_four_minutes_off_is_borne(world: World) -> None:
    for by in (-4 * MINUTE, 4 * MINUTE):
        assert world.post(challenge(world, at=world.clock.now() + by)).status_code == 200


def test_a_changed_body_is_refused(shared: World) -> None:
    told = shared.slack.asks(COMMANDS, "status", member=ANN, channel="C1", at=shared.clock.now())

    answer = Visitor(shared.app, address="192.0.2.9").client.post(
        COMMANDS, content=told.body + b"&x=1", headers=dict(told.headers)
    )

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("url", "body", "status"),
    [
        (EVENTS, b"x" * (MAX_EVENT_BYTES + 1), 413),
        (COMMANDS, b"x" * (MAX_FORM_BYTES + 1), 413),
        (ACTIONS, b"x" * (MAX_FORM_BYTES + 1), 413),
        (EVENTS, b"command=%2Fresile", 400),
        (EVENTS, b"[" * 100_000, 400),
        (EVENTS, b"[]", 400),
        (EVENTS, b'{"type":"event_callback","event":[]}', 200),
        (EVENTS, b'{"type":"event_callback","event":{"type":"message","channel":7},"event_id":[]}', 200),
        (COMMANDS, b"{}", 400),
        (COMMANDS, b"\xff\xfe", 400),
        (COMMANDS, b"&".join(b"a%d=1" % n for n in range(100)), 400),
        (ACTIONS, b"payload=nonsense", 400),
        (ACTIONS, b"payload=[]", 200),
        (ACTIONS, b"payload=" + b"[" * 90_000, 400),
        (ACTIONS, b"", 400),
        (ACTIONS, urlencode({"payload": '{"type":"block_actions","actions":[7,{"action_id":[]}]}'}).encode(), 200),
        (ACTIONS, urlencode({"payload": '{"type":"view_submission"}'}).encode(), 200),
    ],
)
def test_nonsense_that_is_signed_is_answered_calmly(shared: World, url: str, body: bytes, status: int) -> None:
    assert shared.post(shared.slack.signed(url, body, at=shared.clock.now())).status_code == status


def test_without_the_setting_there_is_no_such_address(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with open_resile(Settings(data=fresh_data(tmp_path))) as resile:
        visitor = Visitor(create_app(resile))

        assert visitor.client.post(EVENTS, content=b"{}").status_code == 404


def test_a_secret_that_is_missing_is_told_at_the_start(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    settings = Settings(data=fresh_data(tmp_path), chat={"slack": {"token": "xoxb-1"}})  # type: ignore[arg-type]
    with open_resile(settings) as resile, pytest.raises(ConfigError, match=r"chat\.slack\.signing_secret"):
        create_app(resile)


# Commands.


def test_help_needs_nobody_to_be_known(shared: World) -> None:
    for text in ("", "help", " HELP "):
        said = shared.asks(text, member=EVE)
        assert "/resile ack: take it: nobody else is paged" in said
        assert "declare [SEV2]" in said


def test_whoever_is_unknown_is_told_how_to_be_known_and_commands_nothing(world: World) -> None:
    for text in ("declare SEV1 Nothing works", "ack INC-1", "status INC-1"):
        said = world.asks(text, member=EVE)
        assert said == (
            f"resile does not know who you are: have your member id {EVE}, or the e-mail of your Slack profile, "
            "added to your contacts in resile's catalog."
        )
    assert world.resile.timelines.n_incidents() == 0


def test_an_e_mail_of_another_workspace_proves_nobody(world: World) -> None:
    world.slack.joins("U0FOREIGN", "bob", "bob@example.org", team="T0ANOTHER")

    assert "does not know who you are" in world.asks("declare SEV1 Nothing works", member="U0FOREIGN")


def test_whose_account_may_only_read_commands_nothing(world: World) -> None:
    from resile.app.access import Identity  # noqa: PLC0415 - of this test alone
    from resile.ports.account_store import Role, Scope  # noqa: PLC0415

    admin = Identity(by="user:ann", name="ann", scopes=frozenset(Scope))
    world.app.state.accounts.add_user(admin, "bob", Role.VIEWER)

    assert "the account of bob may not write" in world.asks("declare SEV1 Nothing works", member=BOB)


def test_words_of_one_line_carry_an_incident_through(world: World) -> None:
    assert world.asks("declare sev2 service=checkout,cart Cards & more").startswith(
        "INC-1 is declared; nobody is paged"
    )
    said = [
        world.asks(text)
        for text in (
            "ack INC-1",
            "sev inc-1 SEV1",
            "identified INC-1 A bad release",
            "note INC-1 We roll back",
            "task INC-1 Call the bank",
            "role INC-1 commander",
            f"role INC-1 scribe <@{BOB}|bob>",
            "role INC-1 deputy @bob",
            "role INC-1 scribe none",
            "update INC-1 Cards are accepted again",
            "mitigated INC-1",
            "restored INC-1",
            "close INC-1",
        )
    ]

    assert said == [
        "You took INC-1. Nobody else is paged for it.",
        "INC-1 is SEV1.",
        "INC-1: the cause is known.",
        "INC-1: noted.",
        "INC-1: the task is written down.",
        "INC-1: ann is commander.",
        "INC-1: bob is scribe.",
        "INC-1: bob is deputy.",
        "INC-1: nobody is scribe any more.",
        "INC-1: the update for responders is published.",
        "INC-1 is mitigated.",
        "INC-1 is restored.",
        "INC-1 is closed.",
    ]
    status = world.asks("status INC-1").splitlines()
    assert status[:2] == ["INC-1 SEV1: Cards &amp; more", "It is closed."]
    assert "Commander: ann" in status
    assert status[-1] == "https://resile.example.org/incidents/INC-1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("explode INC-1", "'explode' is not known here; /resile help lists what is"),
        ("ack", "which incident is meant; ask in its channel, or name it"),
        ("ack INC-99", "incident INC-99 is not known"),
        ("sev INC-1", "say which: /resile sev SEV2"),
        ("sev INC-1 awful", "severity 'awful' is unknown"),
        ("declare", "say what is the matter"),
        ("declare SEV1", "say what is the matter"),
        ("note INC-1", "write it behind the word"),
        ("role INC-1 king", "there are commander, deputy, scribe, liaison, expert"),
        ("role INC-1 commander @nobody-here", "not in resile's catalog"),
        (f"role INC-1 commander <@{EVE}>", "not in resile's catalog"),
        ("reopen INC-1", "is still open; nothing to reopen"),
        ("status INC-99", "incident INC-99 is not known"),
    ],
)
def test_a_mistake_is_told_with_its_way_out(shared: World, text: str, words: str) -> None:

    said = shared.asks(text)

    assert words in said
    assert said.endswith((".", "?", "INC-7."))


def test_an_answer_holds_no_mark_that_slack_would_read(shared: World) -> None:
    assert "<" not in shared.asks("explode <!channel>")


def test_somebody_of_whom_slack_must_be_asked_tries_again_while_it_is_away(world: World) -> None:
    world.slack.fails = [Fault.DROPS]

    assert world.asks("ack INC-1", member=BOB).endswith("try again in a moment.")


# Buttons.


@pytest.fixture
def incident(world: World) -> str:
    world.asks("page SEV1 Cards are refused")
    world.step()
    return "INC-1"


def test_a_button_that_is_told_twice_is_done_once(world: World, incident: str) -> None:
    first = world.taps(incident, ESCALATE, press="7.0")
    again = world.taps(incident, ESCALATE, press="7.0")

    assert first.startswith("INC-1: now paging")
    assert again == first
    assert len([one for one in world.timeline(incident) if isinstance(one, Escalated)]) == 2


def test_a_button_that_somebody_unknown_presses_does_nothing(world: World, incident: str) -> None:
    assert "does not know who you are" in world.taps(incident, RESTORED, member=EVE)

    assert "It is open." in world.asks("status", channel=world.channel(incident).id)


def test_a_button_that_says_what_is_known_already_says_so(world: World, incident: str) -> None:
    assert world.taps(incident, ACKNOWLEDGE, press="1").startswith("You took INC-1")
    assert world.taps(incident, ACKNOWLEDGE, member=BOB, press="2") == "ann took INC-1 already."
    assert world.taps(incident, RESTORED, press="3") == "INC-1 is restored."
    assert "restored is known already" in world.taps(incident, RESTORED, press="4")
    assert world.taps(incident, COMMAND, press="5") == "INC-1: you are commander."


def test_an_answer_goes_to_slack_alone(world: World, incident: str) -> None:
    told = world.slack.taps(ACTIONS, world.channel(incident), ACKNOWLEDGE, member=ANN, at=world.clock.now(), press="1")
    body = told.body.replace(b"%2Factions%2FT0000000", b"%2Felsewhere")
    told = world.slack.signed(ACTIONS, body.replace(b"127.0.0.1", b"localhost"), at=world.clock.now())

    assert world.post(told).status_code == 200

    assert world.slack.told == []
    assert any(isinstance(one, Acknowledged) for one in world.timeline(incident))


def test_a_button_of_a_page_arrives_at_the_one_address_that_an_app_has(world: World) -> None:
    settings = {"token": TOKEN, "signing_secret": SIGNING_SECRET, "api": world.slack.api, "hooks": world.slack.address}
    world.app.state.channels = open_channels({"slack": settings}, clock=world.clock)
    incident_id = world.resile.pager.page(
        "Cards are refused", who="zoe", by="user:zoe", targets=[Target(TargetKind.PERSON, "ann")]
    )
    (message,) = world.resile.paging.messages_of([incident_id])
    payload = {
        "type": "block_actions",
        "user": {"id": ANN, "username": "ann"},
        "response_url": f"{world.slack.address}/actions/T0000000/9/page",
        "actions": [{"action_id": "resile_acknowledge", "value": message.id, "action_ts": "1.0"}],
    }

    answer = world.post(world.slack.signed_payload(ACTIONS, payload, at=world.clock.now()))

    assert answer.status_code == 200
    assert any(isinstance(one, Acknowledged) for one in world.timeline(incident_id))
    assert incident_id in world.slack.told[-1]["text"]
