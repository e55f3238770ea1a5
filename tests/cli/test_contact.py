"""Contacts from the terminal: listed, and proven by a code."""

from pathlib import Path

import pytest

from resile.app.paging_engine import open_outside
from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.testing.webhook_sink import WebhookSink
from tests.channels.messages import page
from tests.cli.terminal import Terminal

CATALOG = """\
kind: person
name: ann
contacts:
- {name: mobile, channel: sms, address: "+15550100"}
"""


@pytest.fixture
def known(terminal: Terminal, tmp_path: Path) -> Terminal:
    folder = tmp_path / "catalog"
    folder.mkdir()
    (folder / "ann.yaml").write_text(CATALOG)
    terminal.says("apply", str(folder), "--yes")
    return terminal


def test_contact_is_proven_by_the_code_that_is_sent(known: Terminal) -> None:
    said = known.says("contact", "verify", "ann", "mobile")
    with open_resile(load_settings(data=known.folder)) as resile:
        (message,) = resile.paging.recent_messages(person="ann")

    assert "Enter it: resile contact verify ann mobile --code CODE" in said
    assert message.title[:6] not in said
    refused = known.refuses("contact", "verify", "ann", "mobile", "--code", "letters")
    assert refused.endswith("this is not the code that was sent; look at the newest message")
    assert known.json("contact", "list")["ann"][0].get("verified_at") is None
    assert "is verified" in known.says("contact", "verify", "ann", "mobile", "--code", message.title[:6])
    assert known.json("contact", "list", "ann")["ann"][0]["verified_at"]
    assert "+15550100" in known.says("contact", "list")


def test_a_code_that_nobody_sends_yet_says_so(known: Terminal) -> None:
    done = known.run("contact", "verify", "ann", "mobile")

    assert "the code goes out once resile up does" in done.stderr


def test_without_contacts_the_list_says_where_they_are_written(terminal: Terminal) -> None:
    assert terminal.says("contact", "list").startswith("No contacts yet")
    assert "person 'zoe' is not in the catalog" in terminal.refuses("contact", "verify", "zoe", "mobile")


def test_apply_warns_of_what_will_leave_somebody_waiting(terminal: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    folder.mkdir()
    (folder / "all.yaml").write_text(
        "kind: person\nname: ann\n---\nkind: policy\nname: default\nsteps:\n- page: [person/ann]\n"
    )

    done = terminal.run("apply", str(folder), "--yes")

    assert "Warning: person 'ann' has no contacts, and policy 'default' pages them" in " ".join(done.stderr.split())
    assert "2 of 2 documents changed." in done.stdout


def test_apply_says_what_channels_will_not_do(terminal: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    folder.mkdir()
    (folder / "people.yaml").write_text(
        """\
kind: person
name: ann
contacts:
- {name: mobile, channel: sms, address: "+15550100"}
- {name: hook, channel: webhook, address: "http://169.254.169.254/latest"}
---
kind: person
name: bob
contacts:
- {name: mobile, channel: sms, address: "+15550101"}
- {name: screen, channel: terminal, address: "-"}
"""
    )

    done = terminal.run("apply", str(folder), "--yes")

    heard = " ".join(done.stderr.split())
    assert (
        "people.yaml, row 1: person 'ann': contact 'mobile' and 1 more: channel sms is not set up here; add "
        "[channels.sms] to resile.toml"
    ) in heard
    assert "people.yaml, row 1: person 'ann': contact 'hook': 169.254.169.254 lies inside our own network" in heard
    assert "screen" not in heard
    assert "2 of 2 documents changed." in done.stdout


def test_secret_that_is_shown_is_the_one_that_signs(terminal: Terminal) -> None:
    with WebhookSink() as sink:
        sink.secret = terminal.says("contact", "secret", sink.address).strip()
        with open_resile(load_settings(data=terminal.folder, allowed_addresses=["127.0.0.1"])) as resile:
            webhook = open_outside(resile, address="").channels["webhook"]

            webhook.send(page(sink.address), timeout_s=5)

        assert len(sink.requests) == 1
        assert sink.secret.startswith("whsec_")


def test_each_host_has_its_secret_whatever_its_path(terminal: Terminal) -> None:
    shown = terminal.says("contact", "secret", "hooks.example.org")

    assert terminal.says("contact", "secret", "https://hooks.example.org/a/b") == shown
    assert terminal.says("contact", "secret", "other.example.org") != shown


def test_secret_of_the_settings_is_not_shown(terminal: Terminal) -> None:
    written = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    (terminal.folder / "resile.toml").write_text(f'[channels.webhook.secrets]\n"hooks.example.org" = "{written}"\n')

    refused = terminal.refuses("contact", "secret", "hooks.example.org")

    assert "stands in the settings" in refused
    assert written not in refused
    assert terminal.says("contact", "secret", "other.example.org").startswith("whsec_")
    assert "names no host" in terminal.refuses("contact", "secret", "https:///")
