"""The tables in which paging rests; instants are microseconds since 1970 in UTC.

`body` is the whole value as JSON; what stands beside it is what is searched.
"""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text, text

from resile.stores.tables import Name, Number, metadata


def _index(name: str, *columns: str, where: str) -> Index:
    """An index on few of the rows: what is open stays quick to find, however much is over."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


escalations = Table(
    "escalations",
    metadata,
    Column("incident_id", Name, primary_key=True),
    Column("version", Integer, CheckConstraint("version > 0", name="version_positive"), nullable=False),
    Column("state", Name, nullable=False),
    Column("started_at", Number, nullable=False),
    Column("body", Text, nullable=False),
    _index("ix_escalations_open", "started_at", where="state != 'ended'"),
)

timers = Table(
    "timers",
    metadata,
    Column("kind", Name, primary_key=True),
    Column("subject", Name, primary_key=True),
    Column("due_at", Number, nullable=False),
    Column("lease_by", Name),
    Column("lease_until", Number),
    _index("ix_timers_free", "due_at", where="lease_until IS NULL"),
    _index("ix_timers_held", "lease_until", where="lease_until IS NOT NULL"),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    metadata,
    Column("id", Name, primary_key=True),
    Column("version", Integer, CheckConstraint("version > 0", name="version_positive"), nullable=False),
    Column("state", Name, nullable=False),
    Column("message_class", Name, nullable=False),
    # 0: the first page of its incident; 1: all others, which let those pass.
    Column("turn", Integer, nullable=False),
    Column("due_at", Number, nullable=False),
    Column("queued_at", Number, nullable=False),
    Column("lease_until", Number),
    Column("handed_at", Number),
    Column("incident_id", Name),
    Column("person", Name),
    Column("channel", Name, nullable=False),
    Column("address", Name, nullable=False),
    Column("ref", Name),
    Column("bundled_into", Name),
    Column("body", Text, nullable=False),
    _index("ix_messages_queued", "turn", "due_at", "id", where="state = 'queued'"),
    _index("ix_messages_sending", "lease_until", where="state = 'sending'"),
    Index("ix_messages_queued_at", "queued_at", "message_class", "state"),
    _index("ix_messages_incident_id", "incident_id", "queued_at", where="incident_id IS NOT NULL"),
    _index("ix_messages_person", "person", "queued_at", where="person IS NOT NULL"),
    _index("ix_messages_address", "address", "handed_at", where="handed_at IS NOT NULL"),
    _index("ix_messages_bundled_into", "bundled_into", where="bundled_into IS NOT NULL"),
    _index("ix_messages_ref", "ref", where="ref IS NOT NULL"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Name, primary_key=True),
    Column("version", Integer, CheckConstraint("version > 0", name="version_positive"), nullable=False),
    Column("state", Name, nullable=False),
    Column("outcome", Name, nullable=False),
    Column("first_at", Number, nullable=False),
    Column("decided_at", Number, nullable=False),
    Column("incident_id", Name),
    Column("group_key", Name),
    # What a search looks through, in small letters.
    Column("words", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_alerts_decided_at", "decided_at"),
    _index("ix_alerts_firing", "decided_at", where="state != 'resolved'"),
    _index("ix_alerts_of_incident", "incident_id", "first_at", "id", where="incident_id IS NOT NULL"),
    _index("ix_alerts_firing_of", "incident_id", where="state != 'resolved'"),
    _index("ix_alerts_group_key", "group_key", "decided_at", where="group_key IS NOT NULL"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=True),
    Column("alert_id", Name, nullable=False),
    Column("at", Number, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_decisions_alert_id", "alert_id", "at"),
)
