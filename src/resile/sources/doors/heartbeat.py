"""Signs of life: any body, also an empty one; a failure where the address ends in /fail, or JSON says "ok": false."""

import msgspec

from resile.model.alert import Beat
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_parts import PATH, prose, scalar_text

MAX_TEXT = 2_000
_TEXTS = ("text", "message", "msg", "error")


def open_door(options: DoorOptions) -> "HeartbeatDoor":
    """The door for heartbeats with these options."""
    return HeartbeatDoor(options)


class HeartbeatDoor:
    """Understands whatever a job sends when it has done its work."""

    def __init__(self, options: DoorOptions) -> None:
        self._name = options.name

    def understand(self, delivery: Delivery) -> Understood:
        """One beat, whatever the body."""
        path = delivery.headers.get(PATH, "").partition("?")[0].rstrip("/")
        is_ok, text = _said(delivery.body)
        beat = Beat(
            door=self._name or delivery.door,
            told_at=delivery.received_at,
            is_ok=is_ok and not path.endswith("/fail"),
            text=text,
        )
        return Understood(beats=(beat,))


def _said(body: bytes) -> tuple[bool, str]:
    """Whether it went well, and the words with it."""
    beginning = body[: 16 * MAX_TEXT].decode(errors="replace")
    if not beginning.lstrip().startswith("{"):
        return True, prose(beginning, MAX_TEXT)
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return True, prose(beginning, MAX_TEXT)
    words = next((text for name in _TEXTS if (text := scalar_text(value.get(name)))), beginning)
    return value.get("ok") is not False, prose(words, MAX_TEXT)
