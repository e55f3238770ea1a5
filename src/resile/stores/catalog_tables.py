"""The tables in which the catalog rests; instants are microseconds since 1970 in UTC."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text

from resile.stores.tables import Name, Number, metadata

catalog_versions = Table(
    "catalog_versions",
    metadata,
    Column("kind", Name, primary_key=True),
    Column("name", Name, primary_key=True),
    Column("number", Integer, CheckConstraint("number > 0", name="number_positive"), primary_key=True),
    # JSON; null: taken out of the catalog.
    Column("body", Text),
    Column("at", Number, nullable=False),
    Column("by", Name, nullable=False),
)

oncall_overrides = Table(
    "oncall_overrides",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=True),
    Column("id", Name, nullable=False, unique=True),
    Column("schedule", Name, nullable=False),
    # Null: nobody is on duty.
    Column("person", Name),
    Column("starts_at", Number, nullable=False),
    Column("ends_at", Number, nullable=False),
    Column("because", Text, nullable=False),
    Column("entered_at", Number, nullable=False),
    Column("entered_by", Name, nullable=False),
    Column("removed_at", Number),
    Column("removed_by", Name),
    Index("ix_oncall_overrides_schedule_ends_at", "schedule", "ends_at"),
)
