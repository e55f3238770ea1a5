"""Pages and events as JSON to an address, signed as https://www.standardwebhooks.com has it."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import SecretStr

from resile.channels.given import Given
from resile.channels.http_client import HttpClient, taken
from resile.channels.outward import place_of
from resile.channels.plugin import ChannelPlugin, Surroundings
from resile.channels.title import title_of
from resile.channels.words import cut
from resile.model.errors import AccessError, ConfigError
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt, RefusedError

KIND = ChannelKind(
    name="webhook",
    title="Webhook",
    address_words="an address of the web, https://hooks.example.org/resile",
    settings={
        "secret": "by which bodies to all hosts are signed, whsec_...; else each host has one of its own",
        "secrets": 'by which those to one host are, a table: "hooks.example.org" = "whsec_..."',
    },
)
_PREFIX = "whsec_"
_SECRET_BYTES = range(24, 65)
_MAX_TITLE = 500
_MAX_TEXT = 50_000
_JSON = "application/json"
_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}(?:; ?charset=utf-8)?")
_ID, _AT, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


class Webhook:
    """Posts to users' addresses.

    Args:
        secret: for hosts that `secrets` does not name; None: each has its own.
    """

    kind = KIND

    def __init__(self, surroundings: Surroundings, secret: SecretStr | None, secrets: Mapping[str, SecretStr]) -> None:
        self._surroundings = surroundings
        self._http: HttpClient = surroundings.http
        self._secret = secret
        self._secrets = secrets

    def address(self, text: str) -> str:
        """An address of the web outside our own network, or inside where the settings allow it."""
        return str(self._http.outward.check(text, "the webhook's address"))

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Post it; any 2xx is a receiver that took it."""
        body, content_type = _body_of(outgoing)
        headers = {"content-type": content_type, "idempotency-key": outgoing.id}
        headers |= self._signed(outgoing, body)
        answer = self._http.ask(
            "POST",
            outgoing.address,
            provider="the webhook",
            timeout_s=timeout_s,
            headers=headers,
            body=body,
            is_typed=True,
        )
        # What a receiver says of its reasons is not told: whoever may enter addresses would read it.
        taken(answer, "the webhook")
        return Handed(ref=outgoing.id)

    def secret_for(self, address: str) -> SecretStr | None:
        """The secret by which a receiver can tell that a body comes from here, `whsec_...`; None: none is used."""
        return self._secrets.get(place_of(address).host, self._secret) or self.secret_made_for(address)

    def secret_made_for(self, address: str) -> SecretStr | None:
        """The secret of an address's host that was made from the key; None: the settings name one, or no key is there.

        Raises:
            ConfigError: it is no address.
        """
        host = place_of(address).host
        if host in self._secrets or self._secret is not None:
            return None
        derived = self._surroundings.secret(f"webhook {host}")
        return None if derived is None else SecretStr(_PREFIX + base64.b64encode(derived).decode())

    def _signed(self, outgoing: Outgoing, body: bytes) -> dict[str, str]:
        at = str(int(self._surroundings.clock.now().timestamp()))
        headers = {_ID: outgoing.id, _AT: at}
        try:
            secret = self.secret_for(outgoing.address)
        except ConfigError as error:
            raise RefusedError(f"the webhook: {error}", is_final=True) from None
        if secret is not None:
            signature = hmac.digest(
                _key_of(secret), b".".join((outgoing.id.encode(), at.encode(), body)), hashlib.sha256
            )
            headers[_SIGNATURE] = f"v1,{base64.b64encode(signature).decode()}"
        return headers

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """None: a receiver answers by opening `ack_url`, or by a POST to `act_url`."""
        del headers, query, body, url
        raise AccessError("webhooks send no receipts; post to act_url instead")

    def check(self, *, timeout_s: float) -> None:
        """Nothing: there is no one place through which webhooks go."""
        del timeout_s


def _body_of(outgoing: Outgoing) -> tuple[bytes, str]:
    """The body, and what it is: an emitted event goes out as it was written."""
    if "body" in outgoing.extra:
        content_type = outgoing.extra.get("content_type", "")
        return outgoing.extra["body"].encode("utf-8", "replace"), content_type if _TYPE.fullmatch(
            content_type
        ) else _JSON
    told = {
        "id": outgoing.id,
        "type": outgoing.message_class.value,
        "title": title_of(outgoing, _MAX_TITLE),
        "text": cut(outgoing.text, _MAX_TEXT),
        "severity": outgoing.severity,
        "incident": outgoing.incident_id,
        "person": outgoing.person,
        "url": outgoing.url,
        "ack_url": outgoing.ack_url,
        "escalate_url": outgoing.escalate_url,
        "act_url": outgoing.act_url,
        "is_repeat": outgoing.is_repeat,
    }
    return msgspec.json.encode(told), _JSON


def _key_of(secret: SecretStr) -> bytes:
    return base64.b64decode(secret.get_secret_value().removeprefix(_PREFIX), validate=True)


def _checked(given: Given, name: str, secret: SecretStr) -> SecretStr:
    try:
        is_fit = secret.get_secret_value().startswith(_PREFIX) and len(_key_of(secret)) in _SECRET_BYTES
    except (binascii.Error, ValueError):
        is_fit = False
    if not is_fit:
        raise given.error(name, "is no secret of a webhook", "write whsec_ and 24 to 64 random bytes in base64")
    return secret


def _open(settings: Mapping[str, Any], surroundings: Surroundings) -> Webhook:
    given = Given(KIND, settings)
    secret = given.secret("secret")
    secrets = {
        host.lower(): _checked(given, f"secrets.{host}", SecretStr(text))
        for host, text in given.table("secrets").items()
    }
    return Webhook(surroundings, None if secret is None else _checked(given, "secret", secret), secrets)


CHANNEL = ChannelPlugin(kind=KIND, open=_open, works_unset=True)
