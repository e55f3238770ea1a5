"""A channel at Slack is asked for by the API."""

from collections.abc import Callable
from pathlib import Path

from resile.app.incidents import declare
from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.model.lifecycle import Declare
from resile.web.server import create_app
from tests.web.api.visitor import Visitor


def test_a_channel_is_asked_for_once(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    chat = {"slack": {"token": "xoxb-1", "signing_secret": "s", "severities": []}}
    with open_resile(Settings(data=fresh_data(tmp_path), chat=chat)) as resile:  # type: ignore[arg-type]
        incident_id = declare(resile, Declare(title="Cards are refused"), by="user:zoe").incident.id
        client = Visitor(create_app(resile)).client

        answers = [client.post(f"/api/v1/incidents/{incident_id}/chat") for _ in range(2)]

        assert [one.status_code for one in answers] == [202, 202]
        assert answers[0].json() == {"incident_id": "INC-1", "said": "INC-1: its channel is being made."}
        assert [one.wanted_by for one in resile.chats.rooms("slack")] == ["local"]
        assert client.post("/api/v1/incidents/INC-9/chat").status_code == 404


def test_without_a_chat_program_it_says_what_to_write(visitor: Visitor) -> None:
    visitor.client.post("/api/v1/incidents", json={"title": "Cards are refused"})

    answer = visitor.client.post("/api/v1/incidents/INC-1/chat")

    assert answer.status_code == 400
    assert "write [chat.slack] into resile.toml" in answer.json()["detail"]
