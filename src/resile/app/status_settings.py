"""Settings of the public status page."""

import ipaddress
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from resile.model.errors import ConfigError
from resile.model.schedule import zone_of

MAX_URL = 2_000


class StatusSettings(BaseModel):
    """`[status]`: the page that tells customers how services do, on an address of its own.

    It shows nothing but what was published for customers, and so needs no accounts, whatever its host.

    Attributes:
        base_url: where the public reaches it, `https://status.example.org`; None: by host and port.
        title: whose page it is.
        about: a sentence beneath the title.
        zone: in which its days and times are.
        contact_url: where to ask for help; a link at its foot.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8322, ge=0, le=65535)
    base_url: str | None = Field(default=None, max_length=MAX_URL)
    title: str = Field(default="Status", min_length=1, max_length=100)
    about: str = Field(default="", max_length=500)
    zone: str = "UTC"
    contact_url: str | None = Field(default=None, max_length=MAX_URL)

    @field_validator("base_url")
    @classmethod
    def _is_of_the_web(cls, url: str | None) -> str | None:
        if url is not None and (not url.startswith(("https://", "http://")) or not _is_plain(url)):
            raise ValueError("write an address of the web, https://status.example.org")
        return None if url is None else url.rstrip("/")

    @field_validator("contact_url")
    @classmethod
    def _leads_to_help(cls, url: str | None) -> str | None:
        if url is not None and (not url.startswith(("https://", "http://", "mailto:")) or not _is_plain(url)):
            raise ValueError("write https://host/path or mailto:help@example.org")
        return url

    @field_validator("title")
    @classmethod
    def _is_one_line(cls, title: str) -> str:
        if not title.strip() or not title.isprintable():
            raise ValueError("write one line")
        return title.strip()

    @field_validator("zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            zone_of(name, subject="it")
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return name

    @property
    def address(self) -> str:
        """Where the public reaches it, as far as the settings tell."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url or f"http://{host}:{self.port}"

    @property
    def clock(self) -> ZoneInfo:
        """The zone."""
        return zone_of(self.zone, subject="status.zone")


def public_address(status: StatusSettings | None, base_url: str | None) -> str:
    """Where the links of subscribers lead; empty: nowhere.

    To the status page, unless nobody but this machine can tell where that is: the server answers them as well.

    Args:
        base_url: of the server.
    """
    if status is None:
        return base_url or ""
    is_known = status.base_url is not None or not (status.port == 0 or is_here_alone(status.host))
    return status.address if is_known else base_url or status.address


def is_here_alone(host: str) -> bool:
    """Whether a host means this machine, or whatever address it has."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    return address.is_loopback or address.is_unspecified


def _is_plain(url: str) -> bool:
    return url.isprintable() and " " not in url
