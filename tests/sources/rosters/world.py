"""Answers of other tools' APIs, of our own making, and who is on call by what was made of them."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from resile.model.catalog import Kind, ScheduleDocument, document_of, schedule_of
from resile.model.schedule import Override
from resile.response.oncall import duties
from resile.sources.rosters.roster import Roster

STEP = timedelta(minutes=30)


def saved(folder: Path, **answers: Any) -> Path:
    """The answers as files of a folder."""
    for name, answer in answers.items():
        (folder / f"{name}.json").write_text(json.dumps(answer))
    return folder


def holders(roster: Roster, schedule: str, starts_at: datetime, ends_at: datetime) -> list[str | None]:
    """Who is on call by a schedule each half hour."""
    body = roster.documents[Kind.SCHEDULE, schedule]
    document = document_of(Kind.SCHEDULE, schedule, body)
    assert isinstance(document, ScheduleDocument)
    overrides = [
        Override(id=str(n), person=one.person, starts_at=one.starts_at, ends_at=one.ends_at, by="test")
        for n, one in enumerate(roster.overrides)
        if one.schedule == schedule
    ]
    found = duties(schedule_of(schedule, document), overrides, starts_at, ends_at)
    return [next(one.person for one in found if one.starts_at <= at < one.ends_at) for at in times(starts_at, ends_at)]


def times(starts_at: datetime, ends_at: datetime) -> Iterator[datetime]:
    """Every half hour of a window, a minute after it begins."""
    at = starts_at + timedelta(minutes=1)
    while at < ends_at:
        yield at
        at += STEP
