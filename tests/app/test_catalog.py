"""The catalog: what a folder would change, all or nothing, with every name leading somewhere."""

from datetime import UTC, datetime
from typing import Any

import pytest

from resile.app.access import LOCAL, Identity
from resile.app.catalog import Catalog, Change
from resile.model.catalog import Kind
from resile.model.errors import AccessError, ConfigError, ConflictError
from resile.model.schedule import Override
from resile.model.time import DAY
from resile.ports.account_store import Scope
from resile.ports.catalog import Writing
from resile.testing.memory_catalog import MemoryCatalogStore
from resile.testing.simulated_clock import SimulatedClock

NOW = datetime(2026, 3, 2, tzinfo=UTC)
READER = Identity(by="user:eve", name="eve", scopes=frozenset({Scope.READ}))
ROTATION = {"name": "primary", "starts": "2026-03-02 09:00", "every": "week", "people": ["ann"]}
SCHEDULE = {"zone": "Europe/Berlin", "layers": [ROTATION]}


@pytest.fixture
def store() -> MemoryCatalogStore:
    return MemoryCatalogStore()


@pytest.fixture
def catalog(store: MemoryCatalogStore) -> Catalog:
    return Catalog(store, SimulatedClock(NOW))


def wanted(**documents: dict[str, Any]) -> dict[tuple[Kind, str], tuple[dict[str, Any], str]]:
    """Documents by `kind__name`."""
    found = {}
    for key, body in documents.items():
        kind, _, name = key.partition("__")
        found[Kind(kind), name] = body, f"{name}.yaml, row 1"
    return found


def told(changes: list[Change]) -> list[tuple[str, bool, bool]]:
    return [(f"{one.kind} {one.name}", one.before is not None, one.after is not None) for one in changes]


def test_changes_come_in_the_order_in_which_documents_need_each_other(catalog: Catalog) -> None:
    changes = catalog.changes_to(
        wanted(schedule__payments=SCHEDULE, team__payments={"members": ["ann"]}, person__ann={"title": "Ann"})
    )

    assert told(changes) == [
        ("person ann", False, True),
        ("team payments", False, True),
        ("schedule payments", False, True),
    ]


def test_what_was_applied_is_no_change_any_more_and_says_who_wrote_it(catalog: Catalog) -> None:
    documents = wanted(person__ann={"title": "Ann"})
    catalog.apply(LOCAL, catalog.changes_to(documents))

    assert catalog.changes_to(documents) == []
    assert [(one.number, one.by, one.body) for one in catalog.history(Kind.PERSON, "ann")] == [
        (1, "local", {"title": "Ann"})
    ]


def test_what_a_folder_does_not_hold_stays_unless_it_is_pruned(catalog: Catalog) -> None:
    catalog.apply(LOCAL, catalog.changes_to(wanted(person__ann={}, person__bob={})))

    assert catalog.changes_to(wanted(person__ann={})) == []
    pruning = catalog.changes_to(wanted(person__ann={}), prunes=True)
    catalog.apply(LOCAL, pruning)

    assert told(pruning) == [("person bob", True, False)]
    assert list(catalog.people()) == ["ann"]
    # And it may come back: its third version follows on the second.
    catalog.apply(LOCAL, catalog.changes_to(wanted(person__bob={"title": "Bob"})))
    assert [one.number for one in catalog.history(Kind.PERSON, "bob")] == [3, 2, 1]


