"""Signed addresses in messages, by which whoever got one may answer it without logging in."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from itsdangerous import BadSignature, URLSafeSerializer
from msgspec import Struct

from resile.model.errors import AccessError
from resile.model.time import from_us, to_us

LASTS = timedelta(hours=24)
_SALT = "resile answer"


class Deed(StrEnum):
    """What a link lets its holder do, and nothing else."""

    ACKNOWLEDGE = "acknowledge"
    ESCALATE = "escalate"
    ACT = "act"  # either of both: for buttons that send a request of their own


class Leave(Struct, frozen=True, kw_only=True):
    """What a link says, its signature being right."""

    message_id: str
    deed: Deed
    expires_at: datetime


class Links:
    """Makes and reads them.

    Args:
        address: where people reach this resile: `https://resile.example.org`.
        key: the key of the data folder.
    """

    def __init__(self, address: str, key: Callable[[], bytes]) -> None:
        self._address = address.rstrip("/")
        self._key = key
        self._made: tuple[bytes, URLSafeSerializer] | None = None

    def incident(self, incident_id: str) -> str:
        """The page of an incident."""
        from urllib.parse import quote  # noqa: PLC0415 - loads with the first link

        return f"{self._address}/incidents/{quote(incident_id, safe='')}"

    def playbook(self, name: str) -> str:
        """The page of a playbook."""
        from urllib.parse import quote  # noqa: PLC0415 - as above

        return f"{self._address}/playbooks/{quote(name, safe='')}"

    def receipts(self, channel: str) -> str:
        """Where a channel's provider sends its receipts."""
        return f"{self._address}/receipts/{channel}"

    def to(self, message_id: str, deed: Deed, *, now: datetime) -> str:
        """The address by which the holder of a message may do that deed for a day."""
        path = "act" if deed is Deed.ACT else "answer"
        return f"{self._address}/{path}/{self.token(message_id, deed, now=now)}"

    def token(self, message_id: str, deed: Deed, *, now: datetime) -> str:
        """The part of the address that is signed."""
        return str(self._signer().dumps([message_id, deed.value, to_us(now + LASTS) // 1_000_000]))

    def read(self, token: str, *, now: datetime) -> Leave:
        """What a token lets do.

        Raises:
            AccessError: it is not ours, or too old.
        """
        try:
            message_id, deed, expires_s = self._signer().loads(token)
            leave = Leave(message_id=str(message_id), deed=Deed(deed), expires_at=from_us(int(expires_s) * 1_000_000))
        except (BadSignature, ValueError, TypeError):
            raise AccessError(
                "this link is not one of resile's, or was cut on its way; open the incident and acknowledge it there"
            ) from None
        if leave.expires_at <= now:
            raise AccessError(
                f"this link expired {leave.expires_at:%Y-%m-%d %H:%M} UTC; open the incident and acknowledge it there"
            )
        return leave

    def _signer(self) -> URLSafeSerializer:
        key = self._key()
        # Made once for a key; kept as one value, so that another thread sees the old one or the new one.
        made = self._made
        if made is None or made[0] != key:
            made = self._made = key, URLSafeSerializer(key, salt=_SALT)
        return made[1]
