"""Settings of incidents' rooms in chat programs: `[chat.slack]` and `[chat.teams]`. Without them there are none."""

import string
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from resile.model.errors import ConfigError
from resile.model.paging_documents import target_of
from resile.model.policy import Target
from resile.model.severity import Severity

NAME_FIELDS = ("number", "id", "title", "severity", "service", "date")
_MAX_NAMES = 200
_WEB = ("https://", "http://")
_GUID = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"


class WhichIncidents(BaseModel):
    """Which incidents a chat program hears of.

    Attributes:
        severities: of one of these; without a severity none is.
        services, teams: of one of these; empty: of any.
        labels: with all of these.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    severities: list[Severity] = [Severity.SEV1, Severity.SEV2]
    services: list[str] = Field(default=[], max_length=_MAX_NAMES)
    teams: list[str] = Field(default=[], max_length=_MAX_NAMES)
    labels: dict[str, str] = {}


def names_each_incident(name: str) -> str:
    """Let pass a pattern by which no two incidents are called alike."""
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(name) if field is not None]
    except ValueError:
        raise ValueError("holds a brace that is not closed; write inc-{number}-{title}") from None
    unknown = next((one for one in fields if one not in NAME_FIELDS), None)
    if unknown is not None:
        there_are = ", ".join(f"{{{one}}}" for one in NAME_FIELDS)
        raise ValueError(f"holds {{{unknown[:40]}}}, which is not known; there are {there_are}")
    if not {"number", "id"} & set(fields):
        raise ValueError("would call several incidents alike; write {number} or {id} into it")
    return name


def are_targets(invite: list[str]) -> list[str]:
    """Let pass what names people, schedules and teams."""
    try:
        targets_of(invite)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return invite


def is_encrypted(address: str) -> str:
    """Let pass a place to which a secret may go; without a slash at its end."""
    address = address.rstrip("/")
    is_near = address.startswith(("http://127.0.0.1:", "http://[::1]:", "http://localhost:"))
    if not address.startswith("https://") and not is_near:
        raise ValueError("is not encrypted, and a secret goes along; write https://")
    return address


class SlackRoomSettings(WhichIncidents):
    """`[chat.slack]`: a channel for each incident.

    Attributes:
        token, signing_secret: of the app; where they are missing, those of `[channels.slack]`.
        user_token: of a person, xoxp-...; Slack lets no bot take a channel out of the archive.
        name: how channels are called.
        is_private: whether only those who are invited see it; `private` in the file.
        invite: who is invited besides those who were paged, answered or have a role.
        most_an_hour: more channels than that are not made within an hour.
        command: as the app's manifest calls it.
        api, hooks: where Slack is.
    """

    token: SecretStr | None = None
    signing_secret: SecretStr | None = None
    user_token: SecretStr | None = None
    name: str = Field(default="inc-{number}-{title}", min_length=1, max_length=80)
    is_private: bool = Field(default=False, alias="private")
    invite: list[str] = Field(default=[], max_length=_MAX_NAMES)
    most_an_hour: int = Field(default=20, ge=1, le=1_000)
    command: str = Field(default="/resile", pattern=r"^/[a-z0-9_-]{1,31}$")
    api: str = "https://slack.com/api"
    hooks: str = "https://hooks.slack.com"

    _name = field_validator("name")(names_each_incident)
    _invite = field_validator("invite")(are_targets)
    _places = field_validator("api", "hooks")(is_encrypted)


class TeamsAppSettings(BaseModel):
    """`[chat.teams.app]`: an app at Microsoft, by which each incident has a channel of its own in one team.

    Attributes:
        tenant: the organisation's id.
        client_id, client_secret: of the app, which is the bot's as well.
        team: the id of the team's group, in which channels are made.
        name: how channels are called.
        invite: who is made a member of the team besides those who were paged, answered or have a role.
        most_an_hour: more channels than that are not made by themselves within an hour.
        login, graph, connector, keys: where Microsoft is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    tenant: str = Field(pattern=_GUID)
    client_id: str = Field(pattern=_GUID)
    client_secret: SecretStr = Field(min_length=1)
    team: str = Field(pattern=_GUID)
    name: str = Field(default="inc-{number}-{title}", min_length=1, max_length=50)
    invite: list[str] = Field(default=[], max_length=_MAX_NAMES)
    most_an_hour: int = Field(default=20, ge=1, le=1_000)
    login: str = "https://login.microsoftonline.com"
    graph: str = "https://graph.microsoft.com"
    connector: str = "https://smba.trafficmanager.net/teams"
    keys: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"

    _name = field_validator("name")(names_each_incident)
    _invite = field_validator("invite")(are_targets)
    _places = field_validator("login", "graph", "connector", "keys")(is_encrypted)


class TeamsRoomSettings(WhichIncidents):
    """`[chat.teams]`: one channel of Teams that hears of incidents, or one for each, and from which they are moved on.

    Attributes:
        workflow: the address of the workflow that posts cards to the channel; None: no cards are posted.
        security_token: of the outgoing webhook by which people write to resile; None: nobody is heard.
        people: who of the catalog somebody is, by their object id at Microsoft.
        app: by which each incident has a channel of its own; None: there is none.
    """

    # There is a secret in it.
    workflow: SecretStr | None = None
    security_token: SecretStr | None = None
    people: dict[str, str] = Field(default={}, max_length=10_000)
    app: TeamsAppSettings | None = None

    @model_validator(mode="after")
    def _goes_one_way(self) -> Self:
        if self.app is not None and self.workflow is not None:
            raise ValueError("has both app and workflow; leave workflow out: each incident has a channel of its own")
        return self

    @field_validator("workflow")
    @classmethod
    def _is_of_the_web(cls, workflow: SecretStr | None) -> SecretStr | None:
        if workflow is not None and not workflow.get_secret_value().startswith(_WEB):
            raise ValueError("is no address of the web; copy it from the workflow, https://...")
        return workflow

    @field_validator("people")
    @classmethod
    def _are_in_small_letters(cls, people: dict[str, str]) -> dict[str, str]:
        return {name.strip().lower(): person for name, person in people.items()}


class ChatSettings(BaseModel):
    """`[chat]`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    slack: SlackRoomSettings | None = None
    teams: TeamsRoomSettings | None = None


def targets_of(invite: list[str]) -> tuple[Target, ...]:
    """Whom `person/ann`, `schedule/shop` and `team/shop` mean.

    Raises:
        ConfigError: one is written otherwise.
    """
    return tuple(target_of(one, "invite") for one in invite)


def slack_secrets(chat: SlackRoomSettings, channel: dict[str, Any]) -> tuple[SecretStr, SecretStr]:
    """The app's token and signing secret, of `[chat.slack]` or else of `[channels.slack]`.

    Raises:
        ConfigError: one is missing in both.
    """
    from resile.channels.given import Given  # noqa: PLC0415 - only where it is asked for
    from resile.channels.slack import KIND  # noqa: PLC0415

    told = {name: value for name, value in channel.items() if name != "throttle"}
    given = Given(KIND, told)
    token = chat.token or given.secret("token")
    secret = chat.signing_secret or given.secret("signing_secret")
    for name, value in (("token", token), ("signing_secret", secret)):
        if value is None or not value.get_secret_value():
            raise ConfigError(
                f"setting 'chat.slack.{name}' is missing; copy it from the app's page at Slack "
                f"(docs/how-to/chat.md), or set RESILE_CHAT__SLACK__{name.upper()}"
            )
    assert token is not None  # noqa: S101 - looked at above
    assert secret is not None  # noqa: S101
    return token, secret
