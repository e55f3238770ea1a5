"""Threads of which one runs at a time: what takes simulated time waits for its end, and others go on meanwhile."""

import threading
from collections.abc import Callable

from resile.testing.faulty_paging import CrashError


class Strand:
    """Something that is under way in a process of a simulation.

    Attributes:
        who: the process.
        sending: id of the message that it is handing over, until what came of it is written.
        is_over: its process has died; it does nothing more.
    """

    def __init__(self, who: str, thread: "_Thread") -> None:
        self.who = who
        self.sending: str | None = None
        self.is_over = False
        self.is_paused = False
        self.thread = thread


class Strands:
    """All of one world. Whoever starts or resumes one waits until it pauses or ends, so that chance has no say."""

    def __init__(self) -> None:
        self._idle: list[_Thread] = []
        self._paused: dict[Strand, None] = {}
        self._running: list[Strand] = []

    @property
    def running(self) -> Strand | None:
        """The one that runs now; None: the world itself."""
        return self._running[-1] if self._running else None

    def start(self, who: str, act: Callable[[], None]) -> Strand:
        """Begin something, and let it run until it pauses or ends."""
        thread = self._idle.pop() if self._idle else _Thread()
        thread.act = act
        strand = Strand(who, thread)
        self._run(strand)
        return strand

    def resume(self, strand: Strand) -> None:
        """Let one that paused run on until it pauses again or ends."""
        del self._paused[strand]
        self._run(strand)

    def _run(self, strand: Strand) -> None:
        strand.is_paused = False
        self._running.append(strand)
        thread = strand.thread
        thread.go.release()
        thread.back.acquire()
        self._running.pop()
        if strand.is_paused:
            return
        strand.is_over = True
        fault, thread.fault = thread.fault, None
        self._idle.append(thread)
        if fault is not None:
            raise fault

    def pause(self) -> None:
        """Let others run until the running strand is resumed.

        Raises:
            CrashError: its process died meanwhile.
        """
        strand = self._running[-1]
        strand.is_paused = True
        self._paused[strand] = None
        strand.thread.back.release()
        strand.thread.go.acquire()
        if strand.is_over:
            raise CrashError

    def end(self, strand: Strand) -> None:
        """Its process died: it goes no further than it has come."""
        strand.is_over = True
        if strand in self._paused:
            self.resume(strand)

    def close(self) -> None:
        """End all, and their threads."""
        while self._paused:
            self.end(next(iter(self._paused)))
        for thread in self._idle:
            thread.close()
        self._idle = []


class _Thread:
    """Carries one strand after the other."""

    def __init__(self) -> None:
        self.act: Callable[[], None] | None = None
        self.fault: BaseException | None = None
        # Held by whoever must wait.
        self.go = threading.Lock()
        self.go.acquire()
        self.back = threading.Lock()
        self.back.acquire()
        self._thread = threading.Thread(target=self._run, name="strand", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            self.go.acquire()
            if self.act is None:
                return
            try:
                self.act()
            except BaseException as fault:  # noqa: BLE001 - whoever resumed it hears of it, whatever it is
                self.fault = fault
            self.back.release()

    def close(self) -> None:
        """End the thread; it carries nothing now."""
        self.act = None
        self.go.release()
        self._thread.join()
