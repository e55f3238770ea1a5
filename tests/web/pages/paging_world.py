"""A resile in the middle of things: people, schedules, a policy, incidents that page, pages with receipts, alerts."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from resile.app.access import LOCAL
from resile.app.growing import Growing
from resile.app.noting import Note, noted
from resile.app.wiring import Resile
from resile.model.alert import (
    Alert,
    AlertState,
    Decision,
    KnownAlert,
    Link,
    Outcome,
    Stage,
    Verdict,
    alert_id_of,
)
from resile.model.catalog import Kind
from resile.model.escalation import EscalationState
from resile.model.event import NobodyReachable
from resile.model.message import Message, MessageState
from resile.model.severity import Severity
from resile.model.time import MINUTE
from resile.ports.paging_store import Changes
from resile.testing.simulated_clock import SimulatedClock

from .conftest import NOW

WEEKLY = {"name": "primary", "starts": "2024-03-04 09:00", "every": "week", "people": ["ann", "bob"]}
OFFICE = {**WEEKLY, "hours": [{"from": "9:00", "until": "17:00"}]}
SECOND = timedelta(seconds=1)


def fill(resile: Resile, *, office: str = "Office") -> None:
    """Ann, bob and two schedules, one of which is a gap at night; a policy that pages ann, then bob."""
    documents = {
        (Kind.PERSON, "ann"): (
            {
                "title": "Ann",
                "contacts": [
                    {"name": "mobile", "channel": "sms", "address": "+15550100123"},
                    {"name": "mail", "channel": "email", "address": "ann@example.org"},
                ],
            },
            "",
        ),
        (Kind.PERSON, "bob"): (
            {"contacts": [{"name": "push", "channel": "ntfy", "address": "https://ntfy.example.org/secret-topic"}]},
            "",
        ),
        (Kind.SCHEDULE, "payments"): ({"title": "Payments", "zone": "Europe/Berlin", "layers": [WEEKLY]}, ""),
        (Kind.SCHEDULE, "office"): ({"title": office, "zone": "Asia/Kathmandu", "layers": [OFFICE]}, ""),
        (Kind.POLICY, "default"): (
            {"steps": [{"page": ["schedule/payments"]}, {"page": ["person/bob"], "after": "5m"}], "repeat": 1},
            "",
        ),
    }
    resile.catalog.apply(LOCAL, resile.catalog.changes_to(documents))


def wait(resile: Resile, **length: float) -> None:
    """Let so much time pass, as `timedelta` takes it."""
    clock = resile.clock
    assert isinstance(clock, SimulatedClock)
    clock.advance(timedelta(**length))


def page(resile: Resile, title: str = "Checkout fails", **more: object) -> str:
    """Declare an incident and page for it; its id."""
    return resile.pager.page(title, who="zoe", by="user:zoe", **more)  # type: ignore[arg-type]


def moved(resile: Resile, message: Message, *states: MessageState, because: str = "") -> None:
    """Note how far a message came, as whoever sends it does."""
    now = resile.clock.now()
    for state in states:
        current = resile.paging.messages([message.id])[message.id]
        fields: dict[str, object] = {}
        if state is MessageState.HANDED:
            fields = {"handed_at": now}
        if state is MessageState.DELIVERED:
            fields = {"delivered_at": now}
        note = Note(message=current, state=state, because=because, fields=fields)
        resile.paging.commit(noted(resile.paging, resile.timelines, [note], now=now))


def nobody_reachable(resile: Resile, incident_id: str) -> None:
    """The whole policy has passed."""
    known = resile.paging.escalations([incident_id])[incident_id]
    growing = Growing(incident_id, resile.timelines.read(incident_id), now=resile.clock.now(), by="resile")
    growing.tell(NobodyReachable, because="policy default has passed")
    over = replace(known, state=EscalationState.UNREACHABLE, version=known.version + 1)
    resile.paging.commit(Changes(escalations=(over,), appends=growing.appends()))


def alert(
    number: int = 0,
    *,
    title: str = "HighErrorRate",
    state: AlertState = AlertState.FIRING,
    outcome: Outcome = Outcome.DECLARED,
    incident_id: str | None = None,
    at: datetime = NOW,
    **more: object,
) -> KnownAlert:
    """An alert as it stands after one decision."""
    told = Alert(
        door="alertmanager",
        fingerprint=f"f{number}",
        state=state,
        title=title,
        starts_at=at - MINUTE,
        told_at=at,
        ends_at=at if state is AlertState.RESOLVED else None,
        labels={"alertname": title[:60], "service": "checkout", "number": str(number)},
        severity=Severity.SEV2,
        service="checkout",
        links=(Link("graph", "https://grafana.example.org/d/1"), Link("evil", "javascript:alert(1)")),
        **more,  # type: ignore[arg-type]
    )
    return KnownAlert(
        id=alert_id_of("alertmanager", f"f{number}"),
        alert=told,
        version=1,
        first_at=at,
        decided_at=at,
        outcome=outcome,
        verdicts=verdicts(outcome, incident_id),
        incident_id=incident_id,
        group_key="checkout:1",
    )


def verdicts(outcome: Outcome, incident_id: str | None) -> tuple[Verdict, ...]:
    """Stage by stage, up to the one that decided."""
    asked = [Verdict(Stage.DEDUP, ends=False, reason="it fires anew")]
    if outcome is Outcome.SILENCED:
        return (*asked, Verdict(Stage.SILENCE, ends=True, reason="silenced by ann until 14:00: known", because_of="s1"))
    asked.append(Verdict(Stage.SILENCE, ends=False, reason="no silence fits"))
    asked.append(Verdict(Stage.ROUTE, ends=False, reason="route default fits", because_of="default"))
    words = {Outcome.JOINED: "an incident of its group is open", Outcome.CLEARED: "it is resolved"}
    reason = words.get(outcome, "no incident of its group is open")
    return (*asked, Verdict(Stage.INCIDENT, ends=True, reason=reason, because_of=incident_id))


def arrive(resile: Resile, alerts: Sequence[KnownAlert]) -> None:
    """Write them down with what was decided."""
    for first in range(0, len(alerts), 1_000):
        part = tuple(alerts[first : first + 1_000])
        decisions = tuple(
            Decision(
                alert_id=one.id,
                at=one.decided_at,
                state=one.alert.state,
                outcome=one.outcome,
                verdicts=one.verdicts,
                incident_id=one.incident_id,
            )
            for one in part
        )
        resile.paging.commit(Changes(alerts=part, decisions=decisions))


def first_page(resile: Resile, incident_id: str) -> Message:
    """The page that was queued first."""
    return resile.paging.messages_of([incident_id])[0]


def message_of(html: str) -> str:
    """The page's one message, as it is read."""
    found = re.search(r'<p class="message"[^>]*>(.*?)</p>', html, re.DOTALL)
    assert found is not None
    return re.sub(r"<[^>]+>", "", found[1]).replace("\xa0", " ")
