from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given

from resile.channels.teams import Teams
from resile.channels.teams_card import MAX_BYTES, body_of
from resile.model.errors import AccessError, ConfigError
from resile.ports.channel import RefusedError, UncertainError
from resile.testing.loopback_http import Fault, Reply
from resile.testing.loopback_teams import LoopbackTeams
from tests.channels.messages import BASE
from tests.channels.pages import HOSTILE, TEXTS, opened, page


@pytest.fixture
def provider() -> Iterator[LoopbackTeams]:
    with LoopbackTeams() as provider:
        yield provider


@pytest.fixture
def teams() -> Teams:
    channel = opened("teams", {}, allowed=("127.0.0.1",))
    assert isinstance(channel, Teams)
    return channel


def runs(card: dict) -> list[str]:
    return [run["text"] for block in card["body"] for run in block["inlines"]]


def test_a_page_is_a_card_with_links(provider: LoopbackTeams, teams: Teams) -> None:
    handed = teams.send(page(teams.address(provider.workflow)), timeout_s=5)

    (card,) = provider.cards
    assert runs(card)[:2] == ["checkout: error rate is 4 %", "HighErrorRate fires on shop-3 since 05:06."]
    assert runs(card)[2:] == ["Severity: ", "SEV2", "Incident: ", "inc-7", "For: ", "ann"]
    assert [(one["type"], one["title"], one["url"]) for one in card["actions"]] == [
        ("Action.OpenUrl", "Acknowledge", f"{BASE}/answer/acknowledge-token"),
        ("Action.OpenUrl", "Escalate", f"{BASE}/answer/escalate-token"),
        ("Action.OpenUrl", "Open the incident", f"{BASE}/incidents/inc-7"),
    ]
    assert handed.ref == "run1"
    assert handed.receipt_within is None


def test_what_is_no_page_has_no_actions(provider: LoopbackTeams, teams: Teams) -> None:
    teams.send(page(provider.workflow, url=None, ack_url=None, escalate_url=None), timeout_s=5)

    assert provider.cards[0]["actions"] == []


def test_what_strangers_wrote_stands_in_text_runs(provider: LoopbackTeams, teams: Teams) -> None:
    teams.send(page(provider.workflow, title=HOSTILE, text=HOSTILE, person=HOSTILE), timeout_s=5)

    (card,) = provider.cards
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for block in card["body"] for run in block["inlines"]} == {"TextRun"}
    assert "entities" not in card["msteams"]


@given(title=TEXTS, text=TEXTS)
def test_whatever_a_text_holds_the_card_is_of_runs_and_small_enough(title: str, text: str) -> None:
    body = body_of(page("https://a.example/", title=title, text=text * 200))

    card = msgspec.json.decode(body)["attachments"][0]["content"]
    assert len(body) <= MAX_BYTES
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}


def test_a_card_that_would_be_too_large_loses_words_not_links(provider: LoopbackTeams, teams: Teams) -> None:
    teams.send(page(provider.workflow, text='"🔥"\n' * 100_000, title="x" * 5_000), timeout_s=5)

    assert len(provider.cards[0]["actions"]) == 3
    assert len(provider.requests[0].body) <= MAX_BYTES


@pytest.mark.parametrize(
    ("reply", "is_final"),
    [
        (Reply(status=400, body={"error": {"code": "TriggerInputSchemaMismatch"}}), True),
        (Reply(status=404, body={"error": {"code": "WorkflowNotFound"}}), True),
        (Reply(status=413), True),
        (Reply(status=302, headers={"location": "https://login.example"}), True),
        (Reply(status=401), False),
        (Reply(status=429, headers={"retry-after": "12"}), False),
        (Reply(status=503), False),
    ],
)
def test_a_refusal_says_whether_it_may_be_tried_again(
    provider: LoopbackTeams, teams: Teams, reply: Reply, is_final: bool
) -> None:
    provider.fails = [reply]

    with pytest.raises(RefusedError) as caught:
        teams.send(page(provider.workflow), timeout_s=5)

    assert caught.value.is_final is is_final
    assert caught.value.again_in_s == (12 if reply.status == 429 else None)
    assert "loopback-signature" not in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        *(fault for fault in Fault if fault is not Fault.CUTS),
        Reply(status=500),
        Reply(status=504),
        Reply(status=200, body=b" <html>log in</html>"),
    ],
)
def test_whatever_is_no_answer_of_a_workflow_is_uncertain(
    provider: LoopbackTeams, teams: Teams, fault: Fault | Reply
) -> None:
    provider.fails = [fault]

    with pytest.raises(UncertainError) as caught:
        teams.send(page(provider.workflow), timeout_s=0.5)

    assert "loopback-signature" not in str(caught.value)


def test_a_workflow_that_is_switched_off_took_nothing(provider: LoopbackTeams, teams: Teams) -> None:
    provider.is_on = False

    with pytest.raises(RefusedError, match="404"):
        teams.send(page(provider.workflow), timeout_s=5)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d",
        "https://outlook.office.com/webhook/a@b/IncomingWebhook/c/d",
        "https://outlook.office365.com/webhook/a",
    ],
)
def test_connectors_are_retired(teams: Teams, text: str) -> None:
    with pytest.raises(ConfigError, match="retired"):
        teams.address(text)


@pytest.mark.parametrize(
    "text", ["", "general", "ftp://example.org/", "https://user:secret@example.org/", "https://10.0.0.1/"]
)
def test_anything_but_an_outward_address_is_refused(teams: Teams, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        teams.address(text)

    assert "secret" not in str(caught.value)


def test_a_workflow_inside_our_own_network_is_not_reached(provider: LoopbackTeams) -> None:
    teams = opened("teams", {})

    with pytest.raises(RefusedError, match="own network"):
        teams.send(page(provider.workflow), timeout_s=5)
    assert provider.requests == []


def test_teams_tells_nothing_later(teams: Teams) -> None:
    teams.check(timeout_s=1)
    with pytest.raises(AccessError):
        teams.receipts({}, {}, b"", url="")
