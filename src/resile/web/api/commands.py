"""The bodies that declare an incident or carry one through, checked at the border."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import UNSET
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from resile.model import lifecycle
from resile.model.event import Exclusion
from resile.model.incident import InstantName
from resile.model.severity import parse_severity
from resile.model.time import EARLIEST, LATEST

MAX_ITEMS = 100


def _written(at: object) -> object:
    # A bare number would be taken for seconds, or for milliseconds, since 1970: a guess.
    if not isinstance(at, str):
        raise ValueError("is no text; write it as 2024-01-31T08:30:00Z")  # noqa: TRY004 - pydantic takes ValueError
    return at


def _in_reach(at: datetime) -> datetime:
    if not EARLIEST <= at <= LATEST:
        raise ValueError(f"lies outside {EARLIEST.year} to {LATEST.year}")
    return at.astimezone(UTC)


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds a NUL character; leave it out")
    return text


_Words = StringConstraints(strip_whitespace=True, min_length=1, max_length=500)
_Paragraphs = StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)
Words = Annotated[str, _Words, AfterValidator(_without_nul)]
Paragraphs = Annotated[str, _Paragraphs, AfterValidator(_without_nul)]
At = Annotated[
    AwareDatetime,
    BeforeValidator(_written),
    AfterValidator(_in_reach),
    Field(description="RFC 3339 with an offset; not in the future."),
]
Services = Annotated[tuple[Words, ...], Field(max_length=MAX_ITEMS)]
Labels = Annotated[dict[Words, Words], Field(max_length=MAX_ITEMS)]
ChangedLabels = Annotated[dict[Words, Words | None], Field(max_length=MAX_ITEMS)]
PictureId = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
SeverityName = Annotated[str, StringConstraints(max_length=50), Field(examples=["SEV2", "critical"])]


class Body(BaseModel):
    """What every body has in common: unknown fields are refused, for they would be lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DeclareBody(Body):
    """Say that there is an incident; it counts as detected at `at`, or now."""

    title: Words
    severity: SeverityName | None = None
    services: Services = ()
    team: Words | None = None
    labels: Labels = {}
    exclusion: Exclusion | None = None
    at: At | None = None

    def command(self) -> lifecycle.Declare:
        """The command that it stands for."""
        return lifecycle.Declare(
            title=self.title,
            severity=None if self.severity is None else parse_severity(self.severity),
            services=self.services,
            team=self.team,
            labels=self.labels,
            exclusion=self.exclusion,
        )


class CommandBody(Body):
    """What every command has: when it happened, if not now."""

    at: At | None = None


class ReachBody(CommandBody):
    """Say that an instant was reached; `text` is the cause for identify, and who for acknowledge."""

    command: Literal["impact_began", "detect", "acknowledge", "identify", "mitigate", "restore", "close"]
    text: Words | None = None

    def to_command(self) -> lifecycle.Command:
        """The command that it stands for."""
        return lifecycle.Reach(_INSTANTS[self.command], self.text)


_INSTANTS = {
    "impact_began": InstantName.IMPACT_BEGAN,
    "detect": InstantName.DETECTED,
    "acknowledge": InstantName.ACKNOWLEDGED,
    "identify": InstantName.IDENTIFIED,
    "mitigate": InstantName.MITIGATED,
    "restore": InstantName.RESTORED,
    "close": InstantName.CLOSED,
}


class ReopenBody(CommandBody):
    """Say that it was not over."""

    command: Literal["reopen"]
    reason: Words | None = None

    def to_command(self) -> lifecycle.Command:
        """The command that it stands for."""
        return lifecycle.Reopen(self.reason)


class SeverityBody(CommandBody):
    """Say that it is worse or less bad."""

    command: Literal["severity"]
    severity: SeverityName

    def to_command(self) -> lifecycle.Command:
        """The command that it stands for."""
        return lifecycle.ChangeSeverity(parse_severity(self.severity))


class DescribeBody(CommandBody):
    """Give it other words; what is left out stays, a label that is null goes."""

    command: Literal["describe"]
    title: Words | None = None
    services: Services | None = None
    team: Words | None = None
    labels: ChangedLabels = {}

    def to_command(self) -> lifecycle.Command:
        """The command that it stands for."""
        return lifecycle.Describe(
            title=UNSET if self.title is None else self.title,
            services=UNSET if self.services is None else self.services,
            team=self.team if "team" in self.model_fields_set else UNSET,
            labels=self.labels,
        )


class MarkBody(CommandBody):
    """Count it out of every measure; null counts it in again."""

    command: Literal["mark"]
    exclusion: Exclusion | None
    reason: Words | None = None

    def to_command(self) -> lifecycle.Command:
        """The command that it stands for."""
        return lifecycle.Mark(self.exclusion, self.reason)


class MergeBody(CommandBody):
    """Say that it is the same trouble as another incident; null: not so after all."""

    command: Literal["merge"]
    into: Words | None

    def to_command(self) -> lifecycle.Command:
        """The command that it stands for."""
        return lifecycle.Merge(self.into)


class NoteBody(CommandBody):
    """Write something down, in Markdown; `![](picture:ID)` shows a picture of the incident."""

    command: Literal["note"]
    text: Paragraphs
    pictures: Annotated[tuple[PictureId, ...], Field(max_length=lifecycle.MAX_PICTURES)] = ()

    def to_command(self) -> lifecycle.Command:
        """The command that it stands for."""
        return lifecycle.Note(self.text, self.pictures)


class UpdateBody(CommandBody):
    """Record a status update that was published."""

    command: Literal["update"]
    text: Paragraphs
    status: Words | None = None

    def to_command(self) -> lifecycle.Command:
        """The command that it stands for."""
        return lifecycle.Publish(self.text, self.status)


class CorrectBody(CommandBody):
    """Say that the event of that id happened at `to` instead, and why; null: not at all."""

    command: Literal["correct"]
    event_id: Words
    to: At | None
    reason: Words

    def to_command(self) -> lifecycle.Command:
        """The command that it stands for."""
        return lifecycle.Correct(self.event_id, self.to, self.reason)


AnyCommand = Annotated[
    ReachBody | ReopenBody | SeverityBody | DescribeBody | MarkBody | MergeBody | NoteBody | UpdateBody | CorrectBody,
    Field(discriminator="command"),
]
