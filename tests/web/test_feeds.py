"""Feeds before the real application: the address is the right, until it is revoked, and it is in no log."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from icalendar import Calendar

from resile.app.access import LOCAL
from resile.app.documents.duty_calendar import FED_AHEAD
from resile.app.passwords import Passwords
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.catalog import Kind
from resile.model.time import DAY
from resile.ports.feed_book import FeedOf
from resile.testing.simulated_clock import SimulatedClock
from resile.web.readings import BURST
from resile.web.server import create_app
from tests.web.api.visitor import ORIGIN, Visitor
from tests.web.pages.conftest import NOW, PASSWORDS

ROTATION = {"name": "primary", "starts": "2024-03-04 09:00", "every": "week", "people": ["ann", "bob"]}
EVENT = "BEGIN:VEVENT\nUID:{uid}\nDTSTART:{day}T090000\nDTEND:{day}T170000\nSUMMARY:{who}\nEND:VEVENT\n"


class World:
    """A server on the simulated clock, whose other clock stands until it is moved."""

    def __init__(self, resile: Resile, passwords: Passwords) -> None:
        self.resile = resile
        self.elapsed_s = 0.0
        self.app: FastAPI = create_app(resile, passwords=passwords, elapsed_s=lambda: self.elapsed_s)
        self.stranger = Visitor(self.app)


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(NOW)) as resile:
        documents = {
            (Kind.PERSON, "ann"): ({}, ""),
            (Kind.PERSON, "bob"): ({}, ""),
            (Kind.SCHEDULE, "payments"): ({"title": "Payments", "zone": "Europe/Berlin", "layers": [ROTATION]}, ""),
            (Kind.SCHEDULE, "search"): ({"zone": "UTC", "layers": [{**ROTATION, "people": ["ann"]}]}, ""),
        }
        resile.catalog.apply(LOCAL, resile.catalog.changes_to(documents))
        yield World(resile, PASSWORDS)


def summaries(body: bytes) -> set[str]:
    return {str(one["summary"]) for one in Calendar.from_ical(body).walk("VEVENT")}


def test_feed_is_read_without_a_login_and_holds_one_persons_duties_over_all_schedules(world: World) -> None:
    Visitor(world.app).set_up()
    path = world.resile.feeds.make(LOCAL, FeedOf.PERSON, "ann").path

    answer = world.stranger.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert "set-cookie" not in answer.headers
    assert summaries(answer.content) == {"ann: Payments", "ann: search"}
    starts = [one["dtstart"].dt for one in Calendar.from_ical(answer.content).walk("VEVENT")]
    assert NOW + FED_AHEAD - 15 * DAY < max(starts) < NOW + FED_AHEAD


def test_schedules_feed_holds_everybody_in_it(world: World) -> None:
    path = world.resile.feeds.make(LOCAL, FeedOf.SCHEDULE, "payments").path

    assert summaries(world.stranger.get(path).content) == {"ann: Payments", "bob: Payments"}


def test_what_is_known_is_not_sent_again_until_it_changes(world: World) -> None:
    path = world.resile.feeds.make(LOCAL, FeedOf.PERSON, "bob").path
    first = world.stranger.get(path)
    tag = {"if-none-match": first.headers["etag"]}
    assert isinstance(world.resile.clock, SimulatedClock)
    world.resile.clock.advance(DAY / 3)

    assert world.stranger.get(path, headers=tag).status_code == 304
    world.resile.oncall.override(LOCAL, "search", "bob", starts_at=NOW + DAY, ends_at=NOW + 2 * DAY)
    changed = world.stranger.get(path, headers=tag)

    assert (changed.status_code, "bob: search" in summaries(changed.content)) == (200, True)


def test_revoked_feed_is_gone_and_the_next_has_another_address(world: World) -> None:
    path = world.resile.feeds.make(LOCAL, FeedOf.PERSON, "ann").path
    world.resile.feeds.revoke(LOCAL, FeedOf.PERSON, "ann")

    assert world.stranger.get(path).status_code == 404
    assert world.resile.feeds.make(LOCAL, FeedOf.PERSON, "ann").path != path


@pytest.mark.parametrize("token", ["x", "ImFiYyI.abc", "%00", "a" * 5_000, "IjEi.", "é"])
def test_what_was_not_signed_here_opens_nothing(world: World, token: str) -> None:
    world.resile.feeds.make(LOCAL, FeedOf.PERSON, "ann")

    assert world.stranger.get(f"/feeds/{token}.ics").status_code == 404


def test_who_guesses_or_reads_too_often_is_made_to_wait(world: World) -> None:
    path = world.resile.feeds.make(LOCAL, FeedOf.PERSON, "ann").path
    assert [world.stranger.get(path).status_code for _ in range(BURST + 1)] == [200] * BURST + [429]
    world.elapsed_s += 60
    assert world.stranger.get(path).status_code == 200

    guesses = [world.stranger.get("/feeds/guessed.ics").status_code for _ in range(70)]

    assert guesses[:50] == [404] * 50
    assert guesses[-1] == 429


def test_address_is_in_no_line_of_the_log(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    path = world.resile.feeds.make(LOCAL, FeedOf.PERSON, "ann").path

    world.stranger.get(path)
    world.stranger.get(path.replace(".ics", "x.ics"))
    world.stranger.client.post(path)

    written = "".join(capfd.readouterr())
    assert "/feeds/" in written
    assert path.removeprefix("/feeds/").partition(".")[0] not in written


def test_people_make_their_own_feed_and_nobody_elses(world: World) -> None:
    admin = Visitor(world.app).set_up()
    bob = admin.new_user("bob", "editor")

    made = bob.send("/settings/feeds/make", seen_on="/oncall", of="person", name="bob")
    refused = bob.send("/settings/feeds/make", seen_on="/oncall", of="person", name="ann")

    assert (made.status_code, refused.status_code) == (303, 403)
    address = re.search(r'value="(http[^"]+/feeds/[^"]+)"', bob.get("/oncall").text)
    assert address is not None
    assert world.stranger.get(address[1]).status_code == 200
    assert "/feeds/" not in admin.new_user("eve", "viewer").get("/oncall").text
    assert bob.send("/settings/feeds/revoke", seen_on="/oncall", of="person", name="bob").status_code == 303
    assert world.stranger.get(address[1]).status_code == 404
    assert "nothing to revoke" in bob.send("/settings/feeds/revoke", seen_on="/oncall", of="person", name="bob").text


def test_viewers_see_a_schedules_feed_and_cannot_change_it(world: World) -> None:
    admin = Visitor(world.app).set_up()
    assert admin.send("/settings/feeds/make", seen_on="/oncall/search", of="schedule", name="search").status_code == 303
    viewer = admin.new_user("eve", "viewer")

    assert "/feeds/" in viewer.get("/oncall/search").text
    assert "/settings/feeds" not in viewer.get("/oncall/search").text
    assert viewer.send("/settings/feeds/revoke", seen_on="/settings", of="schedule", name="search").status_code == 403


def test_who_may_only_read_makes_lists_and_revokes_their_own_feed_and_no_other(world: World) -> None:
    admin = Visitor(world.app).set_up()
    assert admin.send("/settings/feeds/make", seen_on="/oncall", of="person", name="ann").status_code == 303
    bob = admin.new_user("bob", "viewer")

    assert bob.send("/settings/feeds/make", seen_on="/oncall", of="person", name="bob").status_code == 303
    refused = [
        bob.send(f"/settings/feeds/{does}", seen_on="/oncall", of=of, name=name).status_code
        for does in ("make", "revoke")
        for of, name in (("person", "ann"), ("schedule", "payments"))
    ]

    assert refused == [403] * 4
    page = bob.get("/oncall").text
    addresses = re.findall(r'value="http[^"]+(/feeds/[^"]+)"', page)
    assert [world.resile.feeds.opened(one.split("/")[2].removesuffix(".ics")).name for one in addresses] == ["bob"]
    assert bob.send("/settings/feeds/revoke", seen_on="/oncall", of="person", name="bob").status_code == 303
    assert world.stranger.get(addresses[0]).status_code == 404


def test_feeds_are_kept_by_rest_too_by_whose_they_are(world: World) -> None:
    admin = Visitor(world.app).set_up()
    world.resile.feeds.make(LOCAL, FeedOf.SCHEDULE, "payments")
    world.resile.feeds.make(LOCAL, FeedOf.PERSON, "ann")
    bob = admin.new_user("bob", "viewer")
    form = {"x-csrf-token": bob.form_token("/settings"), "origin": ORIGIN}

    made = bob.client.post("/api/v1/feeds", json={"of": "person", "name": "bob"}, headers=form)
    seen = bob.get("/api/v1/feeds").json()["feeds"]
    revoked = bob.client.delete("/api/v1/feeds/person/bob", headers=form)

    assert (made.status_code, made.json()["path"] in [one["path"] for one in seen]) == (201, True)
    assert [one["feed"]["name"] for one in seen] == ["payments", "bob"]
    assert revoked.json() == {"revoked": "bob"}
    assert world.stranger.get(made.json()["path"]).status_code == 404
    assert bob.client.delete("/api/v1/feeds/person/bob", headers=form).status_code == 404
    assert bob.client.post("/api/v1/feeds", json={"of": "person", "name": "bob"}).status_code == 403
    for of, name in (("person", "ann"), ("schedule", "payments")):
        assert bob.client.post("/api/v1/feeds", json={"of": of, "name": name}, headers=form).status_code == 403
        assert bob.client.delete(f"/api/v1/feeds/{of}/{name}", headers=form).status_code == 403


@pytest.mark.parametrize(
    ("scopes", "persons", "schedules", "sees"),
    [
        (("read",), 403, 403, ["payments"]),
        (("read", "write"), 403, 201, ["payments"]),
        (("deploy",), 403, 403, None),
        (("read", "admin"), 201, 403, ["payments", "ann"]),
    ],
)
def test_program_is_nobody_and_may_what_its_scopes_say(
    world: World, scopes: tuple[str, ...], persons: int, schedules: int, sees: list[str] | None
) -> None:
    program = Visitor(world.app).set_up().program(*scopes)
    world.resile.feeds.make(LOCAL, FeedOf.SCHEDULE, "payments")
    world.resile.feeds.make(LOCAL, FeedOf.PERSON, "ann")

    listed = program.get("/api/v1/feeds")

    assert program.client.post("/api/v1/feeds", json={"of": "person", "name": "bob"}).status_code == persons
    assert program.client.post("/api/v1/feeds", json={"of": "schedule", "name": "search"}).status_code == schedules
    if sees is None:
        assert listed.status_code == 403
    else:
        assert [one["feed"]["name"] for one in listed.json()["feeds"]] == sees


def test_feed_of_a_disabled_account_is_closed_until_it_is_enabled(world: World) -> None:
    admin = Visitor(world.app).set_up()
    admin.new_user("bob", "viewer")
    path = world.resile.feeds.make(LOCAL, FeedOf.PERSON, "bob").path
    bob = world.resile.accounts.user_named("bob")
    assert bob is not None

    codes = []
    for does in ("disable", "enable"):
        assert admin.send(f"/settings/users/{bob.id}/{does}", seen_on="/settings").status_code == 303
        codes.append(world.stranger.get(path).status_code)

    assert codes == [404, 200]


def test_who_is_nobody_in_the_catalog_is_told_how_to_be(world: World) -> None:
    eve = Visitor(world.app).set_up().new_user("eve", "viewer")

    page = eve.get("/oncall").text

    assert "No person of the catalog is you" in page
    assert "/settings/feeds" not in page


def uploaded(visitor: Visitor, body: str, **fields: str) -> str:
    token = visitor.form_token("/oncall/payments")
    answer = visitor.client.post(
        "/do/oncall/payments/import",
        data={"csrf_token": token, **fields},
        files={"file": ("duty.ics", body.encode(), "text/calendar")},
    )
    assert answer.status_code in {200, 409}
    return answer.text


def calendar(*events: str) -> str:
    return f"BEGIN:VCALENDAR\n{''.join(events)}END:VCALENDAR\n"


def test_file_is_tried_and_brought_in_on_the_schedules_page(world: World) -> None:
    day = f"{NOW + 3 * DAY:%Y%m%d}"
    body = calendar(EVENT.format(uid=1, day=day, who="bob"), EVENT.format(uid=2, day=day, who="<Zoe>"))

    tried = uploaded(world.stranger, body, tries="yes")
    assert "The file would change this" in tried
    assert "&lt;Zoe&gt;" in tried
    assert world.stranger.get("/api/v1/oncall/payments").json()["overrides"] == []

    done = uploaded(world.stranger, body)
    assert "The file was brought in" in done
    (override,) = world.stranger.get("/api/v1/oncall/payments").json()["overrides"]
    assert override["override"]["person"] == "bob"
    assert "1\xa0held already" in (again := uploaded(world.stranger, body)) or "1 held already" in again
    assert "1 removed" in uploaded(world.stranger, calendar(), prunes="yes")
    assert "no iCalendar file" in uploaded(world.stranger, "no")
