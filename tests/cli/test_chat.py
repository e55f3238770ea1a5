"""`resile chat` in the terminal."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from resile.testing.loopback_slack import SIGNING_SECRET, TOKEN
from resile.testing.loopback_slack_rooms import LoopbackSlackRooms
from resile.testing.loopback_teams_app import APP, LoopbackTeamsApp
from tests.cli.terminal import Terminal

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture
def slack() -> Iterator[LoopbackSlackRooms]:
    with LoopbackSlackRooms(NOW) as slack:
        yield slack


@pytest.fixture
def set_up(terminal: Terminal, slack: LoopbackSlackRooms) -> Terminal:
    terminal.folder.mkdir(exist_ok=True)
    (terminal.folder / "resile.toml").write_text(
        'base_url = "https://resile.example.org"\n'
        f'[chat.slack]\ntoken = "{TOKEN}"\nsigning_secret = "{SIGNING_SECRET}"\napi = "{slack.api}"\n'
    )
    return terminal


def test_the_manifest_names_the_addresses_and_rights(set_up: Terminal) -> None:
    told = json.loads(set_up.says("chat", "manifest"))

    assert told["features"]["slash_commands"][0]["url"] == "https://resile.example.org/chat/slack/commands"
    assert told["settings"]["event_subscriptions"]["request_url"] == "https://resile.example.org/chat/slack/events"
    assert told["settings"]["interactivity"]["request_url"] == "https://resile.example.org/chat/slack/actions"
    assert "channels:manage" in told["oauth_config"]["scopes"]["bot"]


def test_the_manifest_of_private_channels_asks_for_their_rights(set_up: Terminal) -> None:
    toml = set_up.folder / "resile.toml"
    toml.write_text(toml.read_text() + "private = true\n")

    told = json.loads(set_up.says("chat", "manifest"))

    assert told["settings"]["event_subscriptions"]["bot_events"] == ["message.groups"]
    assert {"groups:write", "groups:history"} <= set(told["oauth_config"]["scopes"]["bot"])


def test_a_manifest_without_an_address_says_what_is_missing(terminal: Terminal) -> None:
    assert "set base_url in resile.toml" in terminal.run("chat", "manifest").stderr.replace("\n", " ")


def test_an_app_that_has_all_it_needs_is_at_home(set_up: Terminal) -> None:
    assert set_up.says("chat", "check").startswith("The app is at home in loopback (https://loopback.slack.com/)")


def test_rights_that_are_missing_are_named(set_up: Terminal, slack: LoopbackSlackRooms) -> None:
    slack.scopes = slack.scopes.replace("pins:write,", "").replace("channels:manage,", "")

    said = set_up.run("chat", "check", code=1).stdout

    assert "the app lacks the rights channels:manage, pins:write" in said


def test_a_token_that_is_wrong_is_told_by_check_and_doctor(set_up: Terminal) -> None:
    toml = set_up.folder / "resile.toml"
    toml.write_text(toml.read_text().replace(TOKEN, "xoxb-wrong"))

    assert (
        "Slack does not let us in (invalid_auth); check chat.slack.token" in set_up.run("chat", "check", code=1).stdout
    )
    found = json.loads(set_up.run("doctor", "--json", code=1).stdout)["findings"]
    (ours,) = [one for one in found if one["subject"] == "channels of incidents at Slack"]
    assert "invalid_auth" in ours["why"]
    assert "xoxb" not in ours["why"]


def test_a_secret_that_is_missing_is_told_by_doctor(set_up: Terminal) -> None:
    toml = set_up.folder / "resile.toml"
    toml.write_text(toml.read_text().replace(f'signing_secret = "{SIGNING_SECRET}"\n', ""))

    found = json.loads(set_up.run("doctor", "--json", code=1).stdout)["findings"]

    assert [one["what"] for one in found if "Slack" in one["subject"]] == ["cannot be made"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('name = "incident"', "would call several incidents alike"),
        ('name = "inc-{numbr}"', "{numbr}, which is not known"),
        ('name = "inc-{number"', "a brace that is not closed"),
        ('invite = ["ann"]', "is no target; write person/ann"),
        ('severities = ["SEV9"]', "chat.slack.severities"),
        ('api = "http://slack.example"', "is not encrypted"),
        ('command = "resile"', "chat.slack.command"),
        ('colour = "blue"', "chat.slack.colour"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(terminal: Terminal, line: str, words: str) -> None:
    terminal.folder.mkdir(exist_ok=True)
    (terminal.folder / "resile.toml").write_text(f"[chat.slack]\n{line}\n")

    assert words in terminal.refuses("chat", "check")


def test_a_channel_is_opened_by_hand(set_up: Terminal) -> None:
    set_up.run("incident", "declare", "Cards are refused")

    assert set_up.says("chat", "open", "INC-1") == "INC-1: its channel is being made.\n"
    assert "INC-1" in set_up.says("chat", "list")
    assert set_up.json("chat", "list")[0]["wanted_by"] == "command line"
    assert "incident INC-9 is not known" in set_up.refuses("chat", "open", "INC-9")


def test_without_a_chat_program_it_says_what_to_write(terminal: Terminal) -> None:
    assert "write [chat.slack] or [chat.teams.app] into resile.toml" in terminal.refuses("chat", "check")
    assert "No incident has a channel yet." in terminal.says("chat", "list")


@pytest.fixture
def teams() -> Iterator[LoopbackTeamsApp]:
    with LoopbackTeamsApp(NOW) as teams:
        yield teams


@pytest.fixture
def with_teams(terminal: Terminal, teams: LoopbackTeamsApp) -> Terminal:
    terminal.folder.mkdir(exist_ok=True)
    told = "".join(f'{name} = "{value}"\n' for name, value in teams.settings().items())
    (terminal.folder / "resile.toml").write_text(
        f'base_url = "https://resile.example.org"\n[chat.teams.app]\n{told}', encoding="utf-8"
    )
    return terminal


def test_an_app_in_teams_is_printed_and_tried(with_teams: Terminal, teams: LoopbackTeamsApp) -> None:
    told = json.loads(with_teams.says("chat", "manifest", "--teams"))
    assert told["bots"][0]["botId"] == APP
    assert "Channel.Create.Group" in [one["name"] for one in told["authorization"]["permissions"]["resourceSpecific"]]
    assert told["validDomains"] == ["resile.example.org"]
    assert "is let in by Microsoft" in with_teams.says("chat", "check")

    teams.refuses = {"find": [403], "openid": [503]}
    said = with_teams.run("chat", "check", code=1)

    assert "give it the right ChannelSettings.Read.Group" in said.stdout
    assert "hear nothing" in said.stdout


def test_an_app_in_teams_that_is_not_set_up_has_no_manifest(terminal: Terminal) -> None:
    assert "write [chat.teams.app] into resile.toml" in terminal.refuses("chat", "manifest", "--teams")
