"""What strangers wrote, made fit for one line or for a message of limited length."""

import re

# Line breaks of every kind, what a terminal would obey, and what turns the order of letters.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
_CONTROLS_BUT_BREAKS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
_BREAKS = re.compile(r"\r\n?|[\x85\u2028\u2029]")


def one_line(text: str) -> str:
    """The text on one line, without anything that is obeyed instead of shown."""
    return _CONTROLS.sub(" ", text).encode("utf-8", "replace").decode().strip()


def lines(text: str) -> str:
    """The same, with its line breaks kept."""
    return _CONTROLS_BUT_BREAKS.sub(" ", _BREAKS.sub("\n", text)).encode("utf-8", "replace").decode().strip()


def shortened(text: str, limit: int) -> str:
    """On one line and at most so many characters, the last of them `…` where it was cut."""
    words = one_line(text[: limit * 4])
    return words if len(words) <= limit else words[: limit - 1] + "…"


def cut(text: str, limit: int) -> str:
    """The lines, at most so many characters, the last of them `…` where they were cut."""
    words = lines(text)
    return words if len(words) <= limit else words[: limit - 1] + "…"


def cut_to_bytes(text: str, limit: int) -> str:
    """The lines, at most so many bytes of UTF-8."""
    encoded = lines(text).encode()
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - 3].decode("utf-8", "ignore") + "…"
