"""The table in which feeds rest; instants are microseconds since 1970 in UTC."""

from sqlalchemy import Column, Index, Table, text

from resile.stores.tables import Name, Number, metadata

feeds = Table(
    "feeds",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=True),
    Column("id", Name, nullable=False, unique=True),
    # `person` or `schedule`, and its name.
    Column("of", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("made_at", Number, nullable=False),
    Column("made_by", Name, nullable=False),
    Column("revoked_at", Number),
    Column("revoked_by", Name),
    # Of each person and schedule one holds at a time.
    Index(
        "ux_feeds_that_hold",
        "of",
        "name",
        unique=True,
        sqlite_where=text("revoked_at IS NULL"),
        postgresql_where=text("revoked_at IS NULL"),
    ),
)
