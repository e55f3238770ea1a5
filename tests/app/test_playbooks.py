"""Playbooks are opened for incidents, kept in use as they were, and their effect is measured."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resile.app.access import LOCAL
from resile.app.alert_intake import Told
from resile.app.catalog import Catalog
from resile.app.doctor import examined
from resile.app.incidents import command_incident, declare
from resile.app.playbook_lint import lint_catalog
from resile.app.playbook_rows import effects_of, playbook_rows
from resile.app.settings import load_settings
from resile.app.wiring import Resile, open_resile
from resile.model.alert import Alert, AlertState, KnownAlert
from resile.model.catalog import Kind
from resile.model.errors import ConfigError, TransitionError
from resile.model.event import Source
from resile.model.incident import InstantName
from resile.model.lifecycle import Declare, Reach
from resile.model.policy import Target, TargetKind
from resile.model.room_event import PlaybookOpened
from resile.model.severity import Severity
from resile.stores.paging import SqlPagingStore
from resile.testing.simulated_clock import SimulatedClock

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
MINUTES = timedelta(minutes=1)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path], clock: SimulatedClock) -> Iterator[Resile]:
    with open_resile(
        load_settings(data=fresh_data(tmp_path / "data"), base_url="https://r.example.org"), clock=clock
    ) as opened:
        yield opened


def put(resile: Resile, name: str, match: str, more: str = "") -> None:
    text = f"---\nplaybook: {name}\nmatch: {match}\ninputs: {{host: label.host}}\n---\n# {name}{more}\n"
    resile.catalog.apply(LOCAL, resile.catalog.changes_to({(Kind.PLAYBOOK, name): ({"text": text}, "")}))


def alert(resile: Resile, name: str, **labels: str) -> Alert:
    now = resile.clock.now()
    return Alert(
        door="alertmanager",
        fingerprint=f"{name} {labels}",
        state=AlertState.FIRING,
        title=name,
        starts_at=now,
        told_at=now,
        labels={"alertname": name, **labels},
    )


def fire(resile: Resile, *alerts: Alert) -> None:
    resile.alerting.intake.take([Told(alerts=alerts)])


def opened_for(resile: Resile, incident_id: str) -> list[PlaybookOpened]:
    return [event for event in resile.timelines.read(incident_id) if isinstance(event, PlaybookOpened)]


def test_alerts_open_the_playbook_that_fits_best_in_the_commit_that_declares(resile: Resile) -> None:
    put(resile, "general", "{alertname: HighErrors}")
    put(resile, "exact", "{alertname: HighErrors, service: shop}")
    put(resile, "other", "{alertname: Slow}")

    fire(resile, alert(resile, "HighErrors", service="shop"), alert(resile, "Slow", service="shop"))

    (opened,) = opened_for(resile, "INC-1")
    assert (opened.playbook, opened.number, opened.by, opened.source) == ("exact", 1, "resile", Source.MEASURED)
    assert opened.because == "alertname is HighErrors and service is shop"


def test_alert_that_joins_opens_one_where_none_is_open(resile: Resile) -> None:
    put(resile, "slow", "{alertname: Slow}")
    fire(resile, alert(resile, "HighErrors", service="shop"))
    assert opened_for(resile, "INC-1") == []

    fire(resile, alert(resile, "Slow", service="shop"))
    fire(resile, alert(resile, "Slow", service="shop", host="another"))

    assert [one.playbook for one in opened_for(resile, "INC-1")] == ["slow"]


def test_people_who_declare_are_given_the_playbook_of_the_service(resile: Resile) -> None:
    put(resile, "shop", "{service: shop}")
    put(resile, "alerts", "{service: shop, alertname: HighErrors}")

    declare(resile, Declare(title="It fails", services=("shop",)), by="ann")

    assert [one.playbook for one in opened_for(resile, "INC-1")] == ["shop"]


def test_person_chooses_another_and_the_one_chosen_last_is_in_use(resile: Resile) -> None:
    put(resile, "shop", "{service: shop}")
    put(resile, "cellar", "{service: cellar}")
    incident = declare(resile, Declare(title="It fails", services=("shop",)), by="ann").incident

    offered = [(one.known.playbook.name, one.fit is not None) for one in resile.playbooks.offered(incident)]
    assert offered == [("shop", True), ("cellar", False)]
    chosen = resile.playbooks.open("INC-1", "cellar", by="ann")
    again = resile.playbooks.open("INC-1", "cellar", by="bob")
    assert (chosen.because, chosen.source, again) == ("somebody chose it", Source.HUMAN, chosen)
    assert resile.playbooks.open("INC-1", by="bob").playbook == "shop"
    in_use = resile.playbooks.of_incident("INC-1")
    assert in_use is not None
    assert in_use[0].by == "bob"
    with pytest.raises(ConfigError, match="there is no playbook 'roof'"):
        resile.playbooks.open("INC-1", "roof", by="ann")
    with pytest.raises(TransitionError, match="INC-9 is not known"):
        resile.playbooks.open("INC-9", "shop", by="ann")


def test_playbook_edited_since_is_used_as_it_was_opened(resile: Resile) -> None:
    put(resile, "shop", "{service: shop}")
    declare(resile, Declare(title="It fails", services=("shop",)), by="ann")
    put(resile, "shop", "{service: shop}", " more")

    in_use = resile.playbooks.of_incident("INC-1")

    assert in_use is not None
    assert (in_use[0].number, in_use[1].title) == (1, "shop")
    assert resile.playbooks.all()["shop"].playbook.title == "shop more"
    assert resile.playbooks.as_of("shop", 3) is None
    assert resile.playbooks.open("INC-1", by="ann").number == 2


def test_inputs_come_from_the_alerts_of_the_incident(resile: Resile, clock: SimulatedClock) -> None:
    put(resile, "shop", "{service: shop}")
    fire(resile, alert(resile, "HighErrors", service="shop", host="$(reboot)"))
    incident = resile.playbooks.incident("INC-1")
    playbook = resile.playbooks.all()["shop"].playbook

    assert resile.playbooks.inputs(playbook, incident).values == {"host": b"$(reboot)"}
    clock.advance(MINUTES)
    fire(resile, alert(resile, "HighErrors", service="shop", host="h2"))
    assert resile.playbooks.inputs(playbook, incident).missing["host"].choices == ("$(reboot)", "h2")


def fail(resile: Resile, clock: SimulatedClock, minutes: float | None, *, chooses: bool = False) -> None:
    told = Declare(title="It fails", services=("shop",), severity=Severity.SEV2)
    incident_id = declare(resile, told, by="ann").incident.id
    if chooses:
        resile.playbooks.open(incident_id, "shop", by="ann")
    if minutes is not None:
        clock.advance(minutes * MINUTES)
        command_incident(resile, incident_id, Reach(InstantName.MITIGATED), by="ann")
    clock.advance(timedelta(hours=2))


def test_effect_is_the_ratio_of_medians_with_and_without_use(resile: Resile, clock: SimulatedClock) -> None:
    for minutes in (50, 60, 60, 70):
        fail(resile, clock, minutes)
    put(resile, "shop", "{service: shop}")
    for minutes in (9, 10, 11, 10, 8):
        fail(resile, clock, minutes, chooses=True)
    fail(resile, clock, 60)  # It was opened by itself, and nobody used it.
    declare(resile, Declare(title="elsewhere", services=("cellar",)), by="ann")

    (effect,) = effects_of(resile, [resile.playbooks.all()["shop"].playbook])

    assert (effect.n_opened, effect.n_used) == (6, 5)
    assert effect.overall is not None
    assert (effect.overall.used.n, effect.overall.without.n) == (5, 5)
    assert (effect.overall.used.median_s, effect.overall.without.median_s) == (600, 3600)
    assert effect.overall.ratio == pytest.approx(1 / 6)
    assert effect.overall.ratio_high is not None
    assert effect.overall.ratio_high < 1
    assert effect.said.startswith("Mitigation takes less time with it: half are mitigated within 10 min with it (5)")


def test_open_incidents_count_as_still_lasting_and_few_say_nothing(resile: Resile, clock: SimulatedClock) -> None:
    put(resile, "shop", "{service: shop}")
    fail(resile, clock, None, chooses=True)
    fail(resile, clock, 30)

    (row,) = playbook_rows(resile)

    assert row.effect.overall is not None
    assert (row.effect.overall.used.n_open, row.effect.overall.used.median_s) == (1, None)
    assert row.effect.overall.ratio is None
    assert row.effect.said == "Too few to tell: 1 with it, 1 without it; 5 of each are the least."


def test_doctor_tells_of_playbooks_and_of_alerts_for_which_there_is_none(resile: Resile) -> None:
    put(resile, "shop", "{alertname: HighErrors}")
    fire(resile, alert(resile, "HighErrors", service="shop"), alert(resile, "Slow", service="cellar"))

    said = [str(one) for one in examined(resile, channels={})]

    assert any(one.startswith("1 alert of the last 30 days had no playbook: Slow; write playbooks") for one in said)
    (found,) = [one for one in said if one.startswith("playbook shop may let somebody down")]
    assert "nobody owns it" in found
    assert found.endswith("mend it: resile playbook lint shop")
    assert [one.name for one in lint_catalog(resile, "shop")] == ["shop"]


def test_unsafe_playbook_is_not_taken_into_the_catalog(resile: Resile) -> None:
    with pytest.raises(ConfigError, match="playbook 'shop', line 8: step 'x' has no timeout"):
        put(resile, "shop", "{service: shop}", "\n## Mitigation\n```sh {name=x risk=change}\ntrue\n```")


PEOPLE = {
    (Kind.PERSON, "ann"): ({"contacts": [{"name": "mail", "channel": "email", "address": "ann@example.org"}]}, ""),
    (Kind.PERSON, "bob"): ({"contacts": [{"name": "mail", "channel": "email", "address": "bob@example.org"}]}, ""),
    (Kind.POLICY, "default"): ({"steps": [{"page": ["person/ann"]}]}, ""),
}


def test_who_pages_for_what_is_the_matter_finds_the_playbook_open_and_the_page_names_it(resile: Resile) -> None:
    put(resile, "shop", "{service: shop}")
    resile.catalog.apply(LOCAL, resile.catalog.changes_to(PEOPLE))

    incident_id = resile.pager.page("Cards are refused", who="zoe", by="user:zoe", services=["shop"])

    kinds = [type(event).__name__ for event in resile.timelines.read(incident_id)]
    assert kinds.index("PlaybookOpened") < kinds.index("PagingBegan")
    assert [(one.playbook, one.by) for one in opened_for(resile, incident_id)] == [("shop", "resile")]
    (page,) = resile.paging.messages_of([incident_id])
    assert f"follow playbook shop: https://r.example.org/incidents/{incident_id}#playbook" in page.text


def test_the_first_page_of_an_alert_names_the_playbook(resile: Resile) -> None:
    put(resile, "high-errors", "{alertname: HighErrors}")
    resile.catalog.apply(LOCAL, resile.catalog.changes_to(PEOPLE))

    fire(resile, alert(resile, "HighErrors", service="shop"))

    (page,) = resile.paging.messages_of(["INC-1"])
    assert "follow playbook high-errors: https://r.example.org/incidents/INC-1#playbook" in page.text


def test_a_later_page_names_the_playbook_that_was_written_meanwhile(resile: Resile, clock: SimulatedClock) -> None:
    resile.catalog.apply(LOCAL, resile.catalog.changes_to(PEOPLE))
    incident_id = resile.pager.page("Cards are refused", who="zoe", by="user:zoe", services=["shop"])
    put(resile, "shop-cards", "{service: shop}")
    # In a storm the catalog is read every few seconds.
    clock.advance(timedelta(seconds=5))

    resile.pager.call_in(incident_id, [Target(TargetKind.PERSON, "bob")], who="zoe", by="user:zoe")

    texts = {page.person: page.text for page in resile.paging.messages_of([incident_id])}
    assert "playbook" not in texts["ann"]
    assert "playbook shop-cards: https://r.example.org/playbooks/shop-cards" in texts["bob"]


def test_whatever_is_wrong_with_playbooks_people_are_paged(resile: Resile, monkeypatch: pytest.MonkeyPatch) -> None:
    put(resile, "shop", "{service: shop}")
    resile.catalog.apply(LOCAL, resile.catalog.changes_to(PEOPLE))

    def broken(_: Catalog) -> None:
        raise RecursionError

    monkeypatch.setattr(Catalog, "playbooks", broken)
    fire(resile, alert(resile, "HighErrors", service="shop"))
    incident_id = resile.pager.page("Cards are refused", who="zoe", by="user:zoe", services=["shop"])

    assert [page.person for page in resile.paging.messages_of(["INC-1", incident_id])] == ["ann", "ann"]
    assert opened_for(resile, "INC-1") == opened_for(resile, incident_id) == []


def test_of_a_flood_of_alerts_pages_read_a_few_once(resile: Resile, monkeypatch: pytest.MonkeyPatch) -> None:
    put(resile, "other", "{service: cellar}")
    both = {**PEOPLE, (Kind.POLICY, "default"): ({"steps": [{"page": ["person/ann", "person/bob"]}]}, "")}
    resile.catalog.apply(LOCAL, resile.catalog.changes_to(both))
    n_read: list[int] = []
    read = SqlPagingStore.alerts_of

    def counted(self: SqlPagingStore, ids: Sequence[str], *, limit: int | None = None) -> list[KnownAlert]:
        found = read(self, ids, limit=limit)
        n_read.append(len(found))
        return found

    fire(resile, *(alert(resile, "HighErrors", service="shop", host=f"h{n}") for n in range(510)))
    monkeypatch.setattr(SqlPagingStore, "alerts_of", counted)
    resile.pager.escalate("INC-1", who="zoe", by="user:zoe")

    assert len(resile.paging.messages_of(["INC-1"])) == 4
    assert [n for n in n_read if n > 100] == [500]
