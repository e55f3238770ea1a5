"""The tables in which timelines rest, for SQLite and PostgreSQL alike."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# INTEGER PRIMARY KEY is what makes a column SQLite's row id.
Number = BigInteger().with_variant(Integer(), "sqlite")
# Ids sort by code point in Python, SQLite and PostgreSQL alike, whatever the locale of the database.
Name = Text().with_variant(Text(collation="C"), "postgresql")

timelines = Table(
    "timelines",
    metadata,
    # The seq of the timeline's first event: given once, rising, so that the indexes on it grow at their end.
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("incident_id", Name, nullable=False, unique=True),
    Column("version", Integer, CheckConstraint("version > 0", name="version_positive"), nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("timeline", Number, ForeignKey("timelines.number"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("event_id", Name, nullable=False),
    # JSON of model/event.py; text and not jsonb, which would refuse \u0000 and forget the order of fields.
    Column("body", Text, nullable=False),
    UniqueConstraint("timeline", "version"),
    UniqueConstraint("timeline", "event_id"),
)

taken = Table(
    "taken",
    metadata,
    Column("origin", Name, primary_key=True),
    Column("ref", Name, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Of those whose origin says of when it tells: the latest taken, in microseconds since 1970 in UTC.
taken_as_of = Table(
    "taken_as_of",
    metadata,
    Column("origin", Name, primary_key=True),
    Column("ref", Name, primary_key=True),
    Column("state_at", Number, nullable=False),
    Column("heard_at", Number, nullable=False),
    sqlite_with_rowid=False,
)

counters = Table(
    "counters",
    metadata,
    Column("name", Name, primary_key=True),
    Column("value", Number, nullable=False),
)
