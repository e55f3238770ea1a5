"""Doors and their secrets: which will do, how they rest, and what becomes of a door of an older file."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from resile.app.access import LOCAL, Identity
from resile.app.door_recipes import HIDDEN, recipes_of
from resile.app.lengths import seconds_of
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.errors import AccessError, ConfigError, ConflictError, StoreError
from resile.ports.account_store import Scope
from resile.ports.delivery_door import DoorOptions
from resile.testing.simulated_clock import SimulatedClock

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
GIVEN = "made-by-pagerduty-0001"


@pytest.fixture
def resile(tmp_path: Path) -> Iterator[Resile]:
    with open_resile(Settings(data=tmp_path), clock=SimulatedClock(NOW)) as found:
        yield found


def test_given_secret_rests_encrypted_and_comes_back(resile: Resile, tmp_path: Path) -> None:
    resile.doors.add(LOCAL, "sentry", "eu", given=f" {GIVEN}\n")

    (door,) = resile.doors.all().values()

    assert resile.doors.secret_of(door) == GIVEN
    assert (door.salt, door.secret_digest, GIVEN.encode() in (door.sealed or b"")) == (None, None, False)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and GIVEN.encode() in path.read_bytes()]
    assert GIVEN not in repr(door)


def test_given_secret_is_lost_with_the_key_and_says_so(resile: Resile, tmp_path: Path) -> None:
    resile.doors.add(LOCAL, "sentry", given=GIVEN)
    (tmp_path / "secret.key").write_bytes(b"x" * 32)

    with pytest.raises(StoreError, match=r"door sentry: secret.key in the data folder is not the one"):
        resile.doors.secret_of(resile.doors.all()["sentry"])


def test_sealed_secret_of_one_door_is_none_of_another(resile: Resile, tmp_path: Path) -> None:
    resile.doors.add(LOCAL, "sentry", "a", given=GIVEN)
    resile.doors.add(LOCAL, "sentry", "b", given="another-secret-0002")
    with sqlite3.connect(tmp_path / "journal.sqlite3") as connection:
        connection.execute("UPDATE doors SET sealed = (SELECT sealed FROM doors WHERE name = 'sentry/a')")
    connection.close()

    with pytest.raises(StoreError, match="sentry/b"):
        resile.doors.secret_of(resile.doors.all()["sentry/b"])


def test_doors_of_an_older_file_stay_open_and_new_ones_join_them(tmp_path: Path) -> None:
    with open_resile(Settings(data=tmp_path)) as resile:
        _, secret = resile.doors.add(LOCAL, "github")
    with sqlite3.connect(tmp_path / "journal.sqlite3") as connection:
        connection.execute("ALTER TABLE doors DROP COLUMN sealed")
        connection.execute("PRAGMA user_version = 1")
    connection.close()

    with open_resile(Settings(data=tmp_path)) as resile:
        assert resile.doors.secret_of(resile.doors.all()["github"]) == secret
        resile.doors.add(LOCAL, "sentry", given=GIVEN)
        assert [resile.doors.secret_of(door) for door in resile.doors.all().values()] == [secret, GIVEN]


@pytest.mark.parametrize(
    ("kind", "told", "sentence"),
    [
        ("nothing", {}, "door kind 'nothing' is unknown; use prometheus"),
        ("sentry", {}, "--secret-stdin"),
        ("sentry", {"given": "short"}, "needs 16 to 200"),
        ("sentry", {"given": "with a space in between"}, "no space"),
        ("statuspage", {"given": GIVEN}, "always one of ours"),
        ("pagerduty", {"has_secret": False}, "found by its key"),
        ("github", {"has_secret": False, "given": GIVEN}, "leave one of both out"),
        ("json", {}, "needs a name of its own"),
        ("heartbeat", {"name": "x"}, "give --every"),
        ("heartbeat", {"name": "fail", "options": DoorOptions(every_s=60)}, "means something else in an address"),
        ("heartbeat", {"name": "a" * 32, "options": DoorOptions(every_s=60)}, "means something else in an address"),
        ("github", {"options": DoorOptions(every_s=60)}, "only a heartbeat door awaits"),
        ("heartbeat", {"name": "x", "options": DoorOptions(every_s=0)}, "--every of 0 s will not do"),
        ("grafana", {"options": DoorOptions(fields={"title": "a"})}, "only a json or cloudevents door"),
        ("json", {"name": "x", "options": DoorOptions(fields={"title": ""})}, "field 'title' will not do"),
        ("grafana", {"options": DoorOptions(severity="dreadful")}, "severity 'dreadful' is unknown"),
    ],
)
def test_door_that_will_not_do_is_refused_with_a_way_out(
    resile: Resile, kind: str, told: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        resile.doors.add(LOCAL, kind, **told)  # type: ignore[arg-type]
    assert resile.doors.all() == {}


def test_two_doors_found_by_their_key_cannot_have_the_same(resile: Resile) -> None:
    resile.doors.add(LOCAL, "pagerduty", "a", given=GIVEN)

    with pytest.raises(ConflictError, match="door pagerduty/a has that key already"):
        resile.doors.add(LOCAL, "pagerduty", "b", given=GIVEN)
    resile.doors.add(LOCAL, "opsgenie", "b", given=GIVEN)


def test_severity_is_kept_as_it_is_called_here(resile: Resile) -> None:
    door, _ = resile.doors.add(LOCAL, "grafana", options=DoorOptions(severity="critical"))

    assert door.options.severity == "SEV1"


def test_without_accounts_whoever_uses_the_machine_keeps_the_doors_and_nobody_else_without_the_right(
    resile: Resile,
) -> None:
    editor = Identity(by="user:bob", name="bob", scopes=frozenset({Scope.READ, Scope.WRITE}))

    for ask in (
        lambda: resile.doors.listed(editor),
        lambda: resile.doors.add(editor, "github"),
        lambda: resile.doors.remove(editor, "github"),
        lambda: resile.doors.found(editor, "github"),
    ):
        with pytest.raises(AccessError):
            ask()
    assert resile.doors.listed(LOCAL) == []


def test_recipe_without_the_secret_has_its_place(resile: Resile) -> None:
    door, secret = resile.doors.add(LOCAL, "alertmanager")

    (recipe,) = recipes_of(door, "https://resile.example/doors/alertmanager", None)

    assert f"credentials: {HIDDEN}" in recipe.text
    assert str(secret) not in recipe.text


@pytest.mark.parametrize(
    ("said", "seconds"), [("90s", 90), ("10m", 600), ("10 min", 600), ("1h", 3_600), ("2D", 172_800)]
)
def test_lengths_of_time_are_read(said: str, seconds: int) -> None:
    assert seconds_of("--every", said) == seconds


@pytest.mark.parametrize("said", ["", "1", "h", "-1h", "1w", "1h30m", "9999999999s"])
def test_what_is_no_length_of_time_is_refused(said: str) -> None:
    with pytest.raises(ConfigError, match=r"--every: .* is no length of time; write it as 90s, 10m, 1h or 1d"):
        seconds_of("--every", said)


def test_who_made_and_who_removed_a_door_is_in_the_record(resile: Resile) -> None:
    ann = Identity(by="user:ann", name="ann", scopes=frozenset(Scope))
    resile.doors.add(ann, "grafana", "shop")
    assert resile.doors.remove(ann, "Grafana/Shop")
    assert not resile.doors.remove(ann, "grafana/shop")

    told = [(one.at, one.by, one.action, one.subject) for one in reversed(resile.accounts.changes())]
    assert told == [
        (NOW, "user:ann", "door made", "door:grafana/shop"),
        (NOW, "user:ann", "door removed", "door:grafana/shop"),
    ]