def refused(catalog: Catalog, documents: dict[tuple[Kind, str], tuple[dict[str, Any], str]]) -> str:
    """Why these documents are refused; nothing is changed by it."""
    catalog.apply(LOCAL, catalog.changes_to(wanted(person__ann={})))
    with pytest.raises(ConfigError) as error:
        catalog.changes_to(documents)
    assert list(catalog.versions()) == [(Kind.PERSON, "ann")]
    return str(error.value)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (
            {"team__payments": {"members": ["an"]}},
            "payments.yaml, row 1: team 'payments' names person 'an', which is not in the catalog; did you mean 'ann'?",
        ),
        ({"service__checkout": {"owner": "core"}}, "names team 'core', which is not in the catalog; add it"),
        ({"person__Ann": {}}, "Ann.yaml, row 1: person 'Ann' cannot be used as a name; use 1 to 64 small letters"),
        (
            {"person__bob": {"colour": "red"}},
            "bob.yaml, row 1: person 'bob': object contains unknown field colour; it may have ",
        ),
        ({"schedule__x": {"zone": "Moon/Base"}}, "zone 'Moon/Base' is unknown; give an IANA name"),
        ({"person__bob": {"zone": "Moon/Base"}}, "bob.yaml, row 1: person 'bob': zone 'Moon/Base' is unknown"),
        ({"person__bob": {"title": "x" * 201}}, "bob.yaml, row 1: person 'bob': title 'xxx"),
        ({"person__bob": {"title": "Bob\x1b[2J"}}, "cannot be used as a name; give 1 to 200 printable characters"),
        ({"schedule__x": {"zone": "x" * 5000}}, "xxx...' is unknown; give an IANA name"),
        # These would be read from whatever the machine holds, and another machine would call another person.
        ({"schedule__x": {"zone": "localtime"}}, "zone 'localtime' is unknown; give an IANA name"),
        ({"schedule__x": {"zone": "right/Europe/Berlin"}}, "zone 'right/Europe/Berlin' is unknown"),
        ({"schedule__x": {"zone": "europe/berlin"}}, "zone 'europe/berlin' is unknown; did you mean 'Europe/Berlin'?"),
        ({"schedule__x": {"zone": 7}}, "x.yaml, row 1: schedule 'x': zone: expected str, got int; correct it"),
    ],
)
def test_document_that_is_wrong_is_refused_with_its_place(
    catalog: Catalog, document: dict[str, dict[str, Any]], says: str
) -> None:
    assert says in refused(catalog, wanted(**document))


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"people": ["zoe"]}, "schedule 'x' names person 'zoe'"),
        ({"every": "fortnight"}, "every 'fortnight' is not understood; write week, 2 weeks or 12 hours"),
        ({"ends": "2026-03-01"}, "ends 2026-03-01 00:00:00 before it starts 2026-03-02 09:00:00; swap them"),
        ({"starts": "monday"}, "time 'monday' is not understood; write 2026-03-02 09:00"),
        ({"starts": "2026-03-02T09:00Z"}, "carries an offset; starts and ends are by the local clock"),
        ({"hours": [{"from": "9", "until": "17:00"}]}, "hours '9' are not understood"),
        ({"hours": [{"from": "24:00", "until": "17:00"}]}, "begin after the day; write 00:00 of the next"),
        (
            {"hours": [{"from": "09:00", "until": "mon 17:00"}]},
            "need the one day on which they begin; give days",
        ),
        ({"hours": [{"from": "fri 9:00", "until": "17:00", "days": ["mon"]}]}, "name a day and days as well"),
        ({"hours": [{"from": "9:00", "until": "17:00", "days": ["mox"]}]}, "day 'mox' is unknown"),
        ({"hours": [{"from": "sunrise 9:00", "until": "17:00"}]}, "day 'sunrise' is unknown"),
    ],
)
def test_rotation_that_is_wrong_is_refused_with_its_place(catalog: Catalog, told: dict[str, Any], says: str) -> None:
    layer = {**ROTATION, **told}

    sentence = refused(catalog, wanted(schedule__x={"zone": "Europe/Berlin", "layers": [layer]}))

    assert says in sentence


def test_taking_out_somebody_who_is_still_named_is_refused(catalog: Catalog) -> None:
    catalog.apply(LOCAL, catalog.changes_to(wanted(person__ann={}, schedule__payments=SCHEDULE)))

    with pytest.raises(ConfigError, match="schedule 'payments' names person 'ann', which is not in the catalog"):
        catalog.changes_to(wanted(schedule__payments=SCHEDULE), prunes=True)


def test_taking_out_somebody_whom_an_override_puts_on_duty_is_refused(
    catalog: Catalog, store: MemoryCatalogStore
) -> None:
    catalog.apply(LOCAL, catalog.changes_to(wanted(person__ann={}, person__bob={}, schedule__payments=SCHEDULE)))
    folder = wanted(person__ann={}, schedule__payments=SCHEDULE)

    def holds(name: str, ends: datetime) -> Override:
        return Override(id=name, person="bob", starts_at=ends - DAY, ends_at=ends, by="user:ann")

    store.add_overrides("payments", [holds("past", NOW)], at=NOW)
    assert told(catalog.changes_to(folder, prunes=True)) == [("person bob", True, False)]
    store.add_overrides("payments", [holds("next", NOW + 7 * DAY)], at=NOW)

    with pytest.raises(
        ConfigError, match=r"override next of schedule 'payments' puts person 'bob' on duty until"
    ) as error:
        catalog.changes_to(folder, prunes=True)
    assert "resile oncall remove next" in str(error.value)


