"""Settings of what resile does by itself once nothing happens in an incident any more."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, field_validator

from resile.model.document import length_of
from resile.model.errors import ConfigError
from resile.model.severity import Severity
from resile.model.time import DAY, MINUTE
from resile.response.ending import EndingLengths

NEVER = "never"
_LONGEST = 365 * DAY


class QuietSettings(BaseModel):
    """`[quiet]`: lengths such as `30m` or `3d`, or `never`.

    Attributes:
        ask_after: since an incident was mitigated, until people are asked whether it is restored; ask_after_of: for
            some severities: `{SEV1 = "10m"}`.
        close_after: since it was restored, until it is closed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ask_after: str = "30m"
    ask_after_of: dict[Severity, str] = Field(default={}, max_length=len(Severity))
    close_after: str = "3d"

    @field_validator("ask_after", "close_after")
    @classmethod
    def _is_a_length(cls, said: str) -> str:
        return _checked(said)

    @field_validator("ask_after_of")
    @classmethod
    def _are_lengths(cls, said: dict[Severity, str]) -> dict[Severity, str]:
        return {severity: _checked(one) for severity, one in said.items()}

    @property
    def lengths(self) -> EndingLengths:
        """The same as lengths of time."""
        return EndingLengths(
            ask_after=_length(self.ask_after),
            ask_after_of={severity: _length(said) for severity, said in self.ask_after_of.items()},
            close_after=_length(self.close_after),
        )


def _length(said: str) -> timedelta | None:
    return None if said.strip().lower() == NEVER else length_of(said, "it", least=MINUTE, most=_LONGEST)


def _checked(said: str) -> str:
    try:
        _length(said)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return said
