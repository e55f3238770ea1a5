"""Whatever somebody types as an address: it is refused, or is one that a message can be written to."""

from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.channels.email import Email
from resile.channels.registry import kinds, open_channels
from resile.model.errors import ConfigError
from resile.ports.channel import Channel
from resile.testing.simulated_clock import SimulatedClock
from tests.channels.messages import NOW, hostile, page

SETTINGS = {
    "email": {"host": "smtp.example.org", "from": "Résile <resile@example.org>"},
    "telegram": {"token": "1:a"},
}
OPENED: dict[str, Channel] = open_channels(SETTINGS, clock=SimulatedClock(NOW), key=lambda: b"k")
OURS = ["email", "ntfy", "telegram", "terminal", "webhook"]
typed = (
    hostile
    | st.text("ab.@-_:/0189[]%?#é\n ", max_size=40)
    | st.from_regex(r"[a-z.'+-]{1,8}@[a-z.-]{1,12}", fullmatch=True)
    | st.from_regex(r"https?://[a-z0-9.:\[\]@%-]{1,20}(/[a-z?#]{0,5})?", fullmatch=True)
)


@pytest.mark.parametrize("name", OURS)
@given(text=typed)
@settings(deadline=None, max_examples=300)
def test_what_is_taken_for_an_address_stays_the_same_address(name: str, text: str) -> None:
    channel = OPENED[name]
    try:
        address = channel.address(text)
    except ConfigError:
        return

    assert channel.address(address) == address
    assert address.isprintable()
    if isinstance(channel, Email):
        assert channel.written(page(address), address).as_bytes(policy=SMTP)


@pytest.mark.parametrize("name", OURS)
def test_what_is_not_set_up_is_known_all_the_same(name: str) -> None:
    assert kinds()[name] == OPENED[name].kind
