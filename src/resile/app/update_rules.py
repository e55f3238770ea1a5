"""How each audience is told of incidents of each severity: as the settings say, else as is usual."""

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct

from resile.app.outward_settings import UpdateSettings
from resile.model.audience import Audience
from resile.model.document import length_of
from resile.model.severity import Severity
from resile.model.time import MINUTE, WEEK

# So long after an update the next one is promised; of lesser incidents none is.
USUAL_EVERY = {Severity.SEV1: 30 * MINUTE, Severity.SEV2: 60 * MINUTE, Severity.SEV3: 240 * MINUTE}


class UpdateRule(Struct, frozen=True, kw_only=True):
    """How an audience is told.

    Attributes:
        agree: how many who did not write it have to agree.
        every: until when the next update is promised; None: none is.
        people: of the catalog, to whom it is sent besides.
    """

    agree: int = 0
    every: timedelta | None = None
    people: tuple[str, ...] = ()


def rule_for(settings: Sequence[UpdateSettings], audience: Audience, severity: Severity | None) -> UpdateRule:
    """The rule of an audience for incidents of a severity; one that is not known counts as the worst."""
    assumed = severity or Severity.SEV1
    usual = USUAL_EVERY.get(assumed)
    for one in settings:
        if one.audience is audience and (not one.severities or assumed in one.severities):
            every = (
                usual if one.every is None else None if one.every == "off" else length_of(one.every, "every", most=WEEK)
            )
            return UpdateRule(agree=one.agree, every=every, people=tuple(one.people))
    return UpdateRule(every=usual)
