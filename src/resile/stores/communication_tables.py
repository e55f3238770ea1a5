"""Tables of subscribers, of what they are told, and of maintenance windows; instants are microseconds since 1970."""

from sqlalchemy import Column, Index, LargeBinary, PrimaryKeyConstraint, Table, Text, UniqueConstraint, text

from resile.stores.tables import Name, Number, metadata

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Name, primary_key=True),
    Column("channel", Name, nullable=False),
    Column("address", Name, nullable=False),
    # A JSON list of names; empty: all.
    Column("components", Text, nullable=False),
    Column("confirmed_at", Number, nullable=False),
    Column("n_bounced", Number, nullable=False),
    Column("put_aside_at", Number),
    Column("because", Text, nullable=False),
    UniqueConstraint("channel", "address", name="uq_subscribers_address"),
)

subscriber_asks = Table(
    "subscriber_asks",
    metadata,
    Column("id", Name, primary_key=True),
    Column("channel", Name, nullable=False),
    Column("address", Name, nullable=False),
    Column("components", Text, nullable=False),
    Column("address_digest", LargeBinary, nullable=False),
    Column("host_digest", LargeBinary, nullable=False),
    Column("asked_at", Number, nullable=False),
    Column("expires_at", Number, nullable=False),
    Column("is_sent", Number, nullable=False),
    Index("ix_subscriber_asks_asked_at", "asked_at"),
)

tellings = Table(
    "tellings",
    metadata,
    Column("id", Name, primary_key=True),
    Column("kind", Name, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("components", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("incident_id", Name),
    Column("made_at", Number, nullable=False),
    # NULL: some of its copies may wait.
    Column("told_at", Number),
    Index("ix_tellings_told_at", "told_at"),
)

telling_copies = Table(
    "telling_copies",
    metadata,
    Column("telling_id", Name, nullable=False),
    Column("subscriber_id", Name, nullable=False),
    Column("channel", Name, nullable=False),
    Column("address", Name, nullable=False),
    Column("state", Name, nullable=False),
    Column("first_due_at", Number, nullable=False),
    Column("due_at", Number, nullable=False),
    Column("n_tries", Number, nullable=False),
    Column("lease_by", Name),
    Column("lease_until", Number),
    Column("error", Text, nullable=False),
    PrimaryKeyConstraint("telling_id", "subscriber_id", name="pk_telling_copies"),
    # Those that wait or are leaving: few, however many were sent.
    Index(
        "ix_telling_copies_open",
        "channel",
        "due_at",
        "telling_id",
        "subscriber_id",
        sqlite_where=text("state IN ('queued', 'sending')"),
        postgresql_where=text("state IN ('queued', 'sending')"),
    ),
)

maintenance_windows = Table(
    "maintenance_windows",
    metadata,
    Column("id", Name, primary_key=True),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("components", Text, nullable=False),
    Column("starts_at", Number, nullable=False),
    Column("ends_at", Number, nullable=False),
    # When it ends or ended: `ends_at`, or before that.
    Column("over_at", Number, nullable=False),
    Column("is_announced", Number, nullable=False),
    Column("by", Name, nullable=False),
    Column("made_at", Number, nullable=False),
    Column("changed_at", Number, nullable=False),
    Column("version", Number, nullable=False),
    Column("finished_at", Number),
    Column("cancelled_at", Number),
    Index("ix_maintenance_windows_over_at", "over_at"),
)

maintenance_marks = Table(
    "maintenance_marks",
    metadata,
    Column("incident_id", Name, primary_key=True),
    Column("window_id", Name, nullable=False),
    Index("ix_maintenance_marks_window_id", "window_id"),
)
