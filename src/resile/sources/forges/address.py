"""Which forge is meant, and what of it: `acme/shop`, `acme`, or an address."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from msgspec import Struct

from resile.model.errors import ConfigError

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?")
_PATH = re.compile(r"[\w.~-]{1,100}(?:/[\w.~-]{1,100}){0,20}", re.ASCII)


class Target(Struct, frozen=True, kw_only=True):
    """What is to be read.

    Attributes:
        site: of the forge, without a path: `https://github.com`.
        path: of a repository or of what holds several: `acme/shop`, `acme`.
        is_public: whether it is the forge's public host.
    """

    site: str
    path: str
    is_public: bool

    @property
    def host(self) -> str:
        """Name and port of the forge's host."""
        return urlsplit(self.site).netloc


def target_of(text: str, host: str | None, *, public_host: str, kind: str) -> Target:
    """What a user means by `acme/shop`, `acme`, or an address of the forge.

    Raises:
        ConfigError: it is none of these; two hosts are named; or anybody on the way could read what is asked and told.
    """
    text = text.strip()
    given = None if host is None else site_of(host)
    if "://" in text:
        parts = _split(text)
        site = site_of(f"{parts.scheme}://{parts.netloc}")
        if given not in (None, site):
            raise ConfigError(f"{text[:100]} and --host {host} name two hosts; leave one out")
        path = parts.path
    else:
        site, path = given or f"https://{public_host}", text
    path = path.strip("/").removesuffix(".git")
    if not _PATH.fullmatch(path) or any(part in {".", ".."} for part in path.split("/")):
        raise ConfigError(
            f"{text[:100]!r} names nothing that {kind} could hold; write acme/shop, acme for all of its repositories, "
            f"or an address such as {site}/acme/shop"
        )
    return Target(site=site, path=path, is_public=site == f"https://{public_host}")


def site_of(host: str) -> str:
    """A host as `https://git.acme.example`; http is left as it is where nobody else could listen.

    Raises:
        ConfigError: it is no host, or plain http beyond this machine.
    """
    parts = _split(host if "://" in host else f"https://{host}")
    # A name or password in an address would end up in logs and in the shell's history.
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(parts.netloc) or parts.path.strip("/"):
        shown = parts.netloc.rpartition("@")[2][:100]
        raise ConfigError(f"host {shown!r} cannot be used; write git.acme.example or https://git.acme.example")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ConfigError(
            f"http://{parts.netloc} would send the token and the answers in clear; use https://{parts.netloc}"
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"


def is_loopback(hostname: str) -> bool:
    """Whether it is this machine itself."""
    try:
        return ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost"


def _split(address: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - urllib's own
    try:
        return urlsplit(address)
    except ValueError:
        raise ConfigError(f"address {address.rpartition('@')[2][:100]!r} cannot be read; check it") from None
