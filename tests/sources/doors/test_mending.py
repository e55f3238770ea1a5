"""JSON that is none by its standard, as some senders write it."""

import json
from typing import Any

import msgspec
import pytest

from resile.sources.doors.mending import decoded


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"load": NaN, "n": [Infinity, -Infinity]}', {"load": None, "n": [None, None]}),
        (b'{"title": "disk \\udc80 full"}', {"title": "disk � full"}),
        (b'["\\ud83d\\ude00 \\ud83d \\\\ud800 NaN \\" NaN", NaN]', ['😀 � \\ud800 NaN " NaN', None]),
        (json.dumps({"a": float("nan"), "b": "\udcff"}).encode(), {"a": None, "b": "�"}),
    ],
)
def test_what_python_writes_is_read(body: bytes, told: Any) -> None:
    assert decoded(body) == told


@pytest.mark.parametrize("body", [b"{NaN: 1}", b'{"a": NaN', b"Nan", b'"\\ud800', b'{"a": "\\uzzzz", "b": NaN}'])
def test_what_is_wrong_elsewhere_is_refused_with_its_place(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError) as as_it_came:
        msgspec.json.decode(body)

    with pytest.raises(msgspec.DecodeError) as refused:
        decoded(body)

    assert str(refused.value) == str(as_it_came.value)


def test_quotes_without_an_end_are_looked_at_once() -> None:
    """Where each were looked at as the beginning of a text, this would take minutes."""
    for body in (b'"' + b'\\"' * 250_000, b'["' + b'\\"' * 250_000 + b"\\"):
        with pytest.raises(msgspec.DecodeError):
            decoded(body)
