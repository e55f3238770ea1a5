"""A message as Slack shows it: Block Kit, in which nothing that strangers wrote means anything.

Headers and sections are of the type `plain_text`, which Slack does not read for links, mentions or marks. The one text
that it does read, that of the notification, is escaped.
"""

from typing import Any

from resile.channels.title import title_of
from resile.channels.words import cut, shortened
from resile.ports.channel import Outgoing

# Slack refuses the whole message where one of these is longer.
_MAX_HEADER = 150
_MAX_SECTION = 3_000
_MAX_CONTEXT = 300
_MAX_NOTICE = 1_000
_MAX_URL = 3_000

ACKNOWLEDGE = "resile_acknowledge"
ESCALATE = "resile_escalate"
_OPEN = "resile_open"


def body_of(outgoing: Outgoing, *, has_buttons: bool) -> dict[str, Any]:
    """The message without its channel.

    Args:
        has_buttons: whether what is pressed comes back to resile; else there are links to be opened.
    """
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(title_of(outgoing, _MAX_HEADER) or "resile")}]
    text = cut(outgoing.text, _MAX_SECTION)
    if text:
        blocks.append({"type": "section", "text": _plain(text)})
    about = _about(outgoing)
    if about:
        blocks.append({"type": "context", "elements": [_plain(shortened(about, _MAX_CONTEXT))]})
    buttons = [*_answers(outgoing, has_buttons=has_buttons), *_link(_OPEN, "Open the incident", outgoing.url)]
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    return {
        "text": escaped(title_of(outgoing, _MAX_NOTICE)) or "resile",
        "blocks": blocks,
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str) -> str:
    """The text with the three signs by which links, mentions and commands begin and end written out."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _about(outgoing: Outgoing) -> str:
    parts = (outgoing.severity.value if outgoing.severity else "", outgoing.incident_id or "", outgoing.person or "")
    return " · ".join(part for part in parts if part)


def _answers(outgoing: Outgoing, *, has_buttons: bool) -> list[dict[str, Any]]:
    given = ((ACKNOWLEDGE, "Acknowledge", outgoing.ack_url), (ESCALATE, "Escalate", outgoing.escalate_url))
    if not has_buttons:
        return [link for action, words, url in given for link in _link(action, words, url)]
    return [_button(action, words) | {"value": outgoing.id} for action, words, url in given if url is not None]


def _link(action: str, words: str, url: str | None) -> list[dict[str, Any]]:
    # One that is cut leads nowhere.
    return [] if url is None or len(url) > _MAX_URL else [_button(action, words) | {"url": url}]


def _button(action: str, words: str) -> dict[str, Any]:
    style = {"style": "primary"} if action == ACKNOWLEDGE else {}
    return {"type": "button", "text": _plain(words), "action_id": action, **style}
