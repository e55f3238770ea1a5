"""kill -9 of the real server while an update goes out: nobody is told twice, and gaps are told."""

import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from resile.app.access import LOCAL
from resile.app.communication_parts import threads_of
from resile.app.incidents import declare, show_incident
from resile.app.paging_engine import open_outside
from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.model.event import PageMoved
from resile.model.lifecycle import Declare
from resile.model.severity import Severity
from resile.ports.subscriber_book import Subscriber
from resile.testing.loopback_smtp import LoopbackSmtp
from resile.testing.two_people import reaching_settings
from tests.e2e.program import Program

N, N_KILLS, AFTER = 200, 3, 30
# Of each kill at most what was leaving at that moment.
LANES = 4


def until(is_so: Callable[[], bool], *, within_s: float = 60) -> None:
    """Wait until it is so."""
    tick, waited = threading.Event(), 0.0
    while not is_so():
        assert waited < within_s, "it did not happen"
        tick.wait(0.01)
        waited += 0.01


def test_update_that_is_interrupted_by_kills_reaches_each_subscriber_at_most_once(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    data = fresh_data(tmp_path / "data")
    with LoopbackSmtp() as mail:
        mail.thinks_s = 0.02
        (data / "resile.toml").write_text(reaching_settings(mail.port), encoding="utf-8")
        with open_resile(load_settings(data=data)) as resile:
            for n in range(N):
                one = Subscriber(
                    id=f"s{n:03}", channel="email", address=f"a{n}@example.net", confirmed_at=resile.clock.now()
                )
                resile.communication.subscribers._book.confirm(one)
            declare(resile, Declare(title="x", severity=Severity.SEV1), by="user:ann")
            resile.communication.updates.say(LOCAL, "INC-1", "customers")
        program = Program(tmp_path)

        for _ in range(N_KILLS):
            n_before = len(mail.arrived)
            with program.serving("up") as server:
                until(lambda n_before=n_before: len(mail.arrived) >= n_before + AFTER)  # type: ignore[misc]
                server.stop(signal.SIGKILL)
        with open_resile(load_settings(data=data)) as resile:

            def told() -> list[PageMoved]:
                view = show_incident(resile, "INC-1")
                return [] if view is None else [one for one in view.timeline if isinstance(one, PageMoved)]

            # The next one to begin, without the rest of a server.
            telling, _ = threads_of(resile, open_outside(resile, address="").channels)
            telling.start()
            until(lambda: bool(told()))
            telling.stop()
            (outcome,) = told()

    times = Counter(taken.recipient for taken in mail.taken)
    assert set(times.values()) == {1}
    assert N - N_KILLS * LANES <= len(times) <= N
    assert f"of {N} subscribers were told" in outcome.because
    n_said = int(outcome.because.partition(" ")[0])
    # What was answered and not noted before the kill is said to be uncertain, never to be untold.
    assert len(times) - N_KILLS * LANES <= n_said <= len(times)
    n_gaps = N - n_said
    assert n_gaps == 0 or f"of {n_gaps} nobody knows, and they are not told again" in outcome.because
