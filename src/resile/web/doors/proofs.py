"""How senders show that they know a secret: by a signature over the raw body, or by the secret itself."""

import hmac
from base64 import b64decode
from collections.abc import Callable, Mapping

# Header names in lower case; a sender that repeats one is read by its last.
Headers = Mapping[str, str]
# Whether headers and raw body show that the sender knows the secret; compared in constant time.
Proof = Callable[[str, Headers, bytes], bool]
# A header with more signatures than this is no sender's.
_MAX_SIGNATURES = 8


def is_same_secret(given: str, right: str) -> bool:
    """Whether they are the same; takes as long whether they nearly are or not at all."""
    return hmac.compare_digest(given.encode(), right.encode())


def signature_of(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of the raw body, hexadecimal."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


def is_signed(secret: str, headers: Headers, body: bytes) -> bool:
    """As GitHub signs: `X-Hub-Signature-256: sha256=…`."""
    kind, _, given = headers.get("x-hub-signature-256", "").partition("=")
    return kind == "sha256" and is_same_secret(given.lower(), signature_of(secret, body))


def has_gitlab_token(secret: str, headers: Headers, body: bytes) -> bool:
    """`X-Gitlab-Token: …`."""
    del body
    return is_same_secret(headers.get("x-gitlab-token", ""), secret)


def is_authorized(secret: str, headers: Headers, body: bytes) -> bool:
    """`Authorization: Bearer SECRET`, or Basic with the secret as password, whatever the user's name."""
    del body
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return is_same_secret(given.strip(), secret)
    return kind.lower() == "basic" and is_same_secret(_password(given.strip()), secret)


def _password(given: str) -> str:
    try:
        return b64decode(given, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def is_authorized_or_signed(secret: str, headers: Headers, body: bytes) -> bool:
    """Either way."""
    return is_authorized(secret, headers, body) or is_signed(secret, headers, body)


def is_of_grafana(secret: str, headers: Headers, body: bytes) -> bool:
    """By authorization, or by Grafana's own signature: over `TIMESTAMP:BODY` where it tells a time, else the body."""
    if is_authorized(secret, headers, body):
        return True
    given = headers.get("x-grafana-alerting-signature", "")
    told_at = headers.get("x-grafana-alerting-timestamp")
    signed = body if told_at is None else told_at.encode() + b":" + body
    return is_same_secret(given.lower(), signature_of(secret, signed))


def is_of_pagerduty(secret: str, headers: Headers, body: bytes) -> bool:
    """`X-PagerDuty-Signature: v1=…,v1=…`: one for each secret that is good while PagerDuty changes it."""
    given = headers.get("x-pagerduty-signature", "").split(",", _MAX_SIGNATURES)[:_MAX_SIGNATURES]
    right = f"v1={signature_of(secret, body)}"
    return any([is_same_secret(one.strip().lower(), right) for one in given])  # noqa: C419 - all take the same time


def is_of_sentry(secret: str, headers: Headers, body: bytes) -> bool:
    """`Sentry-Hook-Signature: …`, under the client secret of the integration."""
    return is_same_secret(headers.get("sentry-hook-signature", "").lower(), signature_of(secret, body))


def genie_key(headers: Headers) -> str | None:
    """`Authorization: GenieKey …`."""
    kind, _, given = headers.get("authorization", "").partition(" ")
    return given.strip() if kind.lower() == "geniekey" else None


# Where the address carries the secret, the front puts it under this name, which no header can have.
ADDRESS_SECRET = ":secret"  # noqa: S105 - a name


def is_in_address(secret: str, headers: Headers, body: bytes) -> bool:
    """The address held the secret; or it is in a header, from senders that can."""
    given = headers.get(ADDRESS_SECRET)
    return is_authorized(secret, headers, body) if given is None else is_same_secret(given, secret)
