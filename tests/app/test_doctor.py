"""What would fail at night is said today, and what would not is not."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from msgspec.structs import replace

from resile.app.access import LOCAL
from resile.app.contacts import digest_of
from resile.app.doctor import examined
from resile.app.doctor_running import CHECK_WITHIN_S, skewed
from resile.app.findings import Gravity
from resile.app.settings import load_settings
from resile.app.wiring import Resile, open_resile
from resile.model.alert import Alert, AlertState, KnownAlert, Outcome
from resile.model.catalog import Kind
from resile.model.errors import ConfigError
from resile.model.escalation import EscalationState
from resile.model.paging_documents import contacts_of
from resile.ports.catalog import Writing
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt, RefusedError
from resile.ports.contact_book import Verified
from resile.ports.paging_store import Changes, Timer, TimerKind
from resile.stores.catalog import SqlCatalogStore
from resile.stores.contacts import SqlContactBook
from resile.stores.opening import open_engine
from resile.testing.paging_model import message
from resile.testing.simulated_clock import SimulatedClock

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
HEARTBEAT = {"url": "https://hc.example.org/ping/1234"}
WELL: dict[tuple[Kind, str], dict[str, Any]] = {
    (Kind.PERSON, "ann"): {"contacts": [{"name": "phone", "channel": "email", "address": "ann@home"}]},
    (Kind.POLICY, "default"): {"steps": [{"page": ["person/ann"]}]},
    (Kind.SERVICE, "shop"): {"policy": "default"},
}


class Post:
    """A channel that takes addresses with an at sign, and is or is not there."""

    kind = ChannelKind(name="email", title="E-mail", address_words="somebody@somewhere")

    def __init__(self, refuses: Exception | None = None, hangs_until: Event | None = None) -> None:
        self._refuses = refuses
        self._hangs_until = hangs_until

    def address(self, text: str) -> str:
        if "@" not in text:
            raise ConfigError("this is no address of the post; write somebody@somewhere")
        return text

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        del outgoing, timeout_s
        return Handed()

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        del headers, query, body, url
        return []

    def check(self, *, timeout_s: float) -> None:
        assert timeout_s == CHECK_WITHIN_S
        if self._hangs_until is not None:
            self._hangs_until.wait()
        if self._refuses is not None:
            raise self._refuses


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    folder = fresh_data(tmp_path / "data")
    settings = load_settings(data=folder, heartbeat=HEARTBEAT, base_url="https://resile.example.org")
    with open_resile(settings, clock=SimulatedClock(NOW)) as opened:
        yield opened


def written(resile: Resile, documents: Mapping[tuple[Kind, str], dict[str, Any]], *, proven: tuple[str, ...]) -> None:
    resile.catalog.apply(LOCAL, resile.catalog.changes_to({key: (body, "") for key, body in documents.items()}))
    database = open_engine(resile.settings.data, None)
    try:
        book = SqlContactBook(database)
        for person in proven:
            for contact in contacts_of(person, resile.catalog.people()[person].contacts):
                digest = digest_of(contact)
                book.verify(Verified(person=person, contact=contact.name, digest=digest, verified_at=NOW, by="test"))
    finally:
        database.close()


def lines(resile: Resile, **channels: Post) -> list[str]:
    return [f"{one.gravity}: {one}" for one in examined(resile, channels=channels or {"email": Post()})]


def test_nothing_is_found_where_everybody_is_reached(resile: Resile) -> None:
    written(resile, WELL, proven=("ann",))

    assert lines(resile) == []


def test_an_empty_catalog_has_no_policy_for_anything(resile: Resile) -> None:
    assert [line.split(":")[:2] for line in lines(resile)] == [["serious", " the catalog has no policy named default"]]


def test_somebody_whom_a_policy_calls_without_a_contact_is_worse_than_somebody_else(resile: Resile) -> None:
    documents = {**WELL, (Kind.PERSON, "ann"): {}, (Kind.PERSON, "zoe"): {}}
    written(resile, documents, proven=())

    found = lines(resile)

    assert found[0].startswith("critical: policy default, step 1, reaches nobody now: person ann has no contact")
    assert found[1].startswith("serious: person ann cannot be reached: they have no contacts, though a policy calls")
    assert found[2].startswith("minor: person zoe cannot be reached")
    assert len(found) == 3


def test_contacts_that_are_not_proven_or_of_no_use_are_told_without_their_address(resile: Resile) -> None:
    contacts = [
        {"name": "phone", "channel": "sms", "address": "+49 170 0000000"},
        {"name": "typo", "channel": "email", "address": "secret-address"},
        {"name": "home", "channel": "email", "address": "ann@home"},
    ]
    written(resile, {**WELL, (Kind.PERSON, "ann"): {"contacts": contacts}}, proven=())

    found = lines(resile)

    assert "may not be reached: none of their contacts was ever verified" in found[0]
    assert "by their contact phone: channel sms is not set up here; add [channels.sms]" in found[1]
    assert "by their contact typo: this is no address of the post" in found[2]
    assert "secret-address" not in " ".join(found)


def test_a_gap_of_the_days_to_come_is_told_with_its_beginning_and_end(resile: Resile) -> None:
    layer = {
        "name": "week",
        "starts": "2026-01-05 00:00",
        "every": "week",
        "people": ["ann"],
        "hours": [{"from": "00:00", "until": "00:00", "days": ["mon", "tue", "wed", "thu", "fri"]}],
    }
    documents = {
        **WELL,
        (Kind.SCHEDULE, "shop"): {"zone": "Etc/UTC", "layers": [layer]},
        (Kind.POLICY, "default"): {"steps": [{"page": ["schedule/shop"]}, {"page": ["person/ann"], "after": "5m"}]},
        (Kind.POLICY, "alone"): {"steps": [{"page": ["schedule/shop"]}]},
    }
    written(resile, documents, proven=("ann",))

    found = lines(resile)

    gap = "reaches nobody from 2026-03-07 00:00 UTC on, until 2026-03-09 00:00 UTC (1 more within 14 days): nobody is"
    assert found[0].startswith(f"critical: policy alone, step 1, {gap} on call for shop: it is outside its hours")
    assert found[1].startswith(f"serious: policy default, step 1, {gap}")
    assert len(found) == 2


def test_a_team_whose_schedule_has_a_gap_is_reached_through_its_members(resile: Resile) -> None:
    documents = {
        **WELL,
        (Kind.SCHEDULE, "empty"): {"zone": "Etc/UTC"},
        (Kind.TEAM, "shop"): {"members": ["ann"], "schedules": ["empty"]},
        (Kind.TEAM, "nobody"): {"schedules": ["empty"]},
        (Kind.POLICY, "default"): {"steps": [{"page": ["team/shop"]}]},
        (Kind.POLICY, "lost"): {"steps": [{"page": ["team/nobody"]}]},
    }
    written(resile, documents, proven=("ann",))

    assert [line.split(":")[1] for line in lines(resile)] == [" policy lost, step 1, reaches nobody now"]


def test_services_without_a_policy_page_nobody_unless_there_is_a_default(resile: Resile) -> None:
    without = {key: body for key, body in WELL.items() if key[0] is Kind.PERSON}
    written(resile, {**without, (Kind.SERVICE, "shop"): {}, (Kind.SERVICE, "blog"): {}}, proven=("ann",))
    assert lines(resile)[0].startswith("critical: services blog, shop page nobody: neither the service nor its owner")

    written(resile, {(Kind.POLICY, "default"): {"steps": [{"page": ["person/ann"]}]}}, proven=())
    assert lines(resile)[0].startswith("minor: services blog, shop fall back on the policy default")


def test_one_service_without_a_policy_is_told_as_one(resile: Resile) -> None:
    without = {key: body for key, body in WELL.items() if key[0] is Kind.PERSON}
    written(resile, {**without, (Kind.SERVICE, "shop"): {}}, proven=("ann",))
    assert lines(resile)[0].startswith("critical: service shop pages nobody: neither the service nor its owner")

    written(resile, {(Kind.POLICY, "default"): {"steps": [{"page": ["person/ann"]}]}}, proven=())
    assert lines(resile)[0].startswith("minor: service shop falls back on the policy default")


def test_a_disk_that_is_nearly_full_is_told(resile: Resile, monkeypatch: pytest.MonkeyPatch) -> None:
    written(resile, WELL, proven=("ann",))
    monkeypatch.setattr("resile.app.room.ENOUGH_BYTES", 2**62)

    assert lines(resile)[0].startswith(f"critical: the disk of {resile.settings.data} is nearly full: ")
    assert lines(resile)[0].endswith("; free some space there")


def test_templates_that_do_not_render_and_routes_that_lead_nowhere_are_found(resile: Resile) -> None:
    documents = {**WELL, (Kind.ROUTE, "old"): {"match": {"job": "shop"}, "service": "gone"}}
    written(resile, documents, proven=("ann",))
    # Today it would be refused; it was written when messages had other fields.
    database = open_engine(resile.settings.data, None)
    body = {"message": "page", "text": "{{ incident.nonsense }}"}
    broken = Writing(kind="template", name="broken", body=body, expected=0)
    SqlCatalogStore(database).write([broken], at=NOW, by="test")
    database.close()

    found = lines(resile)

    assert found[0].startswith("serious: template broken is not used")
    assert found[1].startswith("serious: route old names an unknown service: service gone is not in the catalog")
    assert len(found) == 2


def test_channels_are_tried_at_once_and_one_that_hangs_is_given_up(
    resile: Resile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resile.app.doctor_running._GIVEN_UP_AFTER_S", 0.2)
    contacts = [{"name": name, "channel": name, "address": "ann@home"} for name in ("email", "sms", "slack", "voice")]
    written(resile, {**WELL, (Kind.PERSON, "ann"): {"contacts": contacts}}, proven=("ann",))
    ends = Event()
    channels = {
        "email": Post(),
        "sms": Post(RefusedError("the provider answered 401: it does not let us in; check the token")),
        "slack": Post(hangs_until=ends),
        "voice": Post(ZeroDivisionError()),
        "teams": Post(RefusedError("nobody uses it; leave it")),
    }
    heard: list[str] = []

    found = [str(one) for one in examined(resile, channels=channels, tell=heard.append)]
    ends.set()

    assert [one.split(";")[0] for one in found] == [
        "channel slack cannot be reached: it does not answer within 0 s",
        "channel sms cannot be reached: the provider answered 401: it does not let us in",
        "channel voice cannot be reached: it has a fault (ZeroDivisionError)",
    ]
    assert any("Trying 4 channels" in said for said in heard)


def test_a_channel_that_is_gone_stands_before_the_many_who_proved_no_contact(resile: Resile) -> None:
    people = {(Kind.PERSON, f"p{n}"): WELL[Kind.PERSON, "ann"] for n in range(3)}
    written(resile, {**WELL, **people}, proven=())

    found = [str(one) for one in examined(resile, channels={"email": Post(RefusedError("gone"))})]

    assert found[0].startswith("policy default reaches nobody now")
    assert found[1].startswith("channel email cannot be reached")
    assert found[2].startswith("person ann may not be reached")
    assert found[3].startswith("people p0, p1, p2 may not be reached")


def test_what_many_people_lack_is_one_line(resile: Resile) -> None:
    told = {(Kind.PERSON, f"p{n:02}"): WELL[Kind.PERSON, "ann"] for n in range(40)}
    odd = {"contacts": [{"name": "pager", "channel": "sms", "address": "+49 170 0000000"}]}
    crowd = {(Kind.PERSON, f"q{n}"): odd for n in range(2)}
    written(resile, {**WELL, **told, **crowd}, proven=("ann", "q0", "q1"))

    assert lines(resile) == [
        (
            "minor: people p00, p01, p02, p03, p04 and 35 more may not be reached: none of their contacts was ever "
            "verified; have them prove one: resile contact verify p00 phone, and the others likewise"
        ),
        (
            "minor: people q0, q1 are not reached by their contact pager: channel sms is not set up here; "
            "add [channels.sms] to resile.toml"
        ),
    ]


def test_policy_to_which_every_channel_is_gone_is_the_worst(resile: Resile) -> None:
    both = [*WELL[Kind.PERSON, "ann"]["contacts"], {"name": "pager", "channel": "sms", "address": "bob@pager"}]
    bob = {(Kind.PERSON, "bob"): {"contacts": both}, (Kind.POLICY, "bobs"): {"steps": [{"page": ["person/bob"]}]}}
    written(resile, {**WELL, **bob}, proven=("ann", "bob"))
    gone = Post(RefusedError("gone"))

    one_is_gone, both_are = lines(resile, email=gone, sms=Post()), lines(resile, email=gone, sms=gone)

    assert one_is_gone == [
        (
            "critical: policy default reaches nobody now: no channel to anybody whom it names can be reached: email; "
            "mend one of these channels, or give people a contact by another one"
        ),
        "serious: channel email cannot be reached: gone; check [channels.email] in resile.toml, and the provider",
    ]
    assert both_are[0].startswith("critical: policies bobs, default reach nobody now: no channel to anybody")
    assert "can be reached: email, sms; mend" in both_are[0]


def test_incident_that_nobody_answered_is_named(resile: Resile) -> None:
    written(resile, WELL, proven=("ann",))
    incident_id = resile.pager.page("checkout is down", who="bob", by="bob", policy="default")
    other_id = resile.pager.page("shop is down", who="bob", by="bob", policy="default")
    known = resile.paging.escalations([incident_id, other_id])
    nobody = [replace(one, state=EscalationState.UNREACHABLE, version=one.version + 1) for one in known.values()]
    resile.paging.commit(Changes(escalations=(nobody[0],)))

    assert lines(resile)[0] == (
        f"critical: incident {nobody[0].incident_id} stands unanswered, nobody reachable: everybody whom its policy "
        f"names was paged; take it: resile incident ack {nobody[0].incident_id}"
    )
    resile.paging.commit(Changes(escalations=(nobody[1],)))
    assert lines(resile)[0].startswith(f"critical: incidents {incident_id}, {other_id} stand unanswered")


def test_what_is_overdue_is_the_worst(resile: Resile) -> None:
    written(resile, WELL, proven=("ann",))
    late = NOW - timedelta(minutes=3)
    queued = message("late", queued_at=late, due=0)
    resile.paging.commit(
        Changes(
            messages=(queued,), timers=(Timer(kind=TimerKind.ALERT, subject="x", due_at=NOW - timedelta(minutes=2.5)),)
        )
    )

    found = lines(resile)

    assert found[0].startswith("critical: paging does not go on: something has been due since 2026-03-04 11:57:30 UTC")
    assert found[1].startswith("critical: the outbox does not move: a message has been due since 2026-03-02 09:30:15")


def test_a_door_that_was_never_heard_is_told_a_day_later(resile: Resile) -> None:
    written(resile, WELL, proven=("ann",))
    resile.doors.add(LOCAL, "alertmanager")
    assert lines(resile) == []

    clock = resile.clock
    assert isinstance(clock, SimulatedClock)
    clock.advance(timedelta(hours=25))
    assert [line.split(":")[1] for line in lines(resile)] == [" door alertmanager has never heard anything"]

    resile.doors.count_refused({"alertmanager": 3})
    assert (
        "serious: door alertmanager has never heard anything: it was made 2026-03-04, and 3 were refused"
        in (lines(resile)[0])
    )


def test_alerts_without_a_playbook_are_counted_and_tests_are_not(resile: Resile) -> None:
    written(resile, WELL, proven=("ann",))

    def known(name: str, **fields: Any) -> KnownAlert:
        alert = Alert(
            door="alertmanager",
            fingerprint=name,
            state=AlertState.RESOLVED,
            title=f"{name} is slow",
            starts_at=NOW,
            told_at=NOW,
            **fields,
        )
        return KnownAlert(id=name, alert=alert, version=1, first_at=NOW, decided_at=NOW, outcome=Outcome.CLEARED)

    told = (known("a"), known("b", playbook="https://wiki.example.org/b"), known("c", is_test=True))
    resile.paging.commit(Changes(alerts=told))

    assert [line.split(";")[0] for line in lines(resile)] == [
        "minor: 1 alert of the last 30 days had no playbook: a is slow"
    ]


def test_without_address_or_heartbeat_the_silence_is_told(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with open_resile(load_settings(data=fresh_data(tmp_path / "data")), clock=SimulatedClock(NOW)) as resile:
        written(resile, WELL, proven=("ann",))

        found = lines(resile)

    assert found[0].startswith("serious: pages cannot be answered from where they arrive: base_url is missing")
    assert "links in pages by email lead to where resile up listens" in found[0]
    assert found[1].startswith("minor: resile itself may stop unseen: no heartbeat goes out")


def test_a_clock_that_differs_from_the_databases_is_told() -> None:
    found = [str(one) for one in skewed(NOW, NOW + timedelta(seconds=90))]

    assert found[0].startswith("this machine's clock is 90 s ahead of the database's")
    assert not [*skewed(NOW, NOW + timedelta(seconds=2)), *skewed(None, NOW)]


def test_a_channel_with_wrong_settings_does_not_hide_the_others(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    settings = load_settings(data=fresh_data(tmp_path / "data"), channels={"nonsense": {}, "email": {"port": "x"}})
    with open_resile(settings, clock=SimulatedClock(NOW)) as resile:
        found = [one for one in examined(resile) if one.what == "cannot be opened"]

    assert [one.subject for one in found] == ["channel nonsense", "channel email"]
    assert all(one.gravity is Gravity.CRITICAL for one in found)
