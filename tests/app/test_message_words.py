"""What messages say, and that no template loses one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.app.access import LOCAL
from resile.app.catalog import Catalog
from resile.app.message_facts import ItsPlaybook, moment, page_facts, shift_facts, update_facts
from resile.app.message_words import CatalogWords, Words, built_in, page_words, words_of
from resile.app.templates import check_template_renders
from resile.model.alert import Alert, AlertState, KnownAlert, Outcome
from resile.model.catalog import Kind
from resile.model.event import AlertFired, Declared, Detected, Event, Source
from resile.model.incident import Incident, fold
from resile.model.paging_documents import TemplateDocument
from resile.model.policy import Contact, Way
from resile.model.severity import Severity
from resile.ports.paging_store import Changes
from resile.response.escalate import NewPage
from resile.testing.memory_catalog import MemoryCatalogStore
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.simulated_clock import SimulatedClock

NOW = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
BEGAN = NOW - timedelta(minutes=16)
FACTS: dict[str, Any] = {"because": "on call for payments", "now": NOW}


def incident(**given: Any) -> Incident:
    told: dict[str, Any] = {
        "title": "Error rate is high",
        "severity": Severity.SEV1,
        "services": ("checkout",),
        **given,
    }
    common: dict[str, Any] = {"recorded_at": BEGAN, "by": "door:x", "source": Source.MEASURED}
    return fold("inc-7", [Declared(id="1", at=BEGAN, **common, **told), Detected(id="2", at=BEGAN, **common)])


def template(text: str, **given: Any) -> TemplateDocument:
    return TemplateDocument(**{"message": "page", "text": text, **given})


def test_a_page_says_what_since_when_why_you_and_what_to_do() -> None:
    told = incident(services=("checkout", "cart"), team="payments", labels={"playbook": "https://wiki.example.org/c"})

    words = built_in(page_facts(told, person="ann", zone="Asia/Kolkata", others=["SEV3 search: slow"] * 5, **FACTS))

    assert words.title == "SEV1 checkout: Error rate is high"
    assert words.text == (
        "Since 2026-03-01 02:14 UTC (07:44 Asia/Kolkata), 16 min ago.\n"
        "You are paged because you are on call for payments.\n"
        "Acknowledge, then follow the playbook: https://wiki.example.org/c\n"
        "Affected: checkout, cart.\n"
        "Incident inc-7, team payments.\n"
        "Also open: SEV3 search: slow; SEV3 search: slow; SEV3 search: slow; and 2 more."
    )


def test_a_page_of_an_incident_of_which_nothing_is_known_still_says_something() -> None:
    title, text = page_words(Incident(id="inc-7", declared_at=BEGAN), "", now=NOW)

    assert title == "inc-7"
    assert text.startswith("Since 2026-03-01 02:14 UTC, 16 min ago.\nAcknowledge, so that nobody else is woken")


def test_a_text_message_holds_what_matters() -> None:
    words = built_in(page_facts(incident(title="Error rate is high " * 20), **FACTS))

    assert len(words.short) == 160
    assert words.short.startswith("SEV1 checkout: Error rate is high")
    assert built_in(page_facts(incident(), **FACTS)).short.startswith(
        "SEV1 checkout: Error rate is high. Since 2026-03-01 02:14 UTC, 16 min ago. You are paged because you are on"
    )


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        (None, "2026-03-01 02:14 UTC"),
        ("UTC", "2026-03-01 02:14 UTC"),
        ("Europe/London", "2026-03-01 02:14 UTC"),
        ("America/New_York", "2026-03-01 02:14 UTC (2026-02-28 21:14 America/New_York)"),
        ("Mars/Olympus", "2026-03-01 02:14 UTC"),
        ("../../etc/passwd", "2026-03-01 02:14 UTC"),
    ],
)
def test_times_are_told_by_both_clocks(zone: str | None, words: str) -> None:
    assert str(moment(BEGAN, now=NOW, zone=zone)) == words


def test_a_playbook_that_is_no_address_is_left_out() -> None:
    for wrong in ("javascript:alert(1)", "wiki page 7", "https://x y", "https://x\nAcknowledged"):
        assert "playbook" not in built_in(page_facts(incident(labels={"runbook_url": wrong}), **FACTS)).text


def test_a_page_names_our_own_playbook_and_what_alerts_name_besides() -> None:
    ours = ItsPlaybook("checkout", "https://r.example.org/incidents/INC-7#playbook")
    named = incident(labels={"runbook_url": "https://wiki.example.org/c"})

    texts = [
        built_in(page_facts(told, ours=one, **FACTS)).text.split("\n")[2:-1]
        for told, one in ((incident(), ours), (named, ours), (incident(), ItsPlaybook("checkout", "")))
    ]

    first = f"Acknowledge, then follow playbook checkout: {ours.page}"
    assert texts == [
        [first],
        [first, "Also named for it: https://wiki.example.org/c"],
        ["Acknowledge, then follow playbook checkout."],
    ]
    assert page_facts(incident(), ours=ours, **FACTS).incident.playbook == ours.page


def test_a_shift_says_until_when_and_what_is_open() -> None:
    ends = NOW + timedelta(days=7)
    words = built_in(
        shift_facts("Payments", person="ann", begins_at=NOW, ends_at=ends, now=NOW, others=["SEV3 search: slow"])
    )

    assert words.title == "On call for Payments"
    assert words.text == (
        "From 2026-03-01 02:30 UTC until 2026-03-08 02:30 UTC you are on call for Payments.\n"
        "Also open: SEV3 search: slow."
    )


def test_an_update_says_what_was_written() -> None:
    words = built_in(update_facts(incident(), text="We roll back.", status="identified", by="ann", now=NOW))

    assert words.title == "Update (identified): SEV1 checkout: Error rate is high"
    assert words.text.startswith("We roll back.\nSince 2026-03-01 02:14 UTC.\nWritten by ann.")


def test_a_template_decides_for_its_message_and_the_one_of_a_channel_before_others() -> None:
    templates = {
        "a": template("for all {{ because }}", subject="{{ incident.severity }}!"),
        "b": template("for sms", channel="sms"),
        "c": template("another", message="update"),
    }
    facts = page_facts(incident(), **FACTS)

    assert words_of(facts, templates, channel="email") == Words(
        title="SEV1!", text="for all on call for payments", template="a"
    )
    assert words_of(facts, templates, channel="sms").text == "for sms"
    # What it says nothing of stays as it is.
    assert words_of(facts, templates, channel="sms").title == "SEV1 checkout: Error rate is high"
    assert words_of(facts, {}, channel="sms").fault is None


def test_a_template_chooses_and_goes_through_lists() -> None:
    text = (
        "{% if incident.severity == 'SEV1' %}Run.\n{% endif %}{% for one in incident.services %}\n"
        "{{ loop.index }}. {{ one|upper }}\n{% endfor %}"
        "{{ incident.labels.env|default('?') }} {{ incident.services|join(between='-') }} {{ incident.since.ago }}"
    )

    words = words_of(page_facts(incident(services=("a", "b")), **FACTS), {"t": template(text)}, channel="email")

    assert words.fault is None
    assert words.text == "Run.\n1. A\n2. B\n? a-b 16 min"


BROKEN = [
    "{{ nothing }}",
    "{{ incident.nothing }}",
    "{% if %}",
    "{{ incident.title",
    "{{ incident.title.upper }}",
    "{{ self }}",
    "{{ incident.__class__ }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ incident.title.__init__.__globals__ }}",
    "{{ range(10) }}",
    "{{ 'a' * 1000000000 }}",
    "{{ 2 ** 1000000 }}",
    "{{ '%1000000000d' % 1 }}",
    "{% set a = 'a' %}",
    "{% macro a() %}{% endmacro %}",
    "{% include 'x' %}",
    "{% import 'x' as x %}",
    "{% extends 'x' %}",
    "{{ cycler('a') }}",
    "{{ lipsum(n=1000) }}",
    "{{ 'a'|center(1000000000) }}",
    "{{ 'a'|format }}",
    "{{ [1]|counted }}",
    "{{ incident.services|map('upper')|list }}",
    "{% for a in incident.services recursive %}{% endfor %}",
    "{{ 1 / 0 }}",
    "{{ incident.since|join }}",
    "{{ incident.services|truncate('x') }}",
    "{{ " + "9" * 5_000 + " }}",
    "{% for a in incident.id %}" * 25 + "{% endfor %}" * 25,
    "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
    "{{ " + "not " * 1_500 + "1 }}",
]


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text[:30])
def test_a_broken_template_loses_no_page_and_its_fault_is_said(text: str) -> None:
    facts = page_facts(incident(), **FACTS)

    words = words_of(facts, {"t": template(text)}, channel="email")

    assert (words.title, words.text) == (built_in(facts).title, built_in(facts).text)
    assert words.fault is not None
    assert words.fault.startswith("template 't' ")
    assert check_template_renders(template(text), "t") != []


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in incident.title %}" * 3 + "x" + "{% endfor %}" * 3,
        "{% for a in incident.title %}" * 3 + "{% endfor %}" * 3,
        "{{ incident.title }}" * 300,
        "{{ " + "|".join(["incident.title", *["replace('a', incident.title)"] * 20]) + " }}",
        "{{ " + "~".join(["incident.title"] * 500) + " }}",
        "{% if " + "~".join(["incident.title"] * 500) + " == 'x' %}{% endif %}"
        "{{ [incident.title, incident.title]|join(incident.title)|replace('a', incident.title * 1) }}",
    ],
    ids=range(6),
)
def test_what_would_run_long_or_write_much_is_stopped(text: str) -> None:
    facts = page_facts(incident(title="a" * 500), **FACTS)
    began = datetime.now(UTC)  # noqa: TID251 - how long it takes is what is asked

    words = words_of(facts, {"t": template(text)}, channel="email")

    assert words.text == built_in(facts).text
    assert words.fault is not None
    assert datetime.now(UTC) - began < timedelta(seconds=3)  # noqa: TID251


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (template("{{ incident.title }}"), None),
        (template("{{ schedule }} {{ begins }} {{ begins.local }}", message="shift_notice"), None),
        (template("{{ text }} {{ status }} {{ by }}", message="update"), None),
        (template("{{ schedule }}"), "template 't' cannot be rendered: 'schedule' is undefined; correct it"),
        (template("\n\n{% fi %}"), "template 't' cannot be rendered in line 3: Encountered unknown tag 'fi'"),
        (template("x", message="alarm"), "template 't' is for 'alarm' messages; there are page, shift_notice, update"),
        # Some incidents have no such label.
        (template("{{ incident.labels.playbook }}"), "template 't' cannot be rendered"),
    ],
)
def test_a_template_is_tried_before_anybody_is_paged(document: TemplateDocument, words: str | None) -> None:
    faults = check_template_renders(document, "t")

    if words is None:
        assert faults == []
    else:
        assert len(faults) == 1
        assert faults[0].startswith(words)


@given(text=st.text(max_size=400), title=st.text(max_size=400))
@settings(deadline=None, max_examples=200)
def test_whatever_stands_in_templates_and_titles_there_are_words(text: str, title: str) -> None:
    facts = page_facts(incident(title=title), **FACTS)

    words = words_of(facts, {"t": template(text, subject=title)}, channel="email")

    assert words.title
    assert words.text
    assert "\n" not in words.title


@given(
    st.lists(
        st.sampled_from(["{{", "}}", "{%", "%}", "if", "for", "x", "in", "endif", "endfor"])
        | st.sampled_from(["incident", ".", "title", "|", "join", "(", ")", "[", "]", "~", "'a'", "set", "="])
    )
)
@settings(deadline=None, max_examples=300)
def test_whatever_is_thrown_together_of_jinja_there_are_words(parts: list[str]) -> None:
    facts = page_facts(incident(), **FACTS)

    assert words_of(facts, {"t": template(" ".join(parts) or "x")}, channel="email").text


def told(kind: type[Declared | AlertFired], at: datetime, **fields: Any) -> Event:
    return kind(id=f"e{at:%H%M}", at=at, recorded_at=at, by="door:x", source=Source.MEASURED, **fields)


def test_pages_are_worded_by_the_catalog_and_by_what_is_known_of_alerts() -> None:
    clock, documents, timelines = SimulatedClock(NOW), MemoryCatalogStore(), MemoryTimelineStore()
    store, catalog = MemoryPagingStore(timelines), Catalog(documents, clock)
    put(catalog, Kind.PERSON, "ann", {"zone": "Asia/Kolkata"})
    # Renders wherever it is tried before.
    broken = "{% if incident.id == 'inc-7' %}{{ nothing }}{% endif %}"
    put(catalog, Kind.TEMPLATE, "mail", {"message": "page", "channel": "email", "text": broken})
    alert = Alert(
        door="x",
        fingerprint="f",
        state=AlertState.FIRING,
        title="t",
        starts_at=BEGAN,
        told_at=BEGAN,
        playbook="https://wiki.example.org/c",
    )
    known = KnownAlert(
        id="a",
        alert=alert,
        version=1,
        first_at=BEGAN,
        decided_at=BEGAN,
        outcome=Outcome.DECLARED,
        incident_id="inc-7",
    )
    store.commit(Changes(alerts=(known,)))
    words = CatalogWords(catalog, store, timelines)

    joined = [
        told(Declared, BEGAN, title="Error rate is high"),
        told(AlertFired, NOW, alert_id="a", title="t", door="x"),
    ]

    title, text = words(incident(), joined, new_page("sms"), now=NOW)

    assert title == "SEV1 checkout: Error rate is high"
    assert "(07:44 Asia/Kolkata)" in text
    assert "follow the playbook: https://wiki.example.org/c" in text
    assert words.faults == {}

    assert words(incident(), joined, new_page("email"), now=NOW) == (title, text)
    assert words.faults == {"mail": "template 'mail' cannot be rendered: 'nothing' is undefined; correct it"}

    put(catalog, Kind.TEMPLATE, "mail", {"message": "page", "channel": "email", "text": "{{ incident.title }}!"})
    later = NOW + timedelta(seconds=6)
    assert words(incident(), (), new_page("email"), now=later)[1] == "Error rate is high!"
    assert words.faults == {}


def put(catalog: Catalog, kind: Kind, name: str, body: dict[str, Any]) -> None:
    catalog.apply(LOCAL, catalog.changes_to({(kind, name): (body, "a test")}))


def new_page(channel: str) -> NewPage:
    way = Way(contact=Contact(name="c", channel=channel, address="x"))
    return NewPage(id="m", person="ann", why="on call for payments", way=way, step=0, is_first=True)
