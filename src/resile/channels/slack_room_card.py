"""The card at the head of an incident's channel: how it stands, and buttons to move it on.

All that people wrote is plain text: Slack finds no mention and no link in it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from resile.channels.slack_blocks import escaped
from resile.channels.words import cut, shortened

ACKNOWLEDGE = "resile_room_acknowledge"
ESCALATE = "resile_room_escalate"
MITIGATED = "resile_room_mitigated"
RESTORED = "resile_room_restored"
COMMAND = "resile_room_command"
OPEN = "resile_room_open"
PREFIX = "resile_room_"
_MAX_HEADER = 150
_MAX_TEXT = 2_900
_MAX_LINE = 300
_MAX_URL = 3_000
_LABELS = {
    ACKNOWLEDGE: "Acknowledge",
    ESCALATE: "Escalate",
    MITIGATED: "Mitigated",
    RESTORED: "Restored",
    COMMAND: "Take command",
}


class Card(Struct, frozen=True, kw_only=True):
    """What a card shows.

    Attributes:
        lines: of name and value.
        answers: the buttons, by their action.
        url: the incident's page; None: people cannot reach it.
    """

    incident_id: str
    title: str
    state: str
    lines: Sequence[tuple[str, str]]
    answers: Sequence[str]
    url: str | None


def blocks_of(card: Card) -> Mapping[str, Any]:
    """The card as Slack takes it, but for where it goes."""
    head = shortened(f"{card.incident_id} {card.title}", _MAX_HEADER) or card.incident_id
    lines = "\n".join(f"{name}: {shortened(value, _MAX_LINE)}" for name, value in card.lines if value)
    text = cut(f"{card.state}\n{lines}", _MAX_TEXT)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(head)},
        {"type": "section", "text": _plain(text)},
    ]
    buttons = [
        {"type": "button", "text": _plain(_LABELS[action]), "action_id": action, "value": card.incident_id}
        for action in card.answers
    ]
    if card.url is not None and len(card.url) <= _MAX_URL:
        buttons.append({"type": "button", "text": _plain("Open the room"), "action_id": OPEN, "url": card.url})
    if buttons:
        buttons[0] |= {"style": "primary"}
        blocks.append({"type": "actions", "elements": buttons})
    return {
        "text": escaped(f"{head}: {card.state}"),
        "blocks": blocks,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
