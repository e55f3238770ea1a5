import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from apprise.manager_plugins import NotificationManager
from apprise.plugins.base import NotifyBase

from resile.channels.apprise import MAX_UNDER_WAY, AppriseChannel
from resile.channels.registry import kinds
from resile.model.errors import AccessError, ConfigError
from resile.ports.channel import RefusedError, UncertainError
from resile.testing.loopback_http import Fault, LoopbackHttp, Reply
from tests.channels.messages import BASE
from tests.channels.pages import HOSTILE, opened, page

SECRET = "secret-of-a-service"


@pytest.fixture
def provider() -> Iterator[LoopbackHttp]:
    with LoopbackHttp() as provider:
        yield provider


@pytest.fixture
def channel() -> AppriseChannel:
    opened_one = opened("apprise", {"schemes": "json, jsons"})
    assert isinstance(opened_one, AppriseChannel)
    return opened_one


class Odd(NotifyBase):
    """A plug-in that does what its address says."""

    service_name = "Odd"
    secure_protocol = "odd"
    templates = ("{schema}://{token}",)
    hangs = threading.Event()

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)

    def url(self, *_: object, **__: object) -> str:
        return "odd://"

    def send(self, *_: object, **__: object) -> bool:
        if self.host == "raises":
            raise ValueError(f"odd://{SECRET}")
        if self.host == "hangs":
            self.hangs.wait(20)
        return True


@pytest.fixture
def odd() -> Iterator[type[Odd]]:
    Odd.hangs = threading.Event()
    plugins = NotificationManager()
    plugins.add(Odd, schemas="odd")
    yield Odd
    Odd.hangs.set()
    plugins.remove("odd")


def address(provider: LoopbackHttp) -> str:
    return provider.address.replace("http://", f"json://ann:{SECRET}@") + "/"


def test_a_message_goes_out_with_its_links(provider: LoopbackHttp, channel: AppriseChannel) -> None:
    handed = channel.send(page(channel.address(address(provider))), timeout_s=10)

    (request,) = provider.requests
    told = request.json()
    assert told["title"] == "checkout: error rate is 4 %"
    assert told["message"] == (
        "SEV2. HighErrorRate fires on shop-3 since 05:06.\n\n"
        f"Acknowledge: {BASE}/answer/acknowledge-token\nOpen: {BASE}/incidents/inc-7\n"
        f"Escalate: {BASE}/answer/escalate-token"
    )
    assert handed.receipt_within is None


def test_mentions_and_links_of_strangers_are_broken(provider: LoopbackHttp, channel: AppriseChannel) -> None:
    channel.send(page(address(provider), title=HOSTILE, text=f"{HOSTILE} @everyone"), timeout_s=10)

    told = provider.requests[0].json()
    for part in (told["title"], told["message"]):
        assert not any(mark in part for mark in ("<!", "<@", "](", "@everyone"))


def test_a_long_text_is_cut_and_the_links_stay_whole(provider: LoopbackHttp, channel: AppriseChannel) -> None:
    channel.send(page(address(provider), text="x" * 100_000), timeout_s=10)

    message = provider.requests[0].json()["message"]
    assert len(message) < 33_000
    assert message.endswith(f"Escalate: {BASE}/answer/escalate-token")


def test_what_a_service_refuses_is_refused(provider: LoopbackHttp, channel: AppriseChannel) -> None:
    provider.fails = [Reply(status=400)]

    with pytest.raises(RefusedError) as caught:
        channel.send(page(address(provider)), timeout_s=10)

    assert not caught.value.is_final
    assert SECRET not in str(caught.value)


def test_a_redirect_is_not_followed(provider: LoopbackHttp, channel: AppriseChannel) -> None:
    provider.fails = [Reply(status=307, headers={"location": f"{provider.address}/inside"})]

    with pytest.raises(RefusedError):
        channel.send(page(address(provider)), timeout_s=10)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("fault", [Fault.DROPS, Fault.TALKS_NONSENSE])
