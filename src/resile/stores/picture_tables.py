"""The table in which pictures rest; instants are microseconds since 1970 in UTC."""

from sqlalchemy import Column, LargeBinary, Table, UniqueConstraint

from resile.stores.tables import Name, Number, metadata

incident_pictures = Table(
    "incident_pictures",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=True),
    Column("incident_id", Name, nullable=False),
    Column("id", Name, nullable=False),
    Column("media_type", Name, nullable=False),
    Column("width", Number, nullable=False),
    Column("height", Number, nullable=False),
    Column("n_bytes", Number, nullable=False),
    Column("added_at", Number, nullable=False),
    Column("added_by", Name, nullable=False),
    # The last one: SQLite reads the others without the pages on which it lies.
    Column("content", LargeBinary, nullable=False),
    UniqueConstraint("incident_id", "id"),
)
