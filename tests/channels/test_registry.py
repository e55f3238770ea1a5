"""Channels by name: those that are set up, whatever state other packages are in."""

import io
import sys
from importlib import invalidate_caches
from pathlib import Path

import pytest

from resile.app.settings import load_settings
from resile.channels.registry import GROUP, kinds, open_channels
from resile.channels.terminal import Terminal
from resile.model.errors import AccessError, ConfigError, DeliveryError
from resile.ports.channel import RefusedError
from resile.testing.simulated_clock import SimulatedClock
from tests.channels.messages import NOW, page

CLOCK = SimulatedClock(NOW)
EMAIL = {"host": "smtp.example.org", "from": "resile@example.org"}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package with channels of its own: one that works, one under a name of ours, two that are broken."""
    info = tmp_path / "acme_pages-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-pages\nVersion: 1.0\n")
    lines = [
        "carrier_pigeon = acme_pages:CHANNEL",
        "email = acme_pages:CHANNEL",
        "old = acme_pages:OLD",
        "torn = acme_torn:X",
    ]
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]) + "\n")
    (tmp_path / "acme_pages.py").write_text(
        "from resile.channels.plugin import ChannelPlugin\nfrom resile.channels.terminal import Terminal\n"
        "from resile.ports.channel import ChannelKind\nOLD = 7\n"
        "KIND = ChannelKind(name='carrier_pigeon', title='Carrier pigeon', address_words='a loft')\n"
        "CHANNEL = ChannelPlugin(kind=KIND, open=lambda settings, surroundings: Terminal())\n"
    )
    (tmp_path / "acme_torn.py").write_text("raise ValueError('no licence')\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "acme_pages", raising=False)
    invalidate_caches()


def test_what_needs_no_settings_is_there_and_the_rest_once_it_is_set_up() -> None:
    bare = open_channels({}, clock=CLOCK)
    with_mail = open_channels({"email": EMAIL}, clock=CLOCK)

    assert {"ntfy", "terminal", "webhook"} <= set(bare)
    assert "email" not in bare
    assert "telegram" not in bare
    assert set(with_mail) - set(bare) == {"email"}


def test_every_kind_says_what_an_address_is() -> None:
    assert {"email", "ntfy", "telegram", "terminal", "webhook"} <= set(kinds())
    for name, kind in kinds().items():
        assert kind.name == name
        assert kind.title
        assert kind.address_words


def test_an_unknown_channel_is_named_with_what_comes_near() -> None:
    with pytest.raises(ConfigError, match=r"channels\.emial': there is no such channel; did you mean 'email'"):
        open_channels({"emial": EMAIL}, clock=CLOCK)


def test_settings_that_are_no_table_are_named() -> None:
    with pytest.raises(ConfigError, match=r"channels\.email' is no table"):
        open_channels({"email": "smtp"}, clock=CLOCK)  # type: ignore[dict-item]


def test_another_package_brings_channels_and_takes_no_name_of_ours(package: None) -> None:
    opened = open_channels({"carrier_pigeon": {}, "email": EMAIL}, clock=CLOCK)

    assert kinds()["carrier_pigeon"].title == "Carrier pigeon"
    assert isinstance(opened["carrier_pigeon"], Terminal)
    assert opened["email"].kind.title == "E-mail"


def test_a_broken_package_is_said_where_it_is_needed_and_holds_up_nobody_else(package: None) -> None:
    assert "terminal" in open_channels({}, clock=CLOCK)
    assert {"torn", "old"}.isdisjoint(kinds())
    with pytest.raises(ConfigError, match=r"channel 'torn' cannot be loaded \(no licence\)"):
        open_channels({"torn": {}}, clock=CLOCK)
    with pytest.raises(ConfigError, match="channel 'old' names no ChannelPlugin"):
        open_channels({"old": {}}, clock=CLOCK)


def test_settings_come_from_file_and_environment_and_secrets_are_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "resile.toml").write_text(
        'allowed_addresses = ["10.1.0.0/16"]\n[channels.email]\nhost = "smtp.example.org"\nport = 2525\n'
        'from = "resile@example.org"\nuser = "resile"\n'
    )
    # Of digits alone, and all the same no number.
    monkeypatch.setenv("RESILE_CHANNELS__EMAIL__PASSWORD", "0012345")
    monkeypatch.setenv("RESILE_CHANNELS__TELEGRAM__TOKEN", "1000:abc")

    settings = load_settings(data=tmp_path)
    opened = open_channels(settings.channels, allowed=settings.allowed_addresses, clock=CLOCK, key=lambda: b"k")

    assert settings.channels["email"]["password"] == "0012345"
    assert settings.channels["email"]["port"] == 2525
    assert {"email", "telegram"} <= set(opened)
    shown = f"{settings!r}{settings}{opened!r}{[vars(one) for one in opened.values()]}"
    assert "0012345" not in shown
    assert "1000:abc" not in shown


@pytest.mark.parametrize(
    "text", ["[channels]\nemail = 3", "channels = 3", "allowed_addresses = 3", "allowed_addresses = [3]"]
)
def test_settings_of_another_shape_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "resile.toml").write_text(text)

    with pytest.raises(ConfigError, match=r"setting '(channels|allowed_addresses)"):
        load_settings(data=tmp_path)


def test_the_terminal_rings_and_obeys_nothing_that_strangers_wrote() -> None:
    out = io.StringIO()

    handed = Terminal(out).send(page("-", title="down\x1b[2J\nfake", text="one\r\n\x1b]0;x\x07two"), timeout_s=1)

    told = out.getvalue()
    assert told.startswith("\aSEV1  down [2J fake\n  one\n  ")
    assert "\x1b" not in told
    assert "acknowledge: https://resile.example.org/answer/ack\n" in told
    assert handed.ref == page("-").id


def test_a_terminal_that_is_closed_refuses() -> None:
    out = io.StringIO()
    out.close()

    with pytest.raises(RefusedError, match="standard output is closed"):
        Terminal(out).send(page("-"), timeout_s=1)
    with pytest.raises(DeliveryError, match="standard output is closed"):
        Terminal(out).check(timeout_s=1)
    with pytest.raises(AccessError):
        Terminal(out).receipts({}, {}, b"", url="")
    with pytest.raises(ConfigError, match="write -"):
        Terminal(out).address("tty1")
    assert Terminal(out).address(" - ") == "-"
