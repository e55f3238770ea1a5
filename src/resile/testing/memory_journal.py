"""A journal in memory: a whole Journal for tests, that keeps nothing when it is gone."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime

from msgspec import structs

from resile.ports.journal import Delivery, Entry, Verdict


class MemoryJournal:
    """The Journal in memory, by looking through everything."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._entries: dict[int, Entry] = {}
        self._last = 0

    def submit(self, delivery: Delivery) -> "Future[bool]":
        """Append; done at once."""
        done: Future[bool] = Future()
        with self._turn:
            key = delivery.door, delivery.id
            is_new = all((one.delivery.door, one.delivery.id) != key for one in self._entries.values())
            if is_new:
                self._last += 1
                self._entries[self._last] = Entry(seq=self._last, delivery=delivery, n_bytes=len(delivery.body))
                self._turn.notify_all()
        done.set_result(is_new)
        return done

    def append(self, delivery: Delivery) -> bool:
        """Keep one."""
        return self.submit(delivery).result()

    def waiting(self, *, limit: int = 100) -> list[Entry]:
        """The oldest of each door in turn."""
        found = self._chosen(None, Verdict.WAITING, None)
        if limit == 1:
            return found[:1]
        nth: Counter[str] = Counter()
        in_turn: list[tuple[int, int, int]] = []
        for entry in found:
            nth[entry.delivery.door] += 1
            in_turn.append((nth[entry.delivery.door], entry.n_bytes, entry.seq))
        with self._turn:
            return [self._entries[seq] for _, _, seq in sorted(in_turn)[:limit] if seq in self._entries]

    def conclude(self, verdicts: Sequence[tuple[int, Verdict, str]]) -> None:
        """Note what became of entries."""
        with self._turn:
            for seq, verdict, reason in verdicts:
                if seq in self._entries:  # it may have been let go
                    self._entries[seq] = structs.replace(self._entries[seq], verdict=verdict, reason=reason)

    def entries(
        self,
        *,
        door: str | None = None,
        verdict: Verdict | None = None,
        before_seq: int | None = None,
        limit: int = 100,
        with_bodies: bool = True,
    ) -> list[Entry]:
        """The newest first."""
        found = [one for one in self._chosen(door, verdict, None) if before_seq is None or one.seq < before_seq][::-1][
            :limit
        ]
        if with_bodies:
            return found
        return [structs.replace(one, delivery=structs.replace(one.delivery, body=b"")) for one in found]

    def entry(self, seq: int) -> Entry | None:
        """The entry at that place."""
        return self._entries.get(seq)

    def replay(self, *, door: str | None = None, verdict: Verdict | None = None, since: datetime | None = None) -> int:
        """Let entries wait again."""
        again = [one for one in self._chosen(door, verdict, since) if one.verdict is not Verdict.WAITING]
        self.conclude([(one.seq, Verdict.WAITING, "") for one in again])
        return len(again)

    def let_go(self, *, before: datetime, max_bytes: int) -> int:
        """Remove concluded entries that arrived before an instant, and the oldest beyond `max_bytes`."""
        with self._turn:
            n_before = len(self._entries)
            for one in self._chosen(None, None, None):
                surplus = sum(each.n_bytes for each in self._entries.values()) - max_bytes
                is_old = one.delivery.received_at < before
                if one.verdict is not Verdict.WAITING and (is_old or surplus > 0):
                    del self._entries[one.seq]
            return n_before - len(self._entries)

    def wait(self, timeout_s: float) -> bool:
        """Block until something waits."""
        with self._turn:
            return self._turn.wait_for(lambda: bool(self.waiting(limit=1)), timeout_s)

    def close(self) -> None:
        """Nothing to let go of."""

    def _chosen(self, door: str | None, verdict: Verdict | None, since: datetime | None) -> list[Entry]:
        with self._turn:
            all_of_them = sorted(self._entries.items())
        return [
            one
            for _, one in all_of_them
            if (door is None or one.delivery.door == door)
            and (verdict is None or one.verdict is verdict)
            and (since is None or one.delivery.received_at >= since)
        ]
