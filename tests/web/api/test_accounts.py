"""The pages of the accounts, as people use them."""

import re
from datetime import timedelta

import pytest
from fastapi import FastAPI

from resile.app.wiring import Resile
from resile.testing.simulated_clock import SimulatedClock
from resile.web.accounts.browsers import browser_name

from .visitor import ADMIN, PASSWORD, Visitor


def test_before_there_are_accounts_the_settings_say_how_to_make_them(visitor: Visitor) -> None:
    page = visitor.get("/settings").text

    assert "There are no accounts yet" in page
    assert "<form method" not in page.replace('<form class="theme" method="get"', "")
    assert "There are no accounts yet" in visitor.get("/login").text


def test_a_set_up_that_fails_keeps_the_name_and_says_why(visitor: Visitor) -> None:
    code = visitor.client.app.state.access.make_set_up_link()  # type: ignore[attr-defined]

    short = visitor.send("/setup", seen_on="/setup", code=code, name="ann", password=ADMIN[1][:5])
    wrong = visitor.send("/setup", seen_on="/setup", code="guessed", name="ann", password=ADMIN[1])

    assert short.status_code == 400
    assert "The password has 5 characters" in short.text
    assert 'value="ann"' in short.text
    assert wrong.status_code == 403
    assert "This link was used" in wrong.text
    for page in (short, wrong):
        assert code not in page.text
        assert ADMIN[1] not in page.text


def test_nobody_can_set_up_without_the_code_even_on_this_machine(visitor: Visitor, resile: Resile) -> None:
    visitor.send("/setup", seen_on="/setup", name="eve", password=ADMIN[1])

    assert not resile.accounts.has_admin()


def test_pages_that_show_secrets_are_not_kept_by_the_browser(visitor: Visitor) -> None:
    visitor.set_up()

    for path in ("/settings", "/welcome"):
        assert visitor.get(path).headers["cache-control"] == "no-store"


def test_a_link_and_a_token_are_shown_once(visitor: Visitor) -> None:
    visitor.set_up()
    link = re.search(
        r"welcome#([\w-]+)", visitor.send("/settings/users", seen_on="/settings", name="bob", role="viewer").text
    )
    token = visitor.new_token("read")
    page = visitor.get("/settings").text

    assert link is not None
    assert link[1] not in page
    assert token not in page
    assert token[:11] in page


def test_the_link_is_made_for_the_address_that_people_use(visitor: Visitor) -> None:
    visitor.set_up()

    page = visitor.send("/settings/users", seen_on="/settings", name="bob", role="viewer").text

    assert "http://127.0.0.1:8321/welcome#" in page


def test_an_admin_gives_another_role_disables_and_enables(visitor: Visitor, resile: Resile) -> None:
    visitor.set_up()
    bob = visitor.new_user("bob", "viewer")
    user = resile.accounts.user_named("bob")
    assert user is not None

    assert visitor.send(f"/settings/users/{user.id}/role", seen_on="/settings", role="editor").status_code == 303
    assert ">bob, <b>editor</b>" in bob.get("/settings").text
    assert visitor.send(f"/settings/users/{user.id}/disable", seen_on="/settings").status_code == 303
    assert bob.get("/settings").status_code == 303
    assert visitor.send(f"/settings/users/{user.id}/enable", seen_on="/settings").status_code == 303
    assert bob.log_in("bob", PASSWORD).status_code == 303


def test_the_last_admin_cannot_shut_themselves_out_and_the_page_says_why(visitor: Visitor, resile: Resile) -> None:
    visitor.set_up()
    user = resile.accounts.user_named("ann")
    assert user is not None

    answer = visitor.send(f"/settings/users/{user.id}/disable", seen_on="/settings")

    assert answer.status_code == 409
    assert "No admin would be left; make somebody else admin first" in answer.text
    assert visitor.get("/settings").status_code == 200


def test_somebody_sees_their_sessions_and_ends_another_one(app: FastAPI, visitor: Visitor, resile: Resile) -> None:
    visitor.set_up()
    phone = Visitor(app, **{"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) Version/17.0 Safari/604.1"})
    phone.log_in(*ADMIN)
    page = visitor.get("/settings").text
    assert "Safari on iPhone" in page
    ended = re.search(r"/settings/sessions/(\w+)/end", page)
    assert ended is not None

    assert visitor.send(f"/settings/sessions/{ended[1]}/end", seen_on="/settings").status_code == 303
    assert phone.get("/settings").status_code == 303
    assert visitor.send(f"/settings/sessions/{ended[1]}/end", seen_on="/settings").status_code == 404


def test_a_changed_password_is_asked_for_from_then_on(app: FastAPI, visitor: Visitor) -> None:
    visitor.set_up()
    wrong = visitor.send("/settings/password", seen_on="/settings", old="wrong password", new=PASSWORD)
    assert wrong.status_code == 403
    assert "The old password is wrong" in wrong.text

    assert visitor.send("/settings/password", seen_on="/settings", old=ADMIN[1], new=PASSWORD).status_code == 303
    assert Visitor(app).log_in(*ADMIN).status_code == 403
    assert Visitor(app).log_in(ADMIN[0], PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("path", "fields", "says"),
    [
        ("/settings/users", {"name": "a b", "role": "viewer"}, "will not do"),
        ("/settings/users", {"name": "bob", "role": "king"}, "role"),
        ("/settings/users", {"name": "ann", "role": "viewer"}, "exists, or did"),
        ("/settings/tokens", {"name": "x y", "scopes": "read"}, "will not do"),
        ("/settings/tokens", {"name": "ci"}, "choose at least read"),
        ("/settings/tokens", {"name": "ci", "scopes": "read", "days": "0"}, "days"),
        ("/settings/tokens", {"name": "ci", "scopes": "everything"}, "scopes"),
        ("/settings/users/nobody/disable", {}, "There is no such user"),
        ("/settings/tokens/nothing/revoke", {}, "There is no such token"),
    ],
)
def test_what_cannot_be_done_is_said_on_a_page(visitor: Visitor, path: str, fields: dict[str, str], says: str) -> None:
    visitor.set_up()

    answer = visitor.send(path, seen_on="/settings", **fields)

    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"].startswith("text/html")
    assert says in answer.text


def test_names_and_reasons_are_shown_as_text_and_never_as_markup(visitor: Visitor) -> None:
    visitor.set_up()

    answer = visitor.send("/settings/users", seen_on="/settings", name="<script>alert(1)</script>", role="viewer")

    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_an_admin_sees_who_did_what_and_others_do_not(visitor: Visitor) -> None:
    visitor.set_up()
    bob = visitor.new_user("bob", "editor")

    assert "password chosen" in visitor.get("/settings").text
    assert "password chosen" not in bob.get("/settings").text
    assert "/settings/users" not in bob.get("/settings").text


def test_a_forgotten_session_ends_by_itself(visitor: Visitor, clock: SimulatedClock) -> None:
    visitor.set_up()
    clock.advance(timedelta(days=7))

    assert visitor.get("/settings").headers["location"] == "/login?next=%2Fsettings"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14) AppleWebKit/605 Version/17 Safari/605", "Safari on macOS"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "not told"),
    ],
)
def test_a_browser_is_called_as_its_owner_calls_it(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name
