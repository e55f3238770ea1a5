"""Messages for tests of channels."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from resile.model.message import MessageClass
from resile.model.severity import Severity
from resile.ports.channel import Outgoing

NOW = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
ID = "0123456789abcdef01234567"
BASE = "https://resile.example.org"


def page(address: str, **given: Any) -> Outgoing:
    """A page with everything that it may have."""
    told: dict[str, Any] = {
        "id": ID,
        "message_class": MessageClass.PAGE,
        "address": address,
        "title": "SEV1 shop: checkout fails",
        "text": "Checkout fails.\nYou are on call for payments.",
        "severity": Severity.SEV1,
        "incident_id": "inc-7",
        "person": "ann",
        "url": f"{BASE}/incidents/inc-7",
        "ack_url": f"{BASE}/answer/ack",
        "escalate_url": f"{BASE}/answer/esc",
        "act_url": f"{BASE}/act/both",
    }
    return Outgoing(**{**told, **given})


# What strangers may have written: line breaks of every kind, HTML, controls, halves of letters, encoded words of mail.
hostile = st.text(
    st.sampled_from(list("\r\n\0\x1b\x85\u2028\u202e<>&\"'\\{}%:;.")) | st.characters(), max_size=200
) | st.sampled_from(
    ["x\r\nBcc: all@example.org", "<script>alert(1)</script>", "\r\n.\r\nMAIL FROM:<x@y>", "\ud800", "{{ 7 * 7 }}",
     "=?utf-8?q?x=0D=0ABcc:_all@example.org?=", "=?utf-8?b?WA0KDQpC?= y", '"=?utf-8?q?x=0A?="']
)  # fmt: skip
