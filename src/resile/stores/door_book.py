"""The doors and their counts, in the journal's file: whoever loses one loses the other."""

import sqlite3
from collections.abc import Mapping

import msgspec

from resile.model.time import from_us, to_us
from resile.ports.delivery_door import DoorOptions
from resile.ports.door_book import Door, DoorCounts
from resile.stores.journal_file import JournalFile


class SqliteDoorBook:
    """The DoorBook of a journal's file; the file is closed by whoever opened it."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file

    def doors(self) -> list[Door]:
        """All doors by name."""
        return [
            Door(
                name=name,
                kind=kind,
                options=msgspec.json.decode(options, type=DoorOptions),
                made_at=from_us(made_at),
                salt=salt,
                secret_digest=secret_digest,
                sealed=sealed[0] if sealed else None,
            )
            # Every column in its order: a file of the first version that was not written to since lacks the last.
            for name, kind, options, made_at, salt, secret_digest, *sealed in self._file.read(
                "SELECT * FROM doors ORDER BY name"
            )
        ]

    def add(self, door: Door) -> bool:
        """Make a door; its counts begin anew."""
        options = msgspec.json.encode(door.options).decode()
        row = (door.name, door.kind, options, to_us(door.made_at), door.salt, door.secret_digest, door.sealed)

        def insert(connection: sqlite3.Connection) -> bool:
            done = connection.execute(
                "INSERT INTO doors (name, kind, options, made_at, salt, secret_digest, sealed) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                row,
            )
            if not done.rowcount:
                return False
            connection.execute("DELETE FROM counts WHERE door = ?", (door.name,))
            return True

        return self._file.write(insert)

    def remove(self, name: str) -> bool:
        """Close a door for good."""
        if not any(door.name == name for door in self.doors()):
            return False

        def delete(connection: sqlite3.Connection) -> bool:
            return connection.execute("DELETE FROM doors WHERE name = ?", (name,)).rowcount > 0

        return self._file.write(delete)

    def count_refused(self, refused: Mapping[str, int]) -> None:
        """Add to the counts of those who were turned away."""
        rows = list(refused.items())

        def add(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO counts (door, n_refused) VALUES (?, ?) "
                "ON CONFLICT (door) DO UPDATE SET n_refused = n_refused + excluded.n_refused",
                rows,
            )

        self._file.write(add)

    def counts(self) -> dict[str, DoorCounts]:
        """By the door's name."""
        resting = {
            (door, verdict): n
            for door, verdict, n in self._file.read(
                "SELECT door, verdict, count(*) FROM entries WHERE verdict IN ('unmapped', 'failed') "
                "GROUP BY verdict, door "
                "UNION ALL SELECT door, 'waiting', count(*) FROM entries WHERE verdict = 'waiting' GROUP BY door"
            )
        }
        return {
            door: DoorCounts(
                n_received=n_received,
                n_refused=n_refused,
                n_waiting=resting.get((door, "waiting"), 0),
                n_unmapped=resting.get((door, "unmapped"), 0),
                n_failed=resting.get((door, "failed"), 0),
                last_at=None if last_at is None else from_us(last_at),
            )
            for door, n_received, n_refused, last_at in self._file.read(
                "SELECT door, n_received, n_refused, last_at FROM counts"
            )
        }
