"""Addresses are shown so that whoever knows one recognises it, and nobody can use it."""

import pytest

from resile.model.message import shown_address


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("+15550100123", "…0123"),
        ("ann@example.org", "a…@example.org"),
        ("https://ntfy.sh/secret-topic?auth=x", "ntfy.sh/…"),
        ("https://hooks.slack.com/services/T000/B000/s3cret", "hooks.slack.com/…"),
        ("https://user:password@hooks.example.org/T0/B0/secret", "hooks.example.org/…"),
        ("https://hooks.example.org?key=secret", "hooks.example.org/…"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "tgram://…"),
        ("pover://uuuuuuuuuuuuuuuu@tttttttttttttttt", "pover://…"),
        ("slack://token-a/token-b/token-c/#ops", "slack://…"),
        ("https://[broken", "[broken/…"),
        ("#ops", "#ops"),
        ("@ann", "@ann"),
        ("-", "-"),
        ("my-secret-topic", "my…"),
        ("U012AB", "U0…"),
        ("", "…"),
    ],
)
def test_an_address_is_recognised_and_of_no_use(address: str, shown: str) -> None:
    assert shown_address(address) == shown
