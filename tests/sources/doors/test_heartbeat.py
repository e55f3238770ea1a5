"""Signs of life."""

from typing import Any

import pytest

from resile.model.alert import Beat
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors.heartbeat import MAX_TEXT, open_door
from tests.sources.doors.bodies import RECEIVED, delivery


def beat(body: Any, path: str = "/doors/heartbeat/backup", **options: Any) -> Beat:
    said = open_door(DoorOptions(**options)).understand(delivery("heartbeat/backup", body, {"x-resile-path": path}))
    (one,) = said.beats
    return one


@pytest.mark.parametrize("body", [b"", b"   ", {"ok": True}, {"ok": "yes"}, [], b"{", b"\xff", 0])
def test_whatever_comes_is_a_sign_of_life(body: Any) -> None:
    assert beat(body).is_ok


def test_a_beat_tells_its_door_and_when() -> None:
    assert beat(b"") == Beat(door="heartbeat/backup", told_at=RECEIVED)
    assert beat(b"", name="heartbeat/night").door == "heartbeat/night"


@pytest.mark.parametrize("path", ["/doors/heartbeat/backup/fail", "/doors/heartbeat/backup/fail/?x=1"])
def test_an_address_that_ends_in_fail_says_that_it_failed(path: str) -> None:
    assert not beat(b"", path).is_ok


def test_json_may_say_that_it_failed_and_why() -> None:
    told = beat({"ok": False, "message": "Disk is full"})

    assert told == Beat(door="heartbeat/backup", told_at=RECEIVED, is_ok=False, text="Disk is full")


def test_its_text_is_kept_in_lines_and_cut() -> None:
    assert beat(b"one\r\ntwo\x1b[2J").text == "one\ntwo [2J"
    assert len(beat(b"x" * 100_000).text) == MAX_TEXT
