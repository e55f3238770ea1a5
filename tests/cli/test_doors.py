"""`resile door` as it is typed."""

import socket

import pytest

from tests.cli.terminal import Terminal
from tests.web.doors.world import served


def test_address_of_a_server_on_ipv6_can_be_opened(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESILE_HOST", "::1")

    assert terminal.json("door", "add", "github")["address"] == "http://[::1]:8321/doors/github"


@pytest.mark.parametrize("kind", ["github", "gitlab", "cdevents"])
def test_door_without_a_secret_names_no_sender_that_could_not_reach_it(terminal: Terminal, kind: str) -> None:
    said = terminal.says("door", "add", kind, "--no-secret")

    assert f"curl http://127.0.0.1:8321/doors/{kind} -H" in said
    assert "leave it empty" not in said
    assert "Settings >" not in said


def test_alertmanager_is_connected_by_what_is_printed(terminal: Terminal) -> None:
    said = terminal.says("door", "add", "alertmanager", "--service", "shop")
    again = terminal.says("door", "show", "alertmanager")
    secret = terminal.json("door", "show", "alertmanager")["secret"]

    assert f"credentials: {secret}" in said
    assert "- url: http://127.0.0.1:8321/doors/alertmanager" in said
    assert "resile door test alertmanager" in said
    assert again in said


def test_secret_of_the_sender_comes_by_standard_input_and_is_never_printed(terminal: Terminal) -> None:
    refused = terminal.refuses("door", "add", "sentry")
    assert "enter the address that ends in /doors/sentry there first" in refused

    said = terminal.run("door", "add", "sentry", "--secret-stdin", given="a-secret-of-sentry\n").stdout

    assert "a-secret-of-sentry" not in said
    assert "a-secret-of-sentry" not in terminal.says("door", "show", "sentry")
    assert terminal.json("door", "show", "sentry")["secret"] is None


def test_heartbeat_and_json_doors_take_their_options(terminal: Terminal) -> None:
    said = terminal.says("door", "add", "heartbeat", "--name", "backup", "--every", "1h", "--grace", "10m")
    assert "The last part of the address is its secret" in said
    json = terminal.says("door", "add", "json", "--name", "sensor", "--field", "title=data.title", "--severity", "SEV2")
    assert '{"data": {"title": ' in json
    assert "give --every" in terminal.refuses("door", "add", "heartbeat", "--name", "other")
    assert "'soon' is no length of time" in terminal.refuses(
        "door", "add", "heartbeat", "--name", "other", "--every", "soon"
    )


def test_without_a_server_a_test_goes_into_the_journal_and_is_processed(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody listens there: the port of a socket that was closed.
    with socket.create_server(("127.0.0.1", 0)) as closed:
        monkeypatch.setenv("RESILE_PORT", str(closed.getsockname()[1]))
    terminal.run("door", "add", "github")

    said = terminal.says("door", "test", "github")

    assert "No server runs: the test went into the journal" in said
    assert "Journal entry 1: unmapped" in said
    assert "there is no door 'gitlab'" in terminal.refuses("door", "test", "gitlab")


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_test_goes_through_the_address_of_the_running_server(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with served(terminal.folder) as world:
        monkeypatch.setenv("RESILE_PORT", world.address.rpartition(":")[2])
        world.door(kind, "shop")

        said = terminal.says("door", "test", f"{kind}/shop")

    assert f"{world.address}/doors/{kind}/shop answers 202" in said
    assert "Journal entry 1: unmapped" in said


def test_test_says_where_a_server_runs_elsewhere(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        monkeypatch.setenv("RESILE_PORT", str(closed.getsockname()[1]))
    with served(terminal.folder) as world:
        world.door("github")

        refused = terminal.refuses("door", "test", "github")

    assert "though a server of this data folder runs; set RESILE_BASE_URL or RESILE_PORT" in refused


def test_test_alert_is_followed_to_its_incident_and_ended_again(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(terminal.folder) as world:
        monkeypatch.setenv("RESILE_PORT", world.address.rpartition(":")[2])
        world.door("alertmanager", "eu")

        first = terminal.says("door", "test", "alertmanager/eu")
        second = terminal.says("door", "test", "alertmanager/eu")
        over = terminal.says("door", "test", "alertmanager/eu", "--over")

    assert "(firing): declared, incident INC-1." in first
    assert "it names no service" in first
    assert "(firing): known, incident INC-1. the same was told before" in second
    assert "(resolved): cleared, incident INC-1." in over


def test_test_that_is_no_alert_says_what_it_is(terminal: Terminal) -> None:
    terminal.says("door", "add", "statuspage")
    terminal.says("door", "add", "cdevents")

    assert "no incident comes of it" in terminal.says("door", "test", "statuspage")
    said = terminal.says("door", "test", "cdevents")
    assert "(firing): declared, incident INC-1" in said
    assert "is restored" in terminal.says("door", "test", "cdevents", "--over")
