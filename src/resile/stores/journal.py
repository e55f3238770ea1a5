"""The journal on one machine: a SQLite file of its own; an append has reached the disk before it returns."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from resile.model.time import from_us, to_us
from resile.ports.journal import Delivery, Entry, Verdict
from resile.stores.journal_file import BUSY_S, JournalFile

# How often to look whether another process let something wait.
_LOOK_EVERY_S = 0.5
# Bodies that one look at what waits takes, at most, beyond the first: they are processed in one go.
_MAX_READ_BYTES = 8_000_000
# Of the first of each door together; more than twice the largest.
_MAX_FIRST_BYTES = 60_000_000
_N_LET_GO_AT_ONCE = 500
_COLUMNS = "entries.seq, door, id, received_at, headers, n_bytes, verdict, reason"
_WITH_BODIES = f"SELECT {_COLUMNS}, body FROM entries JOIN bodies USING (seq)"  # noqa: S608 - constants


class SqliteJournal:
    """The Journal in a file."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file
        self._arrived = threading.Condition()
        self._n_told = 0

    def submit(self, delivery: Delivery) -> "Future[bool]":
        """Append without waiting: done once it survives a crash."""
        row = (
            delivery.door,
            delivery.id,
            to_us(delivery.received_at),
            msgspec.json.encode(delivery.headers).decode(),
            len(delivery.body),
            delivery.body,
        )
        appended = self._file.submit(append_rows, row, n_bytes=len(delivery.body))
        appended.add_done_callback(self._tell)
        return appended

    def append(self, delivery: Delivery) -> bool:
        """Write one down, together with those of other threads."""
        return self.submit(delivery).result()

    def _tell(self, _done: "Future[Any]") -> None:
        with self._arrived:
            self._n_told += 1
            self._arrived.notify_all()

    def waiting(self, *, limit: int = 100) -> list[Entry]:
        """The oldest of each door in turn; fewer where their bodies are large, but at least one."""
        found = self._file.read(
            "SELECT seq, door, n_bytes FROM entries INDEXED BY entries_waiting WHERE verdict = 'waiting' "
            "ORDER BY seq LIMIT ?",
            (limit,),
        )
        if len(found) == limit > 1:
            found = [*found, *self._oldest_of_others({door for _, door, _ in found}, after=found[-1][0])]
        nth: Counter[str] = Counter()
        in_turn: list[tuple[int, int, int]] = []
        for seq, door, size in found:
            nth[door] += 1
            # Of those whose turn it is the small ones first: a large one shall not push them out.
            in_turn.append((nth[door], size, seq))
        seqs: list[int] = []
        n_bytes = 0
        for turn, size, seq in sorted(in_turn)[:limit]:
            n_bytes += size
            # Of each door the first comes along where it can: a large one would else wait while others go on sending.
            if seqs and n_bytes > (_MAX_FIRST_BYTES if turn == 1 else _MAX_READ_BYTES):
                break
            seqs.append(seq)
        if not seqs:
            return []
        marks = ", ".join("?" * len(seqs))
        entries = {one.seq: one for one in self._entries(f"{_WITH_BODIES} WHERE entries.seq IN ({marks})", tuple(seqs))}
        return [entries[seq] for seq in seqs if seq in entries]

    def _oldest_of_others(self, doors: set[str], *, after: int) -> list[tuple[int, str, int]]:
        """The oldest that waits of each door that has none among the oldest of all."""
        found = self._file.read(
            "SELECT seq, door, n_bytes FROM entries WHERE seq IN (SELECT min(seq) FROM entries INDEXED BY "
            "entries_waiting WHERE verdict = 'waiting' AND seq > ? GROUP BY door)",
            (after,),
        )
        return [(seq, door, size) for seq, door, size in found if door not in doors]

    def conclude(self, verdicts: Sequence[tuple[int, Verdict, str]]) -> None:
        """Note what became of entries."""
        rows = [(verdict.value, reason, seq) for seq, verdict, reason in verdicts]

        def note(connection: sqlite3.Connection) -> None:
            connection.executemany("UPDATE entries SET verdict = ?, reason = ? WHERE seq = ?", rows)

        self._file.write(note)

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
        body = ", body FROM entries JOIN bodies USING (seq)" if with_bodies else ", x'' FROM entries"
        # Written out, so that the indexes of a verdict serve.
        is_verdict = "TRUE" if verdict is None else f"verdict = '{verdict.value}'"
        where, values = _where((is_verdict, ()), ("door = ?", door), ("entries.seq < ?", before_seq))
        return self._entries(
            f"SELECT {_COLUMNS}{body} {where} ORDER BY entries.seq DESC LIMIT ?",
            (*values, limit),
        )

    def entry(self, seq: int) -> Entry | None:
        """The entry at that place."""
        found = self._entries(
            f"{_WITH_BODIES} WHERE entries.seq = ?",
            (seq,),
        )
        return found[0] if found else None

    def replay(self, *, door: str | None = None, verdict: Verdict | None = None, since: datetime | None = None) -> int:
        """Let entries wait again; returns how many do that did not."""
        since_us = None if since is None else to_us(since)
        where, values = _where(("door = ?", door), ("verdict = ?", verdict), ("received_at >= ?", since_us))
        if not self._file.path.exists():
            return 0

        def again(connection: sqlite3.Connection) -> int:
            changed = f"UPDATE entries SET verdict = 'waiting', reason = '' {where}"  # noqa: S608 - constants
            return connection.execute(f"{changed} AND verdict <> 'waiting'", values).rowcount

        n_again = self._file.write(again)
        self._tell(Future())
        return n_again

    def let_go(self, *, before: datetime, max_bytes: int) -> int:
        """Remove concluded entries that arrived before an instant, and the oldest while more than `max_bytes` rest."""
        if not self._file.path.exists():
            return 0
        n_gone = 0
        while seqs := self._file.read(
            "SELECT seq FROM entries WHERE verdict <> 'waiting' AND received_at < ? ORDER BY seq LIMIT ?",
            (to_us(before), _N_LET_GO_AT_ONCE),
        ):
            n_gone += self._file.write(_removal([seq for (seq,) in seqs]))
        return n_gone + self._let_go_beyond(max_bytes)

    def _let_go_beyond(self, max_bytes: int) -> int:
        """Remove the oldest concluded ones; they are added up once, for that looks at every entry there is."""
        n_gone = last = 0
        surplus = sum(n_bytes for (n_bytes,) in self._file.read("SELECT coalesce(sum(n_bytes), 0) FROM entries"))
        surplus -= max_bytes
        while surplus > 0:
            found = self._file.read(
                "SELECT seq, n_bytes FROM entries WHERE verdict <> 'waiting' AND seq > ? ORDER BY seq LIMIT ?",
                (last, _N_LET_GO_AT_ONCE),
            )
            if not found:
                break
            oldest: list[int] = []
            for last, n_bytes in found:
                if surplus <= 0:
                    break
                oldest.append(last)
                surplus -= n_bytes
            n_gone += self._file.write(_removal(oldest))
        return n_gone

    def wait(self, timeout_s: float) -> bool:
        """Block until something waits, appended here or by another process."""
        waited_s = 0.0
        while True:
            n_told = self._n_told
            if self._file.read("SELECT 1 FROM entries INDEXED BY entries_waiting WHERE verdict = 'waiting' LIMIT 1"):
                return True
            if waited_s >= timeout_s:
                return False
            step_s = min(_LOOK_EVERY_S, timeout_s - waited_s)
            with self._arrived:
                self._arrived.wait_for(lambda n=n_told: self._n_told != n, step_s)  # type: ignore[misc]
            waited_s += step_s

    def close(self) -> None:
        """Write what waits, then let go of the file."""
        self._file.close()

    def _entries(self, query: str, values: tuple[Any, ...]) -> list[Entry]:
        return [
            Entry(
                seq=seq,
                delivery=Delivery(
                    door=door,
                    id=id_,
                    received_at=from_us(received_at),
                    headers=msgspec.json.decode(headers, type=dict[str, str]),
                    body=body,
                ),
                n_bytes=n_bytes,
                verdict=Verdict(verdict),
                reason=reason,
            )
            for seq, door, id_, received_at, headers, n_bytes, verdict, reason, body in self._file.read(query, values)
        ]


