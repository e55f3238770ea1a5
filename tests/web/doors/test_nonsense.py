"""What is answered to bodies that can be read and say nothing of use: as each sender's own server would."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from resile.ports.journal import Verdict
from tests.web.doors.test_alert_doors import PROOFS, made
from tests.web.doors.world import World, served

# Of each kind: a body that means nothing, the status, and what its sender is told.
NONSENSE: dict[str, list[tuple[str, object, int, str]]] = {
    "pagerduty": [
        (
            "/v2/enqueue",
            {"event_action": "snooze"},
            400,
            "event_action is 'snooze'; send trigger, acknowledge or resolve",
        ),
        ("/v2/enqueue", {"event_action": "trigger"}, 400, "payload is missing"),
        ("/v2/enqueue", {"event_action": "trigger", "payload": []}, 400, "payload says nothing"),
        ("/v2/enqueue", {"event_action": "resolve"}, 400, "dedup_key is missing"),
        ("/v2/enqueue", {}, 400, "event_action is missing"),
        ("/generic/2010-04-15/create_event.json", {"event_type": "acknowledge"}, 400, "incident_key is missing"),
        ("/generic/2010-04-15/create_event.json", {"event_type": "fire"}, 400, "event_type is 'fire'"),
        ("/v2/change/enqueue", {"payload": 7}, 400, "payload is a number"),
    ],
    "opsgenie": [("/v2/alerts", [], 422, "the body is a list"), ("/v2/alerts", {}, 422, "message is missing")],
    "prometheus": [("", {"status": "firing"}, 400, "alerts is missing"), ("", ["x"], 400, "[0] is a text")],
    "alertmanager": [("", {"status": "firing"}, 400, "alerts is missing"), ("", 7, 400, "the body is a number")],
    "grafana": [("", {"state": "alerting"}, 400, "alerts is missing")],
    "datadog": [("", [], 400, "the body is a list")],
    "cloudevents": [
        ("", {"specversion": "1.0", "type": "a.b"}, 400, "id is missing"),
        ("", [7], 400, "[0] is a number"),
    ],
    "cdevents": [("", {"specversion": "1.0", "id": "1"}, 400, "source is missing")],
    "json": [("", {}, 400, "no field of an alert"), ("", "x", 400, "the body is a text")],
}


def sentence_in(told: Any) -> str:
    """What a refusal says, in whatever shape."""
    if isinstance(told, str):
        return told
    return str(told["errors"][0] if "errors" in told else told.get("message") or told["detail"])


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    with served(fresh_data(tmp_path / "data")) as made_for_it:
        yield made_for_it


@pytest.mark.parametrize("kind", NONSENSE)
def test_body_that_says_nothing_of_use_is_refused_as_its_sender_knows_it_and_kept_as_failed(
    world: World, kind: str
) -> None:
    path, secret = made(world, kind)
    scheme = "GenieKey" if kind == "opsgenie" else "Bearer"

    for place, body, status, words in NONSENSE[kind]:
        sent = {"routing_key": secret, **body} if kind == "pagerduty" and isinstance(body, dict) else body
        answer = world.post(place or path, json.dumps(sent).encode(), authorization=f"{scheme} {secret}")

        assert answer.status_code == status, answer.text
        detail = sentence_in(answer.json())
        assert words in detail
        entry = world.concluded()[0]
        assert (entry.verdict, entry.reason) == (Verdict.FAILED, detail)
    assert len(world.resile.journal.entries()) == len(NONSENSE[kind])


def test_who_stops_sending_where_it_is_refused_is_not_refused(world: World) -> None:
    """Sentry, PagerDuty's webhooks and Statuspage give an address up that refuses what they send."""
    for kind in ("sentry", "pagerduty_webhook", "statuspage"):
        path, secret = made(world, kind)
        proof = {} if kind == "statuspage" else PROOFS[kind][0](secret, b"{}")

        assert world.post(path, b"{}", **proof).status_code == 202
        assert world.concluded()[0].verdict is Verdict.FAILED


def test_what_a_door_does_not_know_what_to_do_with_is_taken_as_unmapped(world: World) -> None:
    for kind, body in (("alertmanager", b'{"alerts": []}'), ("cdevents", b"[]"), ("prometheus", b"[]")):
        path, secret = made(world, kind)

        assert world.post(path, body, authorization=f"Bearer {secret}").status_code in {200, 202}
        assert world.concluded()[0].verdict is Verdict.UNMAPPED
