"""The links of subscribers, answered by the server itself."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resile.app.settings import load_settings
from resile.app.status_settings import StatusSettings, public_address
from resile.app.subscribers import Subscribers
from resile.app.wiring import Resile, open_resile
from resile.model.time import DAY, MINUTE
from resile.testing.simulated_clock import SimulatedClock
from resile.web.access_log import loggable
from resile.web.doors.strangers import BURST
from resile.web.server import create_app

from .api.conftest import NOW, PASSWORDS
from .api.visitor import ORIGIN, Visitor


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    given = load_settings(data=fresh_data(tmp_path), base_url=ORIGIN)
    with open_resile(given, clock=SimulatedClock(NOW)) as opened:
        yield opened


@pytest.fixture
def use(resile: Resile) -> Subscribers:
    return resile.communication.subscribers


@pytest.fixture
def stranger(resile: Resile) -> Visitor:
    """Somebody without an account, where there are accounts."""
    # Guesses are forgotten one a second: on a slow machine as many as are made.
    app = create_app(resile, passwords=PASSWORDS, elapsed_s=lambda: 0.0)
    Visitor(app).set_up()
    return Visitor(app, address="203.0.113.9")


def asked(resile: Resile, use: Subscribers) -> str:
    """The path of the link that somebody was sent who asked."""
    use.ask("webhook", "https://hooks.example.net/status", host="x")
    (copy,) = resile.communication.tellings.claim("webhook", now=NOW, until=NOW + MINUTE, by="test", limit=9)
    return use.confirm_url(copy.subscriber_id).removeprefix(ORIGIN)


def test_one_confirms_and_leaves_by_the_links_without_an_account(
    resile: Resile, use: Subscribers, stranger: Visitor
) -> None:
    confirm = asked(resile, use)
    looked = stranger.get(confirm)
    assert (looked.status_code, "Send me updates" in looked.text) == (200, True)
    assert "set-cookie" not in looked.headers
    assert list(use.listed()) == []  # a mail scanner followed the link
    assert "You will be told" in stranger.client.post(confirm).text
    (one,) = use.listed()

    leave = use.leave_url(one.id).removeprefix(ORIGIN)
    assert "Send me no more updates" in stranger.get(leave).text
    assert len(list(use.listed())) == 1
    one_click = {"data": {"List-Unsubscribe": "One-Click"}, "headers": {"origin": "https://mail.example"}}
    answers = [stranger.client.post(leave, **one_click) for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].headers["cache-control"] == "no-store"
    assert list(use.listed()) == []
    assert stranger.client.post(confirm).status_code == 404


def test_link_that_is_none_or_too_old_leads_nowhere_and_guesses_are_slowed(
    resile: Resile, use: Subscribers, stranger: Visitor
) -> None:
    confirm = asked(resile, use)
    for path in (f"{confirm}x", "/subscriptions/confirm/nope", "/subscriptions/leave/" + confirm.rpartition("/")[2]):
        assert stranger.client.post(path).status_code == 404
        assert "leads nowhere" in stranger.get(path).text
    assert stranger.get("/subscriptions/other").status_code == 404
    for _ in range(BURST):
        stranger.get("/subscriptions/leave/guess")

    assert stranger.get("/subscriptions/leave/guess").status_code == 429
    assert stranger.get(confirm).status_code == 200
    resile.clock.advance(DAY)  # type: ignore[attr-defined]
    assert stranger.client.post(confirm).status_code == 429


def test_links_stand_in_no_log() -> None:
    assert loggable("/subscriptions/leave/abc.def") == "/subscriptions/leave/…"
    assert loggable("/subscriptions/confirm/abc.def") == "/subscriptions/confirm/…"


@pytest.mark.parametrize(
    ("status", "base_url", "leads"),
    [
        (None, None, ""),
        (None, "https://resile.example", "https://resile.example"),
        ({"base_url": "https://status.example"}, "https://resile.example", "https://status.example"),
        # Nobody else can tell where this is, and the server answers the links too.
        ({}, "https://resile.example", "https://resile.example"),
        ({"host": "0.0.0.0"}, "https://resile.example", "https://resile.example"),  # noqa: S104 - as people set it
        ({"host": "203.0.113.5", "port": 80}, "https://resile.example", "http://203.0.113.5:80"),
        ({}, None, "http://127.0.0.1:8322"),
    ],
)
def test_links_lead_where_their_readers_come(
    status: dict[str, object] | None, base_url: str | None, leads: str
) -> None:
    settings = None if status is None else StatusSettings.model_validate(status)

    assert public_address(settings, base_url) == leads
