"""Telegram's Bot API on this machine: getMe, sendMessage and setWebhook, as https://core.telegram.org/bots/api."""

from typing import Any

from resile.testing.loopback_http import LoopbackHttp, Reply, Request

_MAX_TEXT = 4_096
_MAX_CALLBACK_BYTES = 64


class LoopbackTelegram(LoopbackHttp):
    """A bot and its chats.

    Attributes:
        chats: ids of the chats that began with the bot; others are not found.
        sent: parameters of the messages that were taken, first to last.
        webhooks: parameters by which it was told where to call.
    """

    def __init__(self, token: str = "1000:loopback") -> None:  # noqa: S107 - opens nothing but this
        super().__init__()
        self.token = token
        self.chats = {"42"}
        self.sent: list[dict[str, Any]] = []
        self.webhooks: list[dict[str, Any]] = []

    def answer(self, request: Request) -> Reply:
        """As the Bot API answers, `ok` and `result`, or `error_code` and `description`."""
        if not request.path.startswith(f"/bot{self.token}/"):
            return _refused(401, "Unauthorized")
        method = request.path.rpartition("/")[2].lower()
        if method == "getme":
            return _fine({"id": 1000, "is_bot": True, "username": "loopback_bot"})
        if method == "sendmessage":
            return self._sent(request.json())
        if method == "setwebhook":
            self.webhooks.append(request.json())
            return _fine(result=True)
        return _refused(404, "Not Found")

    def _sent(self, told: dict[str, Any]) -> Reply:
        if str(told.get("chat_id")) not in self.chats:
            return _refused(400, "Bad Request: chat not found")
        if not told.get("text") or len(told["text"]) > _MAX_TEXT:
            return _refused(400, "Bad Request: message is too long")
        rows = told.get("reply_markup", {}).get("inline_keyboard", [])
        for button in (button for row in rows for button in row):
            if len(button.get("callback_data", "").encode()) > _MAX_CALLBACK_BYTES:
                return _refused(400, "Bad Request: BUTTON_DATA_INVALID")
        self.sent.append(told)
        return _fine({"message_id": len(self.sent), "chat": {"id": told["chat_id"]}, "text": told["text"]})


def _fine(result: Any) -> Reply:
    return Reply(body={"ok": True, "result": result})


def _refused(status: int, words: str) -> Reply:
    return Reply(status=status, body={"ok": False, "error_code": status, "description": words})
