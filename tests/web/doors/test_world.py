"""The served resile of these tests itself."""

import threading
from pathlib import Path

import pytest

from tests.web.doors.world import served


def test_server_ends_though_its_story_fails(tmp_path: Path) -> None:
    before = set(threading.enumerate())

    with pytest.raises(ValueError, match="as it may"), served(tmp_path / "data"):
        raise ValueError("as it may")

    left = [thread.name for thread in set(threading.enumerate()) - before if "AnyIO" not in thread.name]
    assert left == []
