"""A message as Microsoft Teams shows it: an Adaptive Card, in which nothing that strangers wrote means anything.

Their texts stand in text runs, which Teams does not read for Markdown, dates or mentions.
"""

from typing import Any

import msgspec

from resile.channels.title import title_of
from resile.channels.words import cut, shortened
from resile.ports.channel import Outgoing

# Teams refuses what is larger, with everything around the card.
MAX_BYTES = 28_000
_MAX_TITLE = 300
_MAX_TEXT = 8_000
_MAX_FACT = 200
_MAX_URL = 2_000
_CARD = "application/vnd.microsoft.card.adaptive"


def body_of(outgoing: Outgoing) -> bytes:
    """What is posted to the workflow, of MAX_BYTES at most: the text is cut until it fits."""
    text = cut(outgoing.text, _MAX_TEXT)
    body = _encoded(outgoing, text)
    while len(body) > MAX_BYTES and text:
        text = cut(text, len(text) // 2)
        body = _encoded(outgoing, text)
    return body


def _encoded(outgoing: Outgoing, text: str) -> bytes:
    title = title_of(outgoing, _MAX_TITLE) or "resile"
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": title,
        "msteams": {"width": "Full"},
        "body": [
            _runs({"text": title, "size": "Large", "weight": "Bolder"}),
            *(_runs({"text": line}) for line in text.split("\n") if line.strip()),
            *(_runs({"text": f"{name}: ", "weight": "Bolder"}, {"text": value}) for name, value in _facts(outgoing)),
        ],
        "actions": [
            {"type": "Action.OpenUrl", "title": words, "url": url}
            for words, url in (
                ("Acknowledge", outgoing.ack_url),
                ("Escalate", outgoing.escalate_url),
                ("Open the incident", outgoing.url),
            )
            if url is not None and len(url) <= _MAX_URL
        ],
    }
    return msgspec.json.encode(
        {"type": "message", "attachments": [{"contentType": _CARD, "contentUrl": None, "content": card}]}
    )


def _runs(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}


def _facts(outgoing: Outgoing) -> list[tuple[str, str]]:
    facts = (
        ("Severity", outgoing.severity.value if outgoing.severity else ""),
        ("Incident", outgoing.incident_id or ""),
        ("For", outgoing.person or ""),
    )
    return [(name, shortened(value, _MAX_FACT)) for name, value in facts if value]
