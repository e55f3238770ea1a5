"""How everything stands is worked out once for all who look at the same moment."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from resile.app.incidents import declare
from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.model.lifecycle import Declare
from resile.testing.simulated_clock import SimulatedClock
from resile.web.shared_now import SharedNow

NOW = datetime(2024, 4, 1, 12, tzinfo=UTC)


def test_it_is_worked_out_anew_for_every_event_and_after_two_seconds(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    clock = SimulatedClock(NOW)
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=clock) as resile:
        shared = SharedNow(resile)

        first, second = shared.look(), shared.look()
        declare(resile, Declare(title="x"), by="user:ann")
        clock.advance(timedelta(seconds=1))
        after_event = shared.look()
        clock.advance(timedelta(seconds=2))
        later = shared.look()

    assert second is first
    assert [row.title for row in after_event.unpaged] == ["x"]
    assert later is not after_event
    assert later.at == NOW + timedelta(seconds=3)
