"""An ntfy server on this machine: takes messages as JSON at its root, as https://docs.ntfy.sh/publish has it."""

import re
from typing import Any

from resile.testing.loopback_http import LoopbackHttp, Reply, Request

_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")
_ACTIONS = frozenset({"view", "broadcast", "http", "copy"})
_MAX_ACTIONS = 3
_PRIORITIES = range(1, 6)


class LoopbackNtfy(LoopbackHttp):
    """Keeps what was published.

    Attributes:
        token: where it is set, whoever publishes must have it.
        published: the messages that were taken, first to last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.token: str | None = None
        self.published: list[dict[str, Any]] = []

    def answer(self, request: Request) -> Reply:
        """The message with its id, or an error with ntfy's own number."""
        if request.path == "/v1/health":
            return Reply(body={"healthy": True})
        if self.token is not None and request.headers.get("authorization") != f"Bearer {self.token}":
            return _refused(403, 40301, "forbidden")
        if request.path == "/v1/account":
            return Reply(body={"username": "resile" if self.token else "*", "role": "user"})
        told = request.json()
        if not _TOPIC.fullmatch(str(told.get("topic", ""))):
            return _refused(400, 40009, "invalid request: topic invalid")
        if told.get("priority", 3) not in _PRIORITIES:
            return _refused(400, 40007, "invalid priority parameter")
        actions = told.get("actions", [])
        if len(actions) > _MAX_ACTIONS or any(one.get("action") not in _ACTIONS for one in actions):
            return _refused(400, 40018, "invalid request: actions invalid")
        self.published.append(told)
        return Reply(body={"id": f"ntfy{len(self.published)}", "event": "message", **told})


def _refused(status: int, code: int, words: str) -> Reply:
    return Reply(status=status, body={"code": code, "http": status, "error": words})
