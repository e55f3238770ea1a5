"""Slack's way to write text, made plain: mentions by their names, links with their addresses, signs as they were typed.

As https://docs.slack.dev/messaging/formatting-message-text has it.
"""

import re
from collections.abc import Callable

from resile.channels.words import cut

_MARK = re.compile(r"<([^<>]*)>")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_MENTION = re.compile(r"<@([A-Z0-9]{3,30})(?:\|[^<>]*)?>")
MAX_TEXT = 4_000


def plain_of(text: str, name_of: Callable[[str], str | None] = lambda _: None, *, most: int = MAX_TEXT) -> str:
    """The text as people see it.

    Args:
        name_of: what a member is called, by their id; None: nobody knows.
        most: more characters are cut off.
    """
    # A few characters of plain text may take many in Slack's writing, but never fewer.
    shown = _MARK.sub(lambda found: _shown(found[1], name_of), text[: most * 8])
    for entity, sign in _ENTITIES:
        shown = shown.replace(entity, sign)
    return cut(shown, most)


def mentioned(word: str) -> str | None:
    """The id of the member whom a word mentions; None: it is no mention."""
    found = _MENTION.fullmatch(word)
    return None if found is None else found[1]


def _shown(mark: str, name_of: Callable[[str], str | None]) -> str:
    target, _, label = mark.partition("|")
    if target.startswith("@"):
        return "@" + (name_of(target[1:]) or label.removeprefix("@") or target[1:])
    if target.startswith("#"):
        return "#" + (label or target[1:])
    if target.startswith("!"):
        word = target[1:].partition("^")[0]
        return label or f"@{word}"
    return target if not label or label == target else f"{label} ({target})"
