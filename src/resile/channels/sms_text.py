"""A message as an SMS: in the phone's own alphabet where its words allow, short, with the link whole at the end."""

import re
import unicodedata

from resile.channels.title import said_first
from resile.channels.words import cut
from resile.ports.channel import Outgoing

MAX_SEGMENTS = 3
# Signs of one SMS, and of each part of a longer one: in GSM-7, and in UTF-16 where a sign is not in that.
_GSM_SIGNS = (160, 153)
_WIDE_SIGNS = (70, 67)
_MAX_TITLE = 300
_MAX_TEXT = 1_000
# What must remain for words beside the link.
_LEAST_WORDS = 40

# GSM 03.38, its alphabet and what is written there with an escape, as two signs.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPED = frozenset("^{}\\[~]|€")
_PICTURES = frozenset({"So", "Sk", "Cn", "Co", "Cf", "Cc"})
# Accents that stand alone, and what chooses how a picture is drawn.
_MARKS = re.compile("[\u0300-\u036f\ufe00-\ufe0f]")
_WRITTEN = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‹": "<", "›": ">", "`": "'", "´": "'",
        "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
        "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-",
        "…": "...", "·": "-", "•": "-", "×": "x", "→": "->", "←": "<-", "≤": "<=", "≥": ">=",
        "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u200b": "", "\u200d": "", "\ufeff": "",
        "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "œ": "oe", "Œ": "OE",
    }
)  # fmt: skip


def sms_of(outgoing: Outgoing, *, can_reply: bool) -> str:
    """The text, of MAX_SEGMENTS at most.

    Args:
        can_reply: whether an answer comes back to resile; else the link is the one by which it is acknowledged.
    """
    head = said_first(outgoing, _MAX_TITLE)
    words = in_phone_alphabet(f"{head}\n{cut(outgoing.text, _MAX_TEXT)}".strip())
    links = (outgoing.url, outgoing.ack_url) if can_reply else (outgoing.ack_url, outgoing.url)
    link = next((one for one in links if one), "")
    reply = "Reply 4 to acknowledge, 6 to escalate." if can_reply and outgoing.ack_url is not None else ""
    end = "\n".join(part for part in (reply, link) if part)
    if not _fits(f"{words[:_LEAST_WORDS]}\n{end}"):
        # A link that is cut leads nowhere.
        end = reply
    return _shortened(words, end)


def n_segments(text: str) -> int:
    """Of how many parts it will consist."""
    single, part = _GSM_SIGNS if _is_gsm(text) else _WIDE_SIGNS
    n_signs = _n_signs(text)
    return 1 if n_signs <= single else -(-n_signs // part)


def in_phone_alphabet(text: str) -> str:
    """The text with typographic signs written plainly, and letters without accents where the alphabet lacks these.

    Pictures are left out. Other scripts stay as they are: better fewer words than none.
    """
    return "".join(map(_in_phone_alphabet, unicodedata.normalize("NFC", text).translate(_WRITTEN)))


def _in_phone_alphabet(sign: str) -> str:
    if sign in _BASIC or sign in _ESCAPED:
        return sign
    if unicodedata.category(sign) in _PICTURES or _MARKS.fullmatch(sign):
        return ""
    plain = "".join(part for part in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(part))
    return plain if plain and _is_gsm(plain) else sign


def _is_gsm(text: str) -> bool:
    return all(sign in _BASIC or sign in _ESCAPED for sign in text)


def _n_signs(text: str) -> int:
    if _is_gsm(text):
        return len(text) + sum(sign in _ESCAPED for sign in text)
    return len(text.encode("utf-16-le")) // 2


def _fits(text: str) -> bool:
    return n_segments(text) <= MAX_SEGMENTS


def _shortened(words: str, end: str) -> str:
    """As many of the words as fit before the end."""
    whole = f"{words}\n{end}".strip()
    if _fits(whole):
        return whole
    shorter, longer = 0, len(words)
    while longer - shorter > 1:
        middle = (shorter + longer) // 2
        shorter, longer = (middle, longer) if _fits(f"{words[:middle]}...\n{end}") else (shorter, middle)
    return f"{words[:shorter].rstrip()}...\n{end}".strip()
