"""Settings of what goes out of resile by itself: the heartbeat, and events for other systems."""

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from resile.model.audience import Audience
from resile.model.document import length_of
from resile.model.errors import ConfigError
from resile.model.severity import Severity
from resile.model.time import DAY, MINUTE, WEEK

_SHORTEST = timedelta(seconds=5)
MAX_URL = 2_000
Emitted = Literal["declared", "acknowledged", "escalated", "nobody_reachable", "restored", "reopened", "closed"]


class HeartbeatSettings(BaseModel):
    """`[heartbeat]`: an address that is called as long as everything goes on.

    Attributes:
        every: `1m`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    # There is often a secret in it.
    url: str = Field(min_length=8, max_length=MAX_URL, repr=False)
    every: str = "1m"

    @field_validator("url")
    @classmethod
    def _is_of_the_web(cls, url: str) -> str:
        return _checked(url)

    @field_validator("every")
    @classmethod
    def _is_a_length(cls, every: str) -> str:
        _length(every)
        return every

    @property
    def apart(self) -> timedelta:
        """How far its calls lie apart."""
        return _length(self.every)


class EmitSettings(BaseModel):
    """One `[[emit]]`: another system that hears of incidents.

    Attributes:
        events: those that it hears of; empty: all. CDEvents have words for some of them alone.
        environment: where the services run, for CDEvents, unless an incident's label `environment` says so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: str = Field(min_length=8, max_length=MAX_URL, repr=False)
    kind: Literal["cdevents", "webhook"] = "webhook"
    events: list[Emitted] = []
    environment: str = Field(default="production", min_length=1, max_length=200)

    @field_validator("url")
    @classmethod
    def _is_of_the_web(cls, url: str) -> str:
        return _checked(url)


class UpdateSettings(BaseModel):
    """One `[[updates]]`: how an audience is told of incidents of some severities. The first that fits counts.

    Attributes:
        severities: empty: all.
        agree: how many people who did not write a draft have to agree before it is sent.
        every: when the next update is promised, `30m`; `off`: none is.
        people: of the catalog, to whom it is sent besides.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    audience: Audience
    severities: list[Severity] = []
    agree: int = Field(default=0, ge=0, le=5)
    every: str | None = None
    people: list[str] = Field(default=[], max_length=50)

    @field_validator("every")
    @classmethod
    def _is_a_length(cls, every: str | None) -> str | None:
        if every not in {None, "off"}:
            try:
                length_of(every or "", "every", least=MINUTE, most=WEEK)
            except ConfigError as error:
                raise ValueError(str(error)) from None
        return every


def _checked(url: str) -> str:
    url = url.strip()
    if not url.startswith(("https://", "http://")) or not url.isprintable() or " " in url:
        raise ValueError("write an address of the web, https://host/path")
    return url


def _length(every: str) -> timedelta:
    try:
        return length_of(every, "every", least=_SHORTEST, most=DAY)
    except ConfigError as error:
        raise ValueError(str(error)) from None
