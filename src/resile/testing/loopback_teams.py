"""Teams on this machine: a workflow that takes Adaptive Cards, and a webhook by which people write."""

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any

import msgspec

from resile.testing.callbacks import Callback
from resile.testing.loopback_http import LoopbackHttp, Reply, Request

PATH = "/powerautomate/automations/direct/workflows/0a1b/triggers/manual/paths/invoke"
# Of nobody; as Teams makes them.
TOKEN = base64.b64encode(b"loopback security token of 32 by").decode()
_SIG = "loopback-signature-of-a-workflow"
_MAX_BYTES = 28 * 1_024
_CARD = "application/vnd.microsoft.card.adaptive"


class LoopbackTeams(LoopbackHttp):
    """One workflow.

    Attributes:
        cards: that were taken, first to last.
        is_on: whether it is switched on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[dict[str, Any]] = []
        self.is_on = True
        self._n_written = 0

    @property
    def workflow(self) -> str:
        """Its address, with the secret in it."""
        return f"{self.address}{PATH}?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={_SIG}"

    def answer(self, request: Request) -> Reply:
        """As the gateway of workflows answers."""
        if request.query.get("sig") != _SIG:
            return _refused(401, "DirectApiAuthorizationRequired", "The request must have a valid signature.")
        if request.path != PATH or not self.is_on:
            return _refused(404, "WorkflowNotFound", "The workflow could not be found.")
        if len(request.body) > _MAX_BYTES:
            return _refused(413, "RequestEntityTooLarge", "The message is too large.")
        told = request.json()
        attachments = told.get("attachments", [])
        if told.get("type") != "message" or [one.get("contentType") for one in attachments] != [_CARD]:
            return _refused(400, "TriggerInputSchemaMismatch", "The input body does not match the schema.")
        self.cards.append(attachments[0]["content"])
        return Reply(status=202, body=b"", headers={"x-ms-workflow-run-id": f"run{len(self.cards)}"})

    def writes(self, url: str, text: str, *, member: str, name: str, at: datetime, token: str = TOKEN) -> Callback:
        """What Teams sends when somebody writes `@resile text` in a channel."""
        self._n_written += 1
        body = {
            "type": "message",
            "id": f"17456000{self._n_written:05d}",
            "timestamp": at.isoformat(),
            "serviceUrl": "https://smba.trafficmanager.net/emea/",
            "channelId": "msteams",
            "from": {"id": "29:1XJKJMvc5GBtc2JwZq0oj8tHZmzrQgFmB25ATiQWA85g", "name": name, "aadObjectId": member},
            "conversation": {"isGroup": True, "id": "19:253b1f341670408fb6fe51050b6e5ceb@thread.skype"},
            "textFormat": "plain",
            "text": f"<at>resile</at>&nbsp;{text}\n",
        }
        return self.signed(url, msgspec.json.encode(body), token=token)

    def signed(self, url: str, body: bytes, *, token: str = TOKEN) -> Callback:
        """A body, signed as the webhook signs."""
        mark = base64.b64encode(hmac.new(base64.b64decode(token), body, hashlib.sha256).digest()).decode()
        headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": f"HMAC {mark}"}
        return Callback(url=url, headers=headers, body=body)


def _refused(status: int, code: str, words: str) -> Reply:
    return Reply(status=status, body={"error": {"code": code, "message": words}})
