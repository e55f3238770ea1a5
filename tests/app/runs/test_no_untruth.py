"""What runs is what was said, and what verified nothing measures nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resile.model.errors import TransitionError
from resile.model.event import Mitigated
from resile.model.room_event import StepOutcome
from tests.app.runs.world import PLAYBOOK, World, opened


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    with opened(fresh_data(tmp_path)) as made:
        made.write(PLAYBOOK)
        made.declare()
        yield made


@pytest.mark.parametrize("chosen", [{"service": "payments"}, {"sevice": "checkout"}])
def test_a_tap_never_runs_with_another_input_than_was_said(world: World, chosen: dict[str, str]) -> None:
    with pytest.raises(TransitionError, match="cannot be"):
        world.run("restart", inputs=chosen)

    assert not world.room.runs
    assert world.ran("restart", inputs={"service": "checkout"}).inputs == {"service": "checkout"}


def test_verify_that_finds_nothing_or_nobody_says_nothing_of_mitigation(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    sources = {"resile": {}, "away": {"url": "postgresql://reader:pa%zzword-of-a-reader@127.0.0.1:1/x"}}
    with opened(fresh_data(tmp_path), query=sources) as world:
        none = (
            "```sql {name=none source=resile}\nSELECT count(*) FROM incidents WHERE title = 'no such' HAVING false\n```"
        )
        text = (
            PLAYBOOK[: PLAYBOOK.index("## Verify")]
            + f"## Verify\n{none}\n```sql {{name=away source=away}}\nSELECT 1\n```\n"
        )
        world.write(text)
        world.declare()

        ended = [world.ran(step).ended for step in ("none", "away")]

        told = world.resile.timelines.read(world.id)
        assert [one and one.outcome for one in ended] == [StepOutcome.FAILED, StepOutcome.FAILED]
        assert not any(isinstance(event, Mitigated) for event in told)
        assert "zzword" not in str(told)
