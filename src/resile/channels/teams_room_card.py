"""The card at the head of an incident's channel in Teams: how it stands, and buttons that come back to resile.

All that people wrote stands in text runs, which Teams reads for neither Markdown nor mentions.
"""

from collections.abc import Mapping
from typing import Any

from resile.channels.slack_room_card import ACKNOWLEDGE, COMMAND, ESCALATE, MITIGATED, RESTORED, Card
from resile.channels.words import shortened

BUTTON = "resile"
_CARD = "application/vnd.microsoft.card.adaptive"
_MAX_HEAD = 300
_MAX_LINE = 300
_MAX_URL = 2_000
_LABELS = {
    ACKNOWLEDGE: "Acknowledge",
    ESCALATE: "Escalate",
    MITIGATED: "Mitigated",
    RESTORED: "Restored",
    COMMAND: "Take command",
}


def activity_of(card: Card) -> Mapping[str, Any]:
    """The card as a message of the app."""
    head = shortened(f"{card.incident_id} {card.title}", _MAX_HEAD) or card.incident_id
    actions: list[dict[str, Any]] = [
        {"type": "Action.Submit", "title": _LABELS[action], "data": {BUTTON: action, "incident": card.incident_id}}
        for action in card.answers
    ]
    if card.url is not None and len(card.url) <= _MAX_URL:
        actions.append({"type": "Action.OpenUrl", "title": "Open the room", "url": card.url})
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": head,
        "msteams": {"width": "Full"},
        "body": [
            _runs({"text": head, "size": "Large", "weight": "Bolder"}),
            _runs({"text": card.state}),
            *(
                _runs({"text": f"{name}: ", "weight": "Bolder"}, {"text": shortened(value, _MAX_LINE)})
                for name, value in card.lines
                if value
            ),
        ],
        "actions": actions,
    }
    return {
        "type": "message",
        "summary": shortened(f"{head}: {card.state}", _MAX_HEAD),
        "attachments": [{"contentType": _CARD, "content": content}],
    }


def _runs(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}
