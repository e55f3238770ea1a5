"""What a step wrote, fit to be shown: readable, without secrets in any form in which they are likely to be written."""

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from urllib.parse import quote, quote_plus

# A shorter one might be a part of any word, and is refused by the settings.
SHORTEST_SECRET = 8
LONGEST_SECRET = 4_096
_SHORTEST_LINE = 8
# Three signs of base64 and more stand for what is beside the secret, at either end.
_ALIGNMENTS = (0, 1, 2)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SPACE = re.compile(r"\s+")
# What a shell would not take as it stands.
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_@%+=:,./-]")
# What keys of well-known makers, and passwords in addresses, look like.
_TOKENS = re.compile(
    r"resile_[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|gl[a-z]{2,6}-[A-Za-z0-9_-]{16,}"
    r"|xox[a-z]-[A-Za-z0-9-]{10,}|A(?:KIA|SIA)[A-Z0-9]{16}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|sk-[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{30,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{40,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^-]|-(?!----END))*(?:-----END [A-Z ]*PRIVATE KEY-----)?"
    r"|(?<=://)[^\s/@:]{1,200}:[^\s/@]{1,200}(?=@)|(?i:(?<=bearer )|(?<=basic ))[A-Za-z0-9+/=_.~-]{12,}"
    r"|(?i:(?<=password=)|(?<=passwd=)|(?<=secret=)|(?<=token=)|(?<=api_key=)|(?<=apikey=))[^\s&'\"]{6,200}"
)
MASKED = "[masked]"


def shown(head: bytes, tail: bytes, n_bytes: int, *, most: int, secrets: Mapping[str, str]) -> str:
    """Output as people may see it, at most about `most` characters of it.

    Args:
        head, tail: how it begins and ends; the tail is empty where the head has all of it.
        n_bytes: of all of it.
        secrets: by name.
    """
    edge = 2 * max((len(form) for name in secrets for form in forms(secrets[name])), default=0)
    begins = masked(readable(head), secrets)
    if not tail and len(head) >= n_bytes and len(begins) <= most:
        return begins
    ends = masked(readable(tail or head), secrets)
    if tail:
        # A secret may lie across either edge, of which the half that was kept is known by nobody.
        begins, ends = begins[: max(len(begins) - edge, 0)], ends[edge:]
    first, last = most * 3 // 4, most - most * 3 // 4
    return f"{begins[:first]}\n… of {n_bytes:,} bytes the middle is left out …\n{ends[-last:]}"


def readable(told: bytes) -> str:
    """Bytes as text: no colours, no bells, no sign that a store or a page could not hold."""
    text = _ANSI.sub("", told.decode("utf-8", "replace")).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def masked(text: str, secrets: Mapping[str, str]) -> str:
    """A text in which secrets, and what looks like one, are covered: also across line breaks, as base64 is wrapped."""
    places = [place for place, sign in enumerate(text) if not sign.isspace()]
    squeezed = "".join(text[place] for place in places)
    covered: list[tuple[int, int, str]] = []
    for name, secret in secrets.items():
        for form in forms(secret):
            covered += [
                (places[at], places[at + len(form) - 1] + 1, f"[secret {name}]") for at in _found(form, squeezed)
            ]
    covered += [(found.start(), found.end(), MASKED) for found in _TOKENS.finditer(text)]
    return _covered(text, covered)


def _found(form: str, text: str) -> Iterable[int]:
    at = text.find(form)
    while at >= 0:
        yield at
        at = text.find(form, at + 1)


def _covered(text: str, spans: Sequence[tuple[int, int, str]]) -> str:
    told: list[str] = []
    at = 0
    for begin, end, words in sorted(spans, key=lambda span: (span[0], -span[1])):
        if begin >= at:
            told += [text[at:begin], words]
        at = max(at, end)
    return "".join([*told, text[at:]])


@cache
def forms(secret: str) -> frozenset[str]:
    """The ways to write a secret, without white space, in which it can be read back."""
    lines = [secret, *(line.strip() for line in secret.splitlines() if len(line.strip()) >= _SHORTEST_LINE)]
    found: set[str] = set()
    for line in lines:
        told = line.encode("utf-8", "replace")
        found |= {
            line,
            *_as_shells_show(line),
            *_in_html(line),
            json.dumps(line)[1:-1],
            json.dumps(line, ensure_ascii=False)[1:-1],
        }
        # The last as JavaScript does it.
        for encoded in (quote(line, safe=safe, errors="replace") for safe in ("", "/", "!'()*")):
            found |= {encoded, re.sub(r"%[0-9A-F]{2}", lambda one: one[0].lower(), encoded)}
        found |= {quote_plus(line, errors="replace"), told.hex(), told.hex().upper()}
        found |= {form for before in _ALIGNMENTS for form in _in_base64(told, before)}
    return frozenset(form for form in (_SPACE.sub("", one) for one in found) if len(form) >= _SHORTEST_LINE - 2)


def _as_shells_show(line: str) -> set[str]:
    """Within the marks that `set -x`, `printf %q` and their like put around it: what ends them is written otherwise."""
    ends = {line.replace("'", other) for other in ("'\\''", "'\"'\"'", "\\'")}
    return {*ends, _NOT_PLAIN.sub(r"\\\g<0>", line), line.replace("\\", "\\\\").replace("'", "\\'")}


def _in_html(line: str) -> set[str]:
    told = html.escape(line)
    return {told, told.replace("&#x27;", "&#39;"), html.escape(line, quote=False)}


def _in_base64(told: bytes, before: int) -> set[str]:
    """The signs that stand for nothing but the secret where `before` other bytes go before it, modulo three."""
    whole = base64.b64encode(bytes(before) + told).decode().rstrip("=")
    first = (0, 2, 3)[before]
    # The last sign holds bits of what follows, unless the secret ends with a group.
    last = len(whole) if (before + len(told)) % 3 == 0 else len(whole) - 1
    found = {whole[first:last]}
    if before == 0:
        found.add(whole)
    return found | {one.replace("+", "-").replace("/", "_") for one in found}
