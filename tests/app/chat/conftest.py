from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.app.chat.world import World, opened_world


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    with opened_world(fresh_data(tmp_path)) as made:
        yield made
