"""Random timelines: any events in any order, as the world may tell them."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from resile.model.draft import Draft, Step
from resile.model.event import (
    Absorbed,
    Acknowledged,
    Closed,
    Corrected,
    Declared,
    Described,
    Detected,
    Event,
    Exclusion,
    Identified,
    ImpactBegan,
    Marked,
    Merged,
    Mitigated,
    Noted,
    Reopened,
    Restored,
    SeverityChanged,
    Source,
    Updated,
)
from resile.model.severity import Severity

NOW = datetime(2024, 3, 1, tzinfo=UTC)
moments = st.integers(0, 600).map(lambda minutes: NOW + timedelta(minutes=minutes))
sources = st.sampled_from(Source)
severities = st.sampled_from([None, *Severity])
words = st.text(max_size=8)


@st.composite
def timelines(draw: st.DrawFn, *, max_size: int = 12) -> list[Event]:
    """Events with distinct ids; corrections aim at any id, also at unknown ones."""
    n = draw(st.integers(0, max_size))
    return [draw(_event(number)) for number in range(1, n + 1)]


@st.composite
def _event(draw: st.DrawFn, number: int) -> Event:
    common = {
        "id": f"{number:05d}",
        "at": draw(moments),
        "recorded_at": draw(moments),
        "by": draw(st.sampled_from(["user:ann", "import:x"])),
        "source": draw(sources),
    }
    kind = draw(
        st.sampled_from([*_PLAIN, Acknowledged, Identified, Declared, SeverityChanged, Described, Marked, *_LINKS])
    )
    if kind in _PLAIN:
        return kind(**common)
    return kind(**common, **draw(_FIELDS[kind]))


_PLAIN = [ImpactBegan, Detected, Mitigated, Restored, Closed, Reopened]
_LINKS = [Merged, Absorbed, Noted, Updated, Corrected]
_labels = st.dictionaries(st.sampled_from(["cause", "region"]), words, max_size=2)
_FIELDS = {
    Acknowledged: st.fixed_dictionaries({"who": st.none() | words}),
    Identified: st.fixed_dictionaries({"cause": st.none() | words}),
    Declared: st.fixed_dictionaries({"title": words, "severity": severities, "labels": _labels}),
    SeverityChanged: st.fixed_dictionaries({"severity": severities}),
    Described: st.fixed_dictionaries({}, optional={"title": words, "team": st.none() | words, "labels": _labels}),
    Marked: st.fixed_dictionaries({"exclusion": st.sampled_from([None, *Exclusion])}),
    Merged: st.fixed_dictionaries({"into": st.none() | words}),
    Absorbed: st.fixed_dictionaries({"incident_id": words}),
    Noted: st.fixed_dictionaries({"text": words}),
    Updated: st.fixed_dictionaries({"text": words, "status": st.none() | words}),
    Corrected: st.fixed_dictionaries(
        {"event_id": st.integers(1, 14).map(lambda n: f"{n:05d}"), "to": st.none() | moments}
    ),
}

_steps = st.builds(
    Step,
    kind=st.sampled_from(["impact_began", "detected", "mitigated", "restored", "closed", "reopened"]),
    at=moments,
    source=sources,
) | st.builds(Step, kind=st.sampled_from(["acknowledged", "identified", "updated", "noted"]), at=moments, text=words)
drafts = st.builds(
    Draft,
    origin=st.just("x"),
    ref=st.just("1"),
    title=words,
    severity=severities,
    services=st.lists(words, max_size=3, unique=True).map(tuple),
    team=st.none() | words,
    labels=_labels,
    exclusion=st.sampled_from([None, *Exclusion]),
    url=st.none() | words,
    steps=st.lists(_steps, max_size=8).map(tuple),
)