def test_who_may_only_read_changes_nothing(catalog: Catalog) -> None:
    changes = catalog.changes_to(wanted(person__ann={}))

    with pytest.raises(AccessError, match="eve may not do this"):
        catalog.apply(READER, changes)

    assert catalog.versions() == {}


def test_of_two_who_decide_at_once_the_second_is_told_to_look_again(catalog: Catalog) -> None:
    first, second = (catalog.changes_to(wanted(person__ann={"title": title})) for title in ("Ann", "Anna"))
    catalog.apply(LOCAL, first)

    with pytest.raises(ConflictError, match="person 'ann' was changed by somebody else meanwhile"):
        catalog.apply(LOCAL, second)


def test_weekend_hours_run_from_friday_evening_to_monday_morning(catalog: Catalog) -> None:
    layer = {**ROTATION, "hours": [{"from": "fri 18:00", "until": "mon 08:00"}]}
    catalog.apply(LOCAL, catalog.changes_to(wanted(person__ann={}, schedule__x={"zone": "UTC", "layers": [layer]})))

    (hours,) = catalog.schedules()["x"].layers[0].hours

    assert (hours.days[0].name, hours.start.isoformat(), hours.lasts.total_seconds() / 3600) == (
        "FRIDAY",
        "18:00:00",
        62,
    )


def test_a_document_that_reads_no_more_hides_no_other_and_is_told_of(
    catalog: Catalog, store: MemoryCatalogStore
) -> None:
    catalog.apply(LOCAL, catalog.changes_to(wanted(person__ann={}, schedule__payments=SCHEDULE)))
    gone = Writing(kind="schedule", name="search", body={"zone": "Europe/Atlantis", "layers": []}, expected=0)
    store.write([gone], at=NOW, by="user:ann")

    assert list(catalog.schedules()) == ["payments"]
    (sentence,) = catalog.unreadable()
    assert sentence.startswith("schedule 'search': zone 'Europe/Atlantis' is unknown")


def contact(channel: str) -> dict[str, Any]:
    return {"contacts": [{"name": "mobile", "channel": channel, "address": "+15550100"}]}


def test_channel_that_does_not_exist_is_refused_when_it_is_written(catalog: Catalog, store: MemoryCatalogStore) -> None:
    assert (
        "bob.yaml, row 1: person 'bob': contact 'mobile': there is no channel 'smss'; did you mean 'sms'?"
        in refused(catalog, wanted(person__bob=contact("smss")))
    )
    assert "there is no channel 'pigeon'; use one of apprise, email" in refused(
        catalog, wanted(person__bob=contact("pigeon"))
    )
    # Of a package that was there when it was written.
    store.write([Writing(kind="person", name="cyd", body=contact("pigeon"), expected=0)], at=NOW, by="user:ann")
    assert told(catalog.changes_to(wanted(person__cyd=contact("pigeon"), person__bob=contact("sms")))) == [
        ("person bob", False, True)
    ]


def test_warnings_are_of_the_catalog_as_it_will_be(catalog: Catalog) -> None:
    policy = {"steps": [{"page": ["person/ann"]}]}
    changes = catalog.changes_to(wanted(person__ann={}, policy__default=policy))

    assert catalog.warnings() == []
    assert catalog.warnings(changes) == [
        "person 'ann' has no contacts, and policy 'default' pages them; give them contacts"
    ]
    catalog.apply(LOCAL, changes)
    assert catalog.warnings() == catalog.warnings(changes)
    assert catalog.warnings(catalog.changes_to(wanted(person__ann=contact("sms")))) == []


def test_one_person_is_read_alone(catalog: Catalog, store: MemoryCatalogStore) -> None:
    catalog.apply(LOCAL, catalog.changes_to(wanted(person__ann={"title": "Ann"})))
    store.write([Writing(kind="person", name="bob", body={"colour": "red"}, expected=0)], at=NOW, by="user:ann")

    ann = catalog.person("ann")

    assert ann is not None
    assert ann.title == "Ann"
    assert catalog.person("bob") is None
    assert catalog.person("zoe") is None


def test_template_that_cannot_be_rendered_is_refused_when_it_is_written(catalog: Catalog) -> None:
    for text in ("{{ incident.", "{{ nothing.of.the.kind }}", "{% set x = 1 %}"):
        with pytest.raises(ConfigError, match=r"words\.yaml, row 1: template 'words'"):
            catalog.changes_to(wanted(template__words={"message": "page", "text": text}))
    (change,) = catalog.changes_to(wanted(template__words={"message": "page", "text": "{{ incident.title }}"}))
    assert change.after is not None
