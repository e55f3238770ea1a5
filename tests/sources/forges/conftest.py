"""No test waits: neither for limits, which clocks pass at once, nor between attempts."""

from collections.abc import Iterator

import pytest
import stamina


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Attempts follow each other without a pause."""
    with stamina.set_testing(True, attempts=6, cap=True):
        yield
