"""A thread that goes after what is new for as long as the server runs, and outlives whatever fails."""

import threading
from collections.abc import Callable

import structlog

from resile.model.errors import StoreError

_LOOK_EVERY_S = 1.0
_ENDS_WITHIN_S = 5.0
_FIRST_REST_S, _LAST_REST_S = 1.0, 30.0
_log = structlog.get_logger()


class Following:
    """Takes one portion after the other, and waits where there is none.

    Args:
        what: in the log, and the thread's name.
        step: takes a portion; whether there may be more.
        wait: blocks until there may be something new, at most so many seconds.
        ends_within_s: so long it is waited for when it is to end.
    """

    def __init__(
        self,
        what: str,
        step: Callable[[], object],
        wait: Callable[[float], object],
        *,
        looks_every_s: float = _LOOK_EVERY_S,
        ends_within_s: float = _ENDS_WITHIN_S,
    ) -> None:
        self._what = what
        self._step = step
        self._wait = wait
        self._looks_every_s = looks_every_s
        self._ends_within_s = ends_within_s
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=what, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the portion that is being taken, unless that takes long."""
        self._is_ending.set()
        self._thread.join(timeout=self._ends_within_s)

    def _run(self) -> None:
        rest_s = _FIRST_REST_S
        while not self._is_ending.is_set():
            try:
                if not self._step():
                    self._wait(self._looks_every_s)
                rest_s = _FIRST_REST_S
                continue
            except StoreError as error:
                _log.error("store awaited", by=self._what, error=str(error), again_in_s=rest_s)
            except Exception as error:  # noqa: BLE001 - a thread that ends would do nothing more, unseen
                _log.error("portion failed", of=self._what, exc_info=error, again_in_s=rest_s)
            self._is_ending.wait(rest_s)
            rest_s = min(2 * rest_s, _LAST_REST_S)
