from pathlib import Path

import pytest

from tests.e2e.program import Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """resile in an empty folder."""
    return Program(tmp_path)
