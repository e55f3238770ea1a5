"""Which incidents customers were told of: found by what stands in the events, without reading them all."""

from collections.abc import Sequence

from sqlalchemy import Integer, and_, cast, func, select

from resile.stores.engine import Database
from resile.stores.tables import events, timelines

# As events are written; within a text each quotation mark has a stroke before it.
_IS_FOR_CUSTOMERS = events.c.body.like('%"audience":"customers"%')


class SqlCustomersTold:
    """The CustomersTold of a database that is migrated; the database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def incidents(self, up_to_seq: int) -> Sequence[str]:
        """The incidents whose timelines hold anything for customers."""
        query = (
            select(timelines.c.incident_id)
            .join_from(timelines, events)
            .where(and_(events.c.seq <= up_to_seq, _IS_FOR_CUSTOMERS))
            .distinct()
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def changed(self, after_seq: int, up_to_seq: int) -> Sequence[tuple[str, bool]]:
        """The incidents that got events in between, and whether any of these is for customers."""
        is_told = func.max(cast(_IS_FOR_CUSTOMERS, Integer))
        query = (
            select(timelines.c.incident_id, is_told)
            .join_from(timelines, events)
            .where(events.c.seq > after_seq, events.c.seq <= up_to_seq)
            .group_by(timelines.c.incident_id)
        )
        with self._database.reading() as connection:
            return [(name, bool(told)) for name, told in connection.execute(query)]
