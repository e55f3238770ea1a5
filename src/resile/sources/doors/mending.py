"""JSON as some senders write it, made JSON as its standard has it: an alert is not lost over a number that is none."""

import re
from typing import Any

import msgspec

# Texts stay as they are, but for halves of surrogate pairs in them; Python's writer lets NaN and Infinity pass. A text
# without its end goes to that of the body, for else each quote in it would be looked at as the beginning of one.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|-?Infinity|NaN', re.DOTALL)
_PAIR = rb"u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rb"\\(?:" + _PAIR + rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)


def decoded(body: bytes, type: Any = Any) -> Any:  # noqa: A002 - as msgspec calls it
    """What a body of JSON says, also of one that Python wrote with NaN, Infinity or half of a surrogate pair in it.

    Raises:
        msgspec.DecodeError: it is no JSON; the place is that in the body as it came.
    """
    try:
        return msgspec.json.decode(body, type=type)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        told = mended(body)
        if told == body:
            raise
        try:
            return msgspec.json.decode(told, type=type)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            raise error from None


def mended(body: bytes) -> bytes:
    """The body with null for what is no number, and U+FFFD for half of a surrogate pair; else as it was."""
    return _TOKEN.sub(_mended_token, body)


def _mended_token(found: re.Match[bytes]) -> bytes:
    token = found[0]
    if not token.startswith(b'"'):
        return b"null"
    return _ESCAPE.sub(lambda one: b"\\ufffd" if one[1] else one[0], token) if b"\\u" in token else token