def test_a_connection_that_breaks_off_is_uncertain(
    provider: LoopbackHttp, channel: AppriseChannel, fault: Fault, capfd: pytest.CaptureFixture[str]
) -> None:
    provider.fails = [fault]

    with pytest.raises(UncertainError) as caught:
        channel.send(page(address(provider)), timeout_s=10)

    assert SECRET not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_plug_in_that_hangs_is_left_behind(provider: LoopbackHttp, channel: AppriseChannel) -> None:
    provider.fails = [Fault.HANGS]

    with pytest.raises(UncertainError, match=r"did not end within 0\.3 s"):
        channel.send(page(address(provider)), timeout_s=0.3)


def test_no_more_than_so_many_are_left_behind(odd: type[Odd], channel: AppriseChannel) -> None:
    for _ in range(MAX_UNDER_WAY):
        with pytest.raises(UncertainError):
            channel.send(page("odd://hangs"), timeout_s=0.01)

    with pytest.raises(RefusedError, match="hang"):
        channel.send(page("odd://hangs"), timeout_s=0.01)

    odd.hangs.set()
    threads = [thread for thread in threading.enumerate() if thread.name == "apprise"]
    for thread in threads:
        thread.join(20)
    channel.send(page("odd://works"), timeout_s=10)


def test_a_plug_in_that_fails_leaves_it_open_and_says_no_secret(odd: type[Odd], channel: AppriseChannel) -> None:
    with pytest.raises(UncertainError, match="ValueError") as caught:
        channel.send(page("odd://raises"), timeout_s=10)

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "pover://uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@tttttttttttttttttttttttttttttt",
    ],
)
def test_urls_of_fixed_providers_are_addresses(text: str) -> None:
    channel = opened("apprise", {})

    assert channel.address(f" {text} ") == text


@pytest.mark.parametrize(
    "text",
    [
        "json://127.0.0.1/", "xml://10.0.0.1/", "forms://intranet/", "gotify://10.0.0.1/token", "ntfys://10.0.0.1/topic",
        "mailto://user:pass@10.0.0.1", "mqtt://127.0.0.1/topic", "apprise://127.0.0.1/token", "rsyslog://127.0.0.1",
        "syslog://", "dbus://", "gnome://", "windows://", "macosx://", "vapid://ann@example.org/ann", "workflows://10.0.0.1/a/b",
        "zulip://bot@x.y%40127.0.0.1%3A8080%2F/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "nostr://1111111111111111111111111111111111111111111111111111111111111111/a@b.example?relay=ws://127.0.0.1:8080",
        "bluesky://ann.evil.example@app-password", "bsky://ann.evil.example@app-password",
    ],
)  # fmt: skip
def test_urls_that_lead_anywhere_must_be_allowed(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        opened("apprise", {}).address(text)

    assert "schemes" in str(caught.value) or "knows no" in str(caught.value)


def test_an_address_that_is_no_longer_allowed_is_not_sent_to(provider: LoopbackHttp) -> None:
    with pytest.raises(RefusedError, match="schemes") as caught:
        opened("apprise", {}).send(page(address(provider)), timeout_s=10)

    assert caught.value.is_final
    assert provider.requests == []


@pytest.mark.parametrize(
    "more", ["template=/etc/passwd", "TEMPLATE=x", "keyfile=https://evil.example/", "redirect=yes"]
)
def test_urls_that_have_a_file_read_are_refused(more: str) -> None:
    with pytest.raises(ConfigError, match="file"):
        opened("apprise", {}).address(f"slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?{more}")


@pytest.mark.parametrize("text", ["", "ann", "://", "tgram:// a", "nosuch://token", "tgram://", "é://x", "x" * 3_000])
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(ConfigError):
        opened("apprise", {}).address(text)


def test_apprise_tells_nothing_later_and_logs_nothing(channel: AppriseChannel) -> None:
    channel.check(timeout_s=1)
    with pytest.raises(AccessError):
        channel.receipts({}, {}, b"", url="")
    assert logging.getLogger("apprise").propagate is False


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise.manager_plugins", None)

    with pytest.raises(ConfigError, match=r"resile\[apprise\]"):
        opened("apprise", {})
    assert "apprise" in kinds()
