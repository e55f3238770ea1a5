"""`resile door` as it is typed."""

import pytest

from tests.cli.terminal import Terminal


def test_address_of_a_server_on_ipv6_can_be_opened(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESILE_HOST", "::1")

    assert terminal.json("door", "add", "github")["address"] == "http://[::1]:8321/doors/github"


@pytest.mark.parametrize("kind", ["github", "gitlab", "cdevents"])
def test_door_without_a_secret_names_no_sender_that_could_not_reach_it(terminal: Terminal, kind: str) -> None:
    said = terminal.says("door", "add", kind, "--no-secret")

    assert f"curl http://127.0.0.1:8321/doors/{kind} -H" in said
    assert "leave it empty" not in said
    assert "Settings >" not in said
