"""How Slack signs what it sends, and whether this is signed so."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from pydantic import SecretStr

from resile.model.errors import AccessError
from resile.model.time import to_us

# An older request is somebody's who repeats what he overheard.
MAX_AGE_S = 300
_MAX_DIGITS = 12


def signature(secret: str, told_at: str, body: bytes) -> str:
    """How Slack signs what it sends: HMAC-SHA256 over version, time and body."""
    return "v0=" + hmac.new(secret.encode(), b"v0:%s:%s" % (told_at.encode(), body), hashlib.sha256).hexdigest()


def check_signature(
    secret: SecretStr | None, headers: Mapping[str, str], body: bytes, *, now: datetime, setting: str
) -> None:
    """Let pass what the app's Slack signed within the last minutes.

    Args:
        headers: names in small letters.
        setting: where the secret stands.

    Raises:
        AccessError: somebody else speaks, or repeats what he overheard.
    """
    if secret is None:
        raise AccessError(f"Slack's answers are not taken here; set {setting}")
    told_at, given = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    wanted = signature(secret.get_secret_value(), told_at, body)
    if not hmac.compare_digest(wanted.encode(), given.encode()):
        raise AccessError(f"this is not signed by the Slack app; check {setting}")
    if not told_at.isascii() or not told_at.isdigit() or len(told_at) > _MAX_DIGITS:
        raise AccessError("the time at which Slack signed this cannot be read")
    if abs(to_us(now) // 1_000_000 - int(told_at)) > MAX_AGE_S:
        raise AccessError("Slack signed this more than 5 minutes ago, or the clocks differ; check the server's clock")
