"""Secrets of doors: made from the data folder's key and a salt, or given by the sender and sealed under that key."""

import hashlib
import hmac
import secrets

from resile.model.errors import ConfigError, StoreError

MIN_GIVEN, MAX_GIVEN = 16, 200
_NONCE = 12
_PURPOSE = b"resile sealed secret"


def derive(key: bytes, name: str, salt: bytes, n_digits: int) -> str:
    """The secret of a door: HMAC-SHA256 under the data folder's key, as RFC 5869 expands one key into many."""
    return hmac.new(key, b"resile door\0" + name.encode() + b"\0" + salt, hashlib.sha256).hexdigest()[:n_digits]


def check_given(secret: str) -> str:
    """A secret that the sender made, as it will do.

    Raises:
        ConfigError: it is too short to be one, too long, or not what a header can carry.
    """
    given = secret.strip()
    if not MIN_GIVEN <= len(given) <= MAX_GIVEN or not given.isascii() or not given.isprintable() or " " in given:
        raise ConfigError(
            f"the given secret will not do; it needs {MIN_GIVEN} to {MAX_GIVEN} letters, digits and signs, and no space"
        )
    return given


def seal(key: bytes, name: str, secret: str) -> bytes:
    """Encrypt a secret for the door of that name: AES-256-GCM, under a key of this purpose alone."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - loads with the first such door

    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(_sealing_key(key)).encrypt(nonce, secret.encode(), name.encode())


def unseal(key: bytes, name: str, sealed: bytes) -> str:
    """The secret again.

    Raises:
        StoreError: it was sealed under another key, for another door, or is damaged.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    try:
        return AESGCM(_sealing_key(key)).decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode()).decode()
    except (InvalidTag, ValueError):
        raise key_is_another(name) from None


def trial_mark(key: bytes, name: str, body: bytes) -> str:
    """What shows that whoever sends this body to that door may read the data folder, and means a test by it."""
    return hmac.new(key, b"resile test\0" + name.encode() + b"\0" + body, hashlib.sha256).hexdigest()


def key_is_another(name: str) -> StoreError:
    """The error on a door whose secret cannot be had any more."""
    return StoreError(
        f"door {name}: secret.key in the data folder is not the one with which it was made; "
        "put that one back from a backup, or remove the door and make it anew"
    )


def _sealing_key(key: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE, "sha256")
