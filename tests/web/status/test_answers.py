"""What caches and readers are told, and what is answered to what nobody should ask."""

from email.utils import parsedate_to_datetime

import pytest

from resile.model.time import MINUTE
from resile.web.status.site import Site

from .world import NOW, StatusWorld

PATHS = ("/", "/history", "/history.rss", "/api/v2/summary.json", "/favicon.svg")


def test_every_answer_may_be_cached_and_sets_no_cookie(world: StatusWorld) -> None:
    for path in PATHS:
        answer = world.get(path)

        assert answer.code == 200
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"].startswith("public, max-age=10")
        assert parsedate_to_datetime(answer.headers["last-modified"]) == NOW
        assert "'unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["content-security-policy"].startswith("default-src 'none';")
        assert answer.headers["content-length"] == str(len(answer.body))


def test_pages_need_no_script_and_no_other_host(world: StatusWorld) -> None:
    page = world.get("/").text

    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    style = world.get(page.split('rel="stylesheet" href="')[1].split('"')[0])
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in style.headers["cache-control"]
    assert "url(" not in style.text


def test_what_a_reader_has_is_not_sent_again_until_it_changes(world: StatusWorld) -> None:
    first = world.get("/", accept_encoding="gzip, deflate, br")
    tag = first.headers["etag"]
    assert (first.headers["content-encoding"], first.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert tag != world.get("/").headers["etag"]
    assert first.text == world.get("/").text

    known = world.get("/", if_none_match=f'"other", W/{tag}', accept_encoding="gzip")
    assert (known.code, known.body, known.headers["etag"]) == (304, b"", tag)
    assert "content-length" not in known.headers
    assert world.get("/", if_modified_since=first.headers["last-modified"]).code == 304
    assert world.get("/", if_modified_since="Wed, 04 Mar 2026 11:59:59 GMT").code == 200
    for none in ("yesterday", "1 Jan 2020 00:00:00 +99999999999999", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"):
        assert world.get("/", if_modified_since=none).code == 200
    # A tag goes before a date.
    assert world.get("/", if_none_match='"other"', if_modified_since=first.headers["last-modified"]).code == 200

    world.clock.advance(MINUTE)
    world.publish(world.declare(), "Slow.", "investigating", "Slow")
    changed = world.get("/", if_none_match=tag)
    assert changed.code == 200
    assert parsedate_to_datetime(changed.headers["last-modified"]) == NOW + MINUTE
    assert parsedate_to_datetime(world.get("/favicon.svg").headers["last-modified"]) == NOW


def test_date_is_no_proof_where_it_stands_for_two_pages_or_comes_of_another_clock(world: StatusWorld) -> None:
    its, first = world.declare(), world.get("/").headers["last-modified"]

    world.publish(its, "Slow.", "investigating", "Slow")
    assert world.get("/").headers["last-modified"] == first
    assert world.get("/", if_modified_since=first).code == 200

    world.clock.advance(MINUTE)
    world.publish(its, "Slower.", "investigating", "Slow")
    assert world.get("/", if_modified_since=world.get("/").headers["last-modified"]).code == 304
    assert world.get("/", if_modified_since="Wed, 04 Mar 2026 13:00:00 GMT").code == 200


@pytest.mark.parametrize(
    ("said", "is_packed"),
    [
        ("gzip", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("*", True),
        ("GZIP ; q=0.001", True),
        ("gzip;q=0", False),
        ("br, gzip; q=0.000", False),
        ("identity", False),
        ("xgzip", False),
        ("gzip" * 1_000, False),
        ("", False),
    ],
)
def test_only_who_takes_it_is_sent_compressed(world: StatusWorld, said: str, *, is_packed: bool) -> None:
    assert ("content-encoding" in world.get("/", accept_encoding=said).headers) is is_packed


def test_other_sites_may_read_the_api_and_not_the_pages(world: StatusWorld) -> None:
    assert world.get("/api/v2/summary.json").headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in world.get("/").headers


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("HEAD", "/", 200),
        ("POST", "/", 405),
        ("DELETE", "/api/v2/summary.json", 405),
        ("GET", "/nothing", 404),
        ("GET", "/incidents/INC-1", 404),
        ("GET", "/../etc/passwd", 404),
        ("GET", "/<script>alert(1)</script>", 404),
        ("GET", "/api/v2/incidents", 404),
        ("PUT", "/subscribe", 405),
        ("GET", "/healthz", 200),
    ],
)
def test_odd_requests_get_their_answer(world: StatusWorld, method: str, path: str, code: int) -> None:
    answer = world.get(path, method=method)

    assert answer.code == code
    assert "set-cookie" not in answer.headers
    assert "<script" not in answer.text
    assert method != "HEAD" or (answer.body == b"" and int(answer.headers["content-length"]) > 1_000)


def test_only_what_changed_is_made_anew(world: StatusWorld) -> None:
    its = world.declare()
    world.publish(its, "Slow.", "investigating", "Slow")
    world.look()
    before = world.board.site
    world.look()
    assert world.board.site is before

    world.publish(world.declare(), "Slow too.", "investigating", "Slow too")
    world.look()

    after = world.board.site
    assert isinstance(before, Site)
    assert isinstance(after, Site)
    (own,) = (path for path in before.answers if path.startswith("/incidents/"))
    assert after.answers[own] is before.answers[own]
    assert after.answers["/"] is not before.answers["/"]


def test_ids_tell_nothing_and_differ_between_installations(world: StatusWorld) -> None:
    for _ in range(3):
        world.publish(world.declare(), "Slow.", "investigating", "Slow")

    found = world.get("/api/v2/incidents.json").json["incidents"]

    ids = [one["id"] for one in found] + [update["id"] for one in found for update in one["incident_updates"]]
    assert len(set(ids)) == 6
    assert sorted(ids) != ids
    assert not any(name in world.everything() for name in (b"INC-", b"checkout", b'"shop"', b"cellar"))