def open_journal_file(path: Path, *, busy_s: float = BUSY_S) -> SqliteJournal:
    """The journal in that file, which is made at the first append."""
    return SqliteJournal(JournalFile(path, busy_s=busy_s))


# Of as many rows at once: each call into SQLite gives the interpreter to somebody else, and may wait to get it back.
_STEPS = (100, 25, 5, 1)


def append_rows(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> list[bool]:
    """Append deliveries that came at the same time; whether each is new."""
    last = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'entries'").fetchone()[0]
    numbered = [(seq, *row) for seq, row in enumerate(rows, start=last + 1)]
    before = connection.total_changes
    _insert(
        connection,
        "INSERT INTO entries (seq, door, id, received_at, headers, n_bytes) VALUES {} ON CONFLICT DO NOTHING",
        [row[:-1] for row in numbered],
    )
    if connection.total_changes - before == len(rows):
        new = numbered
    else:
        found = connection.execute("SELECT seq FROM entries WHERE seq > ?", (last,)).fetchall()
        seqs = {seq for (seq,) in found}
        new = [row for row in numbered if row[0] in seqs]
    _insert(connection, "INSERT INTO bodies VALUES {}", [(row[0], row[-1]) for row in new])
    received: dict[str, tuple[int, int]] = {}
    for _, door, _, received_at, *_ in new:
        n, last_at = received.get(door, (0, received_at))
        received[door] = n + 1, max(last_at, received_at)
    _insert(
        connection,
        "INSERT INTO counts (door, n_received, last_at) VALUES {} ON CONFLICT (door) DO UPDATE SET "
        "n_received = n_received + excluded.n_received, last_at = max(coalesce(last_at, 0), excluded.last_at)",
        [(door, n, last_at) for door, (n, last_at) in received.items()],
    )
    taken = {row[0] for row in new}
    return [row[0] in taken for row in numbered]


def _insert(connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    at = 0
    for step in _STEPS:
        while len(rows) - at >= step:
            marks = f"({', '.join('?' * len(rows[at]))})"
            values = [value for row in rows[at : at + step] for value in row]
            connection.execute(statement.format(", ".join([marks] * step)), values)
            at += step


def _where(*conditions: tuple[str, Any]) -> tuple[str, tuple[Any, ...]]:
    asked = [(condition, value) for condition, value in conditions if value is not None]
    text = " AND ".join(condition for condition, _ in asked)
    return f"WHERE {text or 'TRUE'}", tuple(value for _, value in asked if value != ())


def _removal(seqs: list[int]) -> Callable[[sqlite3.Connection], int]:
    def remove(connection: sqlite3.Connection) -> int:
        # Asked again: a replay may have let some wait meanwhile.
        gone = [
            seq
            for seq in seqs
            if connection.execute("DELETE FROM entries WHERE seq = ? AND verdict <> 'waiting'", (seq,)).rowcount
        ]
        connection.executemany("DELETE FROM bodies WHERE seq = ?", [(seq,) for seq in gone])
        return len(gone)

    return remove
