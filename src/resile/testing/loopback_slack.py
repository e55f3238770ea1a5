"""Slack on this machine: its Web API, incoming webhooks, and buttons that send signed requests.

As https://docs.slack.dev has it: chat.postMessage, Block Kit's limits, and verifying requests from Slack.
"""

import hashlib
import hmac
import re
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from resile.model.time import to_us
from resile.testing.callbacks import Callback
from resile.testing.loopback_http import LoopbackHttp, Reply, Request

TOKEN = "xoxb-loopback"  # noqa: S105 - of nobody
SIGNING_SECRET = "loopback-signing-secret"  # noqa: S105 - of nobody
HOOK = "/services/T0000000/B0000000/loopbackhooksecret"
_LIMITS = {"header": 150, "section": 3_000}
_MAX_VALUE = 2_000


class LoopbackSlack(LoopbackHttp):
    """A workspace with one app.

    Attributes:
        channels: that the app may post to.
        error: in place of the next answers of the Web API; empty: none.
        posted: the bodies that were taken, by the app or by the webhook.
        told: what was sent to the addresses that came with what was pressed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.channels = {"C024BE91L", "U024BE7LH", "#ops"}
        self.error = ""
        self.posted: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []

    @property
    def api(self) -> str:
        """The Web API."""
        return f"{self.address}/api"

    def answer(self, request: Request) -> Reply:
        """As Slack answers: the Web API with 200 and `ok`, webhooks with a word."""
        if request.path.startswith("/actions/"):
            self.told.append(request.json())
            return Reply(body={"ok": True})
        if request.path == HOOK:
            return self._hook(request)
        return self._called(request) if request.path.startswith("/api/") else _word(404, "no_service")

    def _called(self, request: Request) -> Reply:
        body = request.json()
        error = self.error
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            error = "invalid_auth"
        elif request.path == "/api/auth.test":
            error = error or ("" if body == {} else "invalid_arguments")
        elif request.path != "/api/chat.postMessage":
            error = "unknown_method"
        elif body.get("channel") not in self.channels:
            error = error or "channel_not_found"
        elif not _are_valid(body.get("blocks", [])):
            error = "invalid_blocks"
        if error:
            return Reply(body={"ok": False, "error": error})
        if request.path == "/api/auth.test":
            return Reply(body={"ok": True, "team": "loopback"})
        self.posted.append(body)
        return Reply(body={"ok": True, "channel": "C024BE91L", "ts": f"1503435956.{len(self.posted):06d}"})

    def _hook(self, request: Request) -> Reply:
        body = request.json()
        if not _are_valid(body.get("blocks", [])):
            return _word(400, "invalid_blocks")
        self.posted.append(body)
        return _word(200, "ok")

    def presses(
        self,
        url: str,
        action_id: str,
        *,
        at: datetime,
        posted: dict[str, Any] | None = None,
        secret: str = SIGNING_SECRET,
        response_url: str | None = None,
    ) -> Callback:
        """What Slack sends to `url` when somebody presses a button of a message, by default of the last one."""
        blocks = (posted or self.posted[-1])["blocks"]
        button = next(
            one
            for block in blocks
            if block["type"] == "actions"
            for one in block["elements"]
            if one["action_id"] == action_id
        )
        payload = {
            "type": "block_actions",
            "user": {"id": "U024BE7LH", "username": "ann", "name": "ann", "team_id": "T0000000"},
            "container": {"type": "message", "message_ts": "1503435956.000001", "channel_id": "C024BE91L"},
            "trigger_id": "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3",
            "response_url": response_url or f"{self.address}/actions/T0000000/1/reply",
            "actions": [{"type": "button", "block_id": "b", "action_ts": "1548426417.840180", **button}],
        }
        return self.signed_payload(url, payload, at=at, secret=secret)

    def signed_payload(self, url: str, payload: object, *, at: datetime, secret: str = SIGNING_SECRET) -> Callback:
        """A payload as Slack's interactivity sends it, in a form."""
        return self.signed(url, urlencode({"payload": msgspec.json.encode(payload)}).encode(), at=at, secret=secret)

    def signed(self, url: str, body: bytes, *, at: datetime, secret: str = SIGNING_SECRET) -> Callback:
        """A body, signed at that time."""
        told_at = str(to_us(at) // 1_000_000)
        mark = hmac.new(secret.encode(), f"v0:{told_at}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": told_at,
            "X-Slack-Signature": f"v0={mark}",
        }
        return Callback(url=url, headers=headers, body=body)


def read_for_marks(text: str) -> list[str]:
    """The links, mentions and commands that Slack would find in a text that it reads."""
    return re.findall(r"<[^<>]*>", text)


def _are_valid(blocks: list[dict[str, Any]]) -> bool:
    for block in blocks:
        text = block.get("text", {})
        if block["type"] in _LIMITS and not 0 < len(text.get("text", "")) <= _LIMITS[block["type"]]:
            return False
        if block["type"] == "header" and text.get("type") != "plain_text":
            return False
        for one in block.get("elements", []):
            if len(one.get("value", "")) > _MAX_VALUE or len(one.get("url", "")) > 3_000:  # noqa: PLR2004 - Slack's
                return False
    return 0 < len(blocks) <= 50  # noqa: PLR2004 - Slack's


def _word(status: int, word: str) -> Reply:
    return Reply(status=status, body=word.encode(), headers={"content-type": "text/html"})
