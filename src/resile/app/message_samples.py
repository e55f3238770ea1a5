"""Messages on which templates are tried before anybody is paged by them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from resile.app.message_facts import Facts, ItsPlaybook, draft_facts, page_facts, shift_facts, update_facts
from resile.model.audience import Audience
from resile.model.component import UpdatePhase
from resile.model.incident import Incident, Register
from resile.model.severity import Severity

_NOW = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
_STAMP = (_NOW, _NOW, "")
_BARE = Incident(id="sample", declared_at=_NOW)
_WHOLE = Incident(
    id="sample",
    declared_at=_NOW - timedelta(minutes=16),
    title=Register("Checkout fails", _STAMP),
    severity=Register(Severity.SEV1, _STAMP),
    services=Register(("checkout", "cart"), _STAMP),
    team=Register("payments", _STAMP),
    labels={"playbook": Register("https://wiki.example.org/checkout", _STAMP)},
)
_ENDS = _NOW + timedelta(days=7)

# Of each kind of message one that has everything, and one that has nothing that need not be.
SAMPLES: Mapping[str, tuple[Facts, ...]] = {
    "page": (
        page_facts(
            _WHOLE,
            because="on call for payments",
            now=_NOW,
            person="ann",
            zone="Europe/Berlin",
            ours=ItsPlaybook("checkout", "https://resile.example.org/incidents/INC-7#playbook"),
            others=["SEV3 search: Slow", "SEV4 blog: Down", "SEV5 a", "SEV5 b"],
        ),
        page_facts(_BARE, because="", now=_NOW),
    ),
    "shift_notice": (
        shift_facts(
            "Payments", person="ann", begins_at=_NOW, ends_at=_ENDS, now=_NOW, zone="Europe/Berlin", others=["SEV3 x"]
        ),
        shift_facts("payments", person="ann", begins_at=_NOW, ends_at=_ENDS, now=_NOW),
    ),
    "update": (
        update_facts(_WHOLE, text="We roll back.", now=_NOW, status="identified", by="ann", zone="Europe/Berlin"),
        update_facts(_BARE, text="", now=_NOW),
        *(
            draft_facts(
                incident,
                audience=audience,
                status=phase,
                now=_NOW,
                components=components,
                next_within_s=next_within_s,
                commander="ann",
            )
            for audience in Audience
            for phase in UpdatePhase
            for incident, components, next_within_s in ((_WHOLE, ("Checkout", "Cart"), 1_800), (_BARE, (), None))
        ),
    ),
}
