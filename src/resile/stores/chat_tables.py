"""The tables of incidents' rooms in chat programs; instants are microseconds since 1970 in UTC."""

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, Table, Text, UniqueConstraint

from resile.stores.tables import Name, Number, metadata

chat_rooms = Table(
    "chat_rooms",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=True),
    Column("program", Name, nullable=False),
    Column("incident_id", Name, nullable=False),
    # The program's own name of it; null until it is made.
    Column("ref", Name),
    Column("made_at", Number),
    # JSON of model/chat.py.
    Column("body", Text, nullable=False),
    # Null: nothing is to be done.
    Column("due_at", Number),
    # How often something happened of which it must know.
    Column("n_wakes", Integer, nullable=False),
    Column("held_by", Name),
    Column("held_until", Number),
    UniqueConstraint("program", "incident_id"),
    UniqueConstraint("program", "ref"),
    Index("ix_chat_rooms_due_at", "due_at"),
)

chat_heard = Table(
    "chat_heard",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=True),
    Column("program", Name, nullable=False),
    Column("ref", Name, nullable=False),
    Column("id", Name, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("program", "id"),
    Index("ix_chat_heard_program_ref", "program", "ref"),
)

chat_members = Table(
    "chat_members",
    metadata,
    Column("program", Name, nullable=False),
    Column("id", Name, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("program", "id"),
)

chat_asked = Table(
    "chat_asked",
    metadata,
    Column("program", Name, nullable=False),
    # A digest of what was asked for.
    Column("key", Name, nullable=False),
    Column("at", Number, nullable=False),
    # What was answered; null until it is done.
    Column("said", Text),
    PrimaryKeyConstraint("program", "key"),
    Index("ix_chat_asked_at", "at"),
)
