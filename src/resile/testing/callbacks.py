"""What a provider sends back to resile, signed as it signs, ready to be handed to a channel or to be posted."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct


class Callback(Struct, frozen=True, kw_only=True):
    """One of them.

    Attributes:
        url: whole, as the provider calls it.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        """What stands in the address behind the question mark."""
        return dict(parse_qsl(urlsplit(self.url).query))
