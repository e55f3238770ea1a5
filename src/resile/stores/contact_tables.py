"""The tables in which it rests whose address was proven; instants are microseconds since 1970 in UTC."""

from sqlalchemy import Column, Integer, LargeBinary, Table

from resile.stores.tables import Name, Number, metadata

verified_contacts = Table(
    "verified_contacts",
    metadata,
    Column("person", Name, primary_key=True),
    Column("contact", Name, primary_key=True),
    # Of channel and address.
    Column("digest", LargeBinary, nullable=False),
    Column("verified_at", Number, nullable=False),
    Column("by", Name, nullable=False),
)

contact_checks = Table(
    "contact_checks",
    metadata,
    Column("person", Name, primary_key=True),
    Column("contact", Name, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("code_digest", LargeBinary, nullable=False),
    Column("asked_at", Number, nullable=False),
    Column("expires_at", Number, nullable=False),
    Column("n_tries", Integer, nullable=False),
)
