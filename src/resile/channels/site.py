"""The address of a provider that an administrator may set: a secret goes along with what is asked there."""

from resile.channels.given import Given
from resile.channels.outward import place_of

_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})


def site(given: Given, name: str, default: str) -> str:
    """A provider's address without a slash at its end.

    Raises:
        ConfigError: it is none, or what is sent there could be overheard.
    """
    address = given.text(name, default).rstrip("/")
    place = place_of(address, f"setting {given.name(name)!r}")
    if place.scheme != "https" and place.host not in _THIS_MACHINE:
        raise given.error(name, "is not encrypted, and a secret goes along", "write https://")
    return address
