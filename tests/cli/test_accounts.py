import re

import pytest

from resile.app.access import Access
from resile.app.passwords import Passwords
from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from tests.cli.terminal import Terminal


def choose_password(terminal: Terminal, link: str) -> None:
    with open_resile(load_settings(data=terminal.folder)) as resile:
        access = Access(resile.accounts, resile.clock, Passwords())
        access.choose_password(link.strip().partition("#")[2], "a long enough pass phrase")


def test_users_are_added_listed_changed_and_shut_out(terminal: Terminal) -> None:
    assert "set-up-link" in terminal.says("accounts", "list")

    link = terminal.says("accounts", "add-user", "Ann", "--role", "admin")
    choose_password(terminal, link)
    terminal.run("accounts", "add-user", "bob")
    terminal.run("accounts", "role", "bob", "editor")
    terminal.run("accounts", "disable", "bob")

    assert re.fullmatch(r"http://127\.0\.0\.1:8321/welcome#[\w-]{40,}\n", link)
    listed = terminal.says("accounts", "list")
    assert re.search(r"ann +admin", listed)
    assert re.search(r"bob +editor .*disabled", listed)
    terminal.run("accounts", "enable", "bob")
    assert "disabled" not in terminal.says("accounts", "list")


def test_a_new_password_link_differs_from_the_first(terminal: Terminal) -> None:
    first = terminal.says("accounts", "add-user", "ann", "--role", "admin")

    second = terminal.says("accounts", "reset-password", "ANN")

    assert second.startswith("http://127.0.0.1:8321/welcome#")
    assert first != second


def test_links_name_the_address_of_the_settings(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESILE_BASE_URL", "https://resile.example.org")

    assert terminal.says("accounts", "set-up-link").startswith("https://resile.example.org/setup#")


def test_a_token_is_printed_once_listed_by_its_beginning_and_revoked(terminal: Terminal) -> None:
    terminal.run("accounts", "add-user", "ann", "--role", "editor")

    value = terminal.says("accounts", "token", "create", "ci", "--user", "ann", "--scope", "write", "--scope", "read")
    listed = terminal.says("accounts", "token", "list")
    terminal.run("accounts", "token", "revoke", "ci")

    assert re.fullmatch(r"resile_[\w-]{40,}\n", value)
    assert value.strip() not in listed
    assert value[:11] in listed
    assert "read, write" in listed
    assert "No tokens" in terminal.says("accounts", "token", "list")


def test_what_was_done_to_the_accounts_is_recorded(terminal: Terminal) -> None:
    terminal.run("accounts", "add-user", "ann", "--role", "editor")
    terminal.run("accounts", "token", "create", "ci", "--user", "ann")

    said = terminal.says("accounts", "log")

    assert re.search(r"command line +token made +token:ci", said)
    assert said.index("token made") < said.index("user added")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["add-user", "no spaces"], "will not do"),
        (["add-user", "eve", "--role", "king"], "role 'king' is unknown; use admin, editor, viewer"),
        (["reset-password", "eve"], "no user is called 'eve'"),
        (["role", "eve", "admin"], "no user is called 'eve'"),
        (["token", "create", "ci", "--user", "eve"], "no user is called 'eve'"),
        (["token", "create", "ci", "--user", "ann", "--scope", "all"], "use read, write, deploy, admin"),
        (["token", "revoke", "ci"], "no token 'ci' holds"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(terminal: Terminal, arguments: list[str], sentence: str) -> None:
    terminal.run("accounts", "add-user", "ann")

    assert sentence in terminal.refuses("accounts", *arguments)


def test_a_token_can_do_no_more_than_its_user(terminal: Terminal) -> None:
    terminal.run("accounts", "add-user", "ann", "--role", "viewer")

    assert "may not do this" in terminal.refuses(
        "accounts", "token", "create", "ci", "--user", "ann", "--scope", "write", code=1
    )


def test_the_last_admin_cannot_be_shut_out(terminal: Terminal) -> None:
    choose_password(terminal, terminal.says("accounts", "add-user", "ann", "--role", "admin"))

    assert "no admin would be left" in terminal.refuses("accounts", "disable", "ann", code=1)
