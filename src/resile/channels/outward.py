"""Where messages may go that users typed an address for: into the world, not into our own network.

Whoever may enter an address could else have resile knock at doors that only this machine reaches. Every address that a
name leads to is looked at, and the one that was looked at is the one that is connected to.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from msgspec import Struct

from resile.channels.connection import is_number
from resile.model.errors import ConfigError
from resile.ports.channel import RefusedError

SETTING = "allowed_addresses"
_URL = re.compile(r"[!-\[\]-~]{1,2000}")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
PORTS = {"https": 443, "http": 80}
# IPv4 as gateways of networks without it write it.
_NAT64 = IPv6Network("64:ff9b::/96")
# Of the world by their number for some Pythons: the insides of Azure and of Oracle's cloud, IPv6 that is unpacked to
# any IPv4, and who unpacks it, what belongs to a site, and what stands in documentation.
_INSIDE: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("168.63.129.16/32"),
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("2002::/16"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("3fff::/20"),
    IPv6Network("fec0::/10"),
)


class Place(Struct, frozen=True, kw_only=True):
    """An address of the web, taken apart once: what was looked at is what is asked.

    Attributes:
        host: in small letters; of an IPv6 address without brackets.
        path: with the query.
    """

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        """The address as one would write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def place_of(url: str, subject: str = "the address") -> Place:
    """An address taken apart; of the address only `subject` is told in errors, as there may be a secret in it.

    Raises:
        ConfigError: it is none of the web.
    """
    url = url.strip()
    if not _URL.fullmatch(url):
        raise ConfigError(f"{subject} has signs that no address has, or too many; write https://host/path")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError(f"{subject} cannot be read; write https://host/path") from None
    # A dot at the end says that nothing is to be added to it.
    host = (parts.hostname or "").removesuffix(".")
    if parts.scheme not in PORTS:
        raise ConfigError(f"{subject} is neither https:// nor http://; write https://host/path")
    if "@" in parts.netloc:
        raise ConfigError(f"{subject} has a user or password before its host; leave them out")
    if not _HOST.fullmatch(host) and not is_number(host):
        raise ConfigError(f"{subject} names no host; write https://host/path")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(scheme=parts.scheme, host=host, port=PORTS[parts.scheme] if port is None else port, path=path)


class Outward:
    """The guard of what goes out to addresses that users typed.

    Args:
        allowed: networks, addresses and names of hosts that are inside our own network and may be reached.

    Raises:
        ConfigError: one of them is none of these.
    """

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._networks: list[IPv4Network | IPv6Network] = []
        self._hosts: set[str] = set()
        for one in allowed:
            try:
                self._networks.append(ip_network(one.strip()))
            except ValueError:
                host = one.strip().lower().removesuffix(".")
                if not _HOST.fullmatch(host) or re.fullmatch(r"[\d.]+", host):
                    raise ConfigError(
                        f"setting {SETTING!r}: {one[:100]!r} is no network, address or host; "
                        "write 10.1.0.0/16, 10.1.2.3 or hooks.example.org"
                    ) from None
                self._hosts.add(host)

    def check(self, url: str, subject: str = "the address") -> Place:
        """What an address says, as far as that can be told without asking for its name.

        Raises:
            ConfigError: it is no address of the web, or leads to a number inside our own network.
        """
        place = place_of(url, subject)
        if is_number(place.host) and not self._may_reach(place.host, place.host):
            raise ConfigError(_inside(place.host))
        return place

    def check_addresses(self, host: str, addresses: Sequence[str]) -> None:
        """Whether everything that a host's name leads to may be reached.

        Raises:
            RefusedError: something may not.
        """
        if not all(self._may_reach(host, address) for address in addresses):
            raise RefusedError(_inside(host), is_final=True)

    def _may_reach(self, host: str, address: str) -> bool:
        if host in self._hosts:
            return True
        number = _meant(ip_address(address))
        return _is_of_the_world(number) or any(number in network for network in self._networks)


def _meant(number: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address that is reached in the end: IPv4 may be written within IPv6, and gateways unpack it."""
    if isinstance(number, IPv6Address):
        if number.ipv4_mapped is not None:
            return number.ipv4_mapped
        if number in _NAT64:
            return IPv4Address(int(number) & 0xFFFF_FFFF)
    return number


def _is_of_the_world(number: IPv4Address | IPv6Address) -> bool:
    return number.is_global and not (
        number.is_multicast
        or number.is_reserved
        or number.is_link_local
        or number.is_loopback
        or number.is_private
        or number.is_unspecified
        or any(number in network for network in _INSIDE)
    )


def _inside(host: str) -> str:
    return f"{host} lies inside our own network, where messages do not go; if it is meant, add it to {SETTING!r}"
