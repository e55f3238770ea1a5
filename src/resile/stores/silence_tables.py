"""The table in which silences rest; instants are microseconds since 1970 in UTC."""

from sqlalchemy import Column, Index, Integer, Table, Text, text

from resile.stores.tables import Name, Number, metadata

silences = Table(
    "silences",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=True),
    Column("id", Name, nullable=False, unique=True),
    # The silence as it was made, as JSON; what changes stands beside it.
    Column("body", Text, nullable=False),
    # Null: until somebody ends it.
    Column("ends_at", Number),
    Column("ended_at", Number),
    Column("ended_by", Name),
    Column("n_muted", Integer, nullable=False),
    Column("muted_at", Number),
    # Those that were not ended are few, however many there ever were.
    Index(
        "ix_silences_not_ended",
        "ends_at",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)
