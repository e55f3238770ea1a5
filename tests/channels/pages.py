"""What tests of chat, SMS and calls send, and how their channels are opened."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from resile.channels.registry import open_channels
from resile.model.severity import Severity
from resile.ports.channel import Channel, Outgoing
from resile.testing.simulated_clock import SimulatedClock
from tests.channels.messages import BASE, NOW
from tests.channels.messages import page as any_page

HOSTILE = (
    'down <!channel> <@U1> <https://evil.example|click> & "quoted" </Say><Hangup/> [x](https://evil.example) @here'
)
# Whatever a monitoring system may put into a title: signs that something obeys, and any other.
TEXTS = st.one_of(
    st.text(max_size=300),
    st.text(alphabet=list("<>&!@#|\"'[](){}\\/*_~`:;=%$ \n\t\r\x00\x1b\u202e\ufffeaé🔥"), max_size=300),
)


def page(address: str, **more: Any) -> Outgoing:
    """A page that can be answered, of a resile that providers reach."""
    told = {
        "title": "checkout: error rate is 4 %",
        "text": "HighErrorRate fires on shop-3 since 05:06.",
        "severity": Severity.SEV2,
        "ack_url": f"{BASE}/answer/acknowledge-token",
        "escalate_url": f"{BASE}/answer/escalate-token",
        "receipt_url": f"{BASE}/receipts/any",
    }
    return any_page(address, **{**told, **more})


def opened(name: str, settings: Mapping[str, Any], *, allowed: tuple[str, ...] = ()) -> Channel:
    """A channel, opened as the program opens it."""
    return open_channels({name: settings}, clock=SimulatedClock(NOW), allowed=allowed)[name]
