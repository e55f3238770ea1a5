"""Incidents' rooms in chat programs, in SQLite or PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Row, Select, case, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from resile.model.chat import ChatRoom, Heard, Member
from resile.model.errors import ConflictError
from resile.model.time import from_us, to_us
from resile.ports.chat_book import HeardEntry, Held
from resile.stores.chat_tables import chat_asked, chat_heard, chat_members, chat_rooms
from resile.stores.engine import Database

_its = chat_rooms.c


class SqlChatBook:
    """The ChatBook of a database that is migrated; the database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def want(self, room: ChatRoom) -> bool:
        """Write a room down that is to be made."""
        row = {"program": room.program, "incident_id": room.incident_id, "n_wakes": 0, **_columns(room)}
        try:
            with self._database.writing() as connection:
                connection.execute(insert(chat_rooms), row)
        except IntegrityError:
            return False
        return True

    def wake(self, program: str, incident_ids: Sequence[str], *, now: datetime) -> None:
        """Have rooms looked at."""
        which = (_its.program == program, _its.incident_id.in_(incident_ids))
        with self._database.reading() as connection:
            if connection.execute(select(_its.seq).where(*which).limit(1)).first() is None:
                return
        with self._database.writing() as connection:
            _wake(connection, *which, now=now)

    def ask_again(self, program: str, incident_id: str, *, by: str, now: datetime) -> None:
        """Have a room made whole again."""
        with self._database.writing() as connection:
            found = connection.execute(
                select(chat_rooms).where(_its.program == program, _its.incident_id == incident_id).with_for_update()
            ).first()
            if found is None:
                return
            fresh = {"is_left": False, "is_asked": True, "handled": (), "n_faults": 0, "fault": "", "due_at": now}
            room = replace(_room(found), wanted_by=by, **fresh)
            connection.execute(
                update(chat_rooms).where(_its.seq == found.seq).values(n_wakes=_its.n_wakes + 1, **_columns(room))
            )

    def claim(self, program: str, *, now: datetime, until: datetime, by: str) -> Held | None:
        """The room that is due the longest."""
        is_free = or_(_its.held_until.is_(None), _its.held_until <= to_us(now))
        query = (
            select(chat_rooms)
            .where(_its.program == program, _its.due_at <= to_us(now), is_free)
            .order_by(_its.due_at, _its.seq)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        # Asked twice a second, and mostly in vain: nobody else has to wait with what they write.
        is_due = select(_its.seq).where(_its.program == program, _its.due_at <= to_us(now), is_free).limit(1)
        with self._database.reading() as connection:
            if connection.execute(is_due).first() is None:
                return None
        with self._database.writing() as connection:
            found = connection.execute(query).first()
            if found is None:
                return None
            held = update(chat_rooms).where(_its.seq == found.seq).values(held_by=by, held_until=to_us(until))
            connection.execute(held)
        return Held(room=_room(found), by=by, n_wakes=found.n_wakes)

    def keep(self, held: Held, room: ChatRoom, *, until: datetime) -> Held:
        """Write down how far it has come."""
        values = _columns(room)
        # When it is due again is said when it is given back: until then it is due still.
        del values["due_at"]
        self._write(held, {**values, "held_until": to_us(until)})
        return replace(held, room=room)

    def give_back(self, held: Held, room: ChatRoom) -> None:
        """Write down how far it has come, and hold it no longer."""
        values = _columns(room)
        due_at = values.pop("due_at")
        # Woken meanwhile it stays due as it was, unless it is to rest after a fault.
        if due_at is None:
            values["due_at"] = case((_its.n_wakes == held.n_wakes, None), else_=_its.due_at)
        else:
            values["due_at"] = due_at
        self._write(held, {**values, "held_by": None, "held_until": None})

    def _write(self, held: Held, values: Mapping[str, Any]) -> None:
        room = held.room
        is_it = (_its.program == room.program, _its.incident_id == room.incident_id, _its.held_by == held.by)
        with self._database.writing() as connection:
            if connection.execute(update(chat_rooms).where(*is_it).values(**values)).rowcount == 0:
                raise ConflictError(f"the room of {room.incident_id} is tended by another process; leave it to that")

    def room(self, program: str, incident_id: str) -> ChatRoom | None:
        """The room of an incident."""
        return self._first(select(chat_rooms).where(_its.program == program, _its.incident_id == incident_id))

    def room_called(self, program: str, ref: str) -> ChatRoom | None:
        """The room that the program calls so."""
        return self._first(select(chat_rooms).where(_its.program == program, _its.ref == ref))

    def _first(self, query: Select[Any]) -> ChatRoom | None:
        with self._database.reading() as connection:
            found = connection.execute(query).first()
        return None if found is None else _room(found)

    def rooms(self, program: str, *, limit: int = 100) -> list[ChatRoom]:
        """The one wanted last first."""
        query = select(chat_rooms).where(_its.program == program).order_by(_its.seq.desc()).limit(limit)
        with self._database.reading() as connection:
            return [_room(row) for row in connection.execute(query)]

    def n_made_since(self, program: str, since: datetime) -> int:
        """How many rooms were made since then."""
        query = select(func.count()).where(_its.program == program, _its.made_at >= to_us(since))
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def next_at(self, program: str) -> datetime | None:
        """When the next room is due."""
        due = case((_its.held_until > _its.due_at, _its.held_until), else_=_its.due_at)
        with self._database.reading() as connection:
            found = connection.execute(select(func.min(due)).where(_its.program == program)).scalar_one()
        return None if found is None else from_us(found)

    def hear(self, heard: Sequence[Heard]) -> None:
        """Write down what was heard in rooms that are ours."""
        for one in heard:
            try:
                with self._database.writing() as connection:
                    is_ours = (_its.program == one.program, _its.ref == one.room)
                    if not _wake(connection, *is_ours, now=one.heard_at):
                        continue
                    row = {"program": one.program, "ref": one.room, "id": one.id}
                    connection.execute(insert(chat_heard), {**row, "body": msgspec.json.encode(one).decode()})
            except IntegrityError:
                continue  # told before

    def heard(self, program: str, ref: str, *, limit: int = 200) -> list[HeardEntry]:
        """What was heard in a room, in order of arrival."""
        query = select(chat_heard).where(chat_heard.c.program == program, chat_heard.c.ref == ref)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(chat_heard.c.seq).limit(limit)).all()
        return [HeardEntry(row.seq, msgspec.json.decode(row.body, type=Heard)) for row in rows]

    def forget_heard(self, seqs: Sequence[int]) -> None:
        """It is in the timeline now."""
        if seqs:
            with self._database.writing() as connection:
                connection.execute(delete(chat_heard).where(chat_heard.c.seq.in_(seqs)))

    def begin(self, program: str, key: str, *, at: datetime, forget_before: datetime) -> str | None:
        """Write down that something asked for is about to be done."""
        try:
            with self._database.writing() as connection:
                connection.execute(delete(chat_asked).where(chat_asked.c.at < to_us(forget_before)))
                connection.execute(insert(chat_asked), {"program": program, "key": key, "at": to_us(at)})
        except IntegrityError:
            with self._database.reading() as connection:
                query = select(chat_asked.c.said).where(chat_asked.c.program == program, chat_asked.c.key == key)
                return connection.execute(query).scalar_one_or_none() or ""
        return None

    def note_answer(self, program: str, key: str, said: str) -> None:
        """It is done, and this was answered."""
        which = (chat_asked.c.program == program, chat_asked.c.key == key)
        with self._database.writing() as connection:
            connection.execute(update(chat_asked).where(*which).values(said=said))

    def forget_begun(self, program: str, key: str) -> None:
        """It was not done."""
        with self._database.writing() as connection:
            connection.execute(delete(chat_asked).where(chat_asked.c.program == program, chat_asked.c.key == key))

    def member(self, program: str, member_id: str) -> Member | None:
        """Somebody, as they were told last."""
        query = select(chat_members.c.body).where(chat_members.c.program == program, chat_members.c.id == member_id)
        with self._database.reading() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return None if found is None else msgspec.json.decode(found, type=Member)

    def note_member(self, member: Member) -> None:
        """Remember them."""
        body = msgspec.json.encode(member).decode()
        is_it = (chat_members.c.program == member.program, chat_members.c.id == member.id)
        row = {"program": member.program, "id": member.id, "body": body}
        try:
            with self._database.writing() as connection:
                if connection.execute(update(chat_members).where(*is_it).values(body=body)).rowcount == 0:
                    connection.execute(insert(chat_members), row)
        except IntegrityError:
            return  # somebody else looked at the same moment


def _wake(connection: Connection, *which: Any, now: datetime) -> bool:
    woken = update(chat_rooms).where(*which)
    done = connection.execute(
        woken.values(n_wakes=_its.n_wakes + 1, due_at=func.coalesce(_its.due_at, to_us(now))),
    )
    return done.rowcount > 0


def _columns(room: ChatRoom) -> dict[str, Any]:
    return {
        "ref": room.ref,
        "made_at": None if room.made_at is None else to_us(room.made_at),
        "body": msgspec.json.encode(room).decode(),
        "due_at": None if room.due_at is None else to_us(room.due_at),
    }


def _room(row: Row[Any]) -> ChatRoom:
    room = msgspec.json.decode(row.body, type=ChatRoom)
    return replace(room, due_at=None if row.due_at is None else from_us(row.due_at))
