from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .world import COMPONENTS, StatusWorld, opened_world


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[StatusWorld]:
    with opened_world(fresh_data(tmp_path), channels={"email": {}}) as found:
        found.catalog(**COMPONENTS)
        yield found
