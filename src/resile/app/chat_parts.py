"""What incidents' rooms at Slack and Teams consist of, put together from the settings."""

import os
import secrets
import socket

from msgspec import Struct
from pydantic import SecretStr

from resile.app.chat_commands import MAX_TEXT, ChatCommands, Manner
from resile.app.chat_people import PROGRAM, ChatPeople
from resile.app.chat_rooms import Rooms
from resile.app.chat_settings import SlackRoomSettings, TeamsAppSettings, TeamsRoomSettings, slack_secrets
from resile.app.chat_wanted import Wanted
from resile.app.teams_bot import TeamsBot
from resile.app.teams_heard import TeamsPeople, TeamsRoom
from resile.app.teams_room import PROGRAM as TEAMS
from resile.app.teams_room import TeamsCards
from resile.app.teams_rooms import TeamsRooms
from resile.app.wiring import Resile
from resile.channels.http_client import HttpClient
from resile.channels.microsoft_keys import MicrosoftKeys
from resile.channels.microsoft_tokens import MicrosoftTokens
from resile.channels.outward import Outward
from resile.channels.slack_api import SlackApi
from resile.channels.slack_rooms import SlackRooms
from resile.channels.slack_text import mentioned, plain_of
from resile.channels.teams import Teams
from resile.channels.teams_connector import TeamsConnector
from resile.channels.teams_graph import TeamsGraph
from resile.channels.teams_webhook import key_of
from resile.channels.words import cut
from resile.model.errors import ConfigError

_SETTING = "chat.slack.token"


class TeamsApp(Struct, frozen=True, kw_only=True):
    """An app at Microsoft: whom it believes, how it answers, and what it does with what it hears."""

    settings: TeamsAppSettings
    keys: MicrosoftKeys
    graph: TeamsGraph
    connector: TeamsConnector
    bot: TeamsBot
    rooms: TeamsRooms


class TeamsChat(Struct, frozen=True, kw_only=True):
    """A channel of Teams that hears of incidents, and from which they are moved on.

    Attributes:
        wanted: of which it hears.
        rooms: posts its cards; named as with Slack, where each incident has a room of its own.
        key: by which the outgoing webhook signs what people write; None: there is no such webhook.
        room: takes what comes by it.
        app: by which each incident has a channel of its own; None: there is none.
    """

    settings: TeamsRoomSettings
    key: bytes | None
    wanted: Wanted
    rooms: TeamsCards | TeamsRooms
    room: TeamsRoom
    app: TeamsApp | None

    def __repr__(self) -> str:
        # The key has no place in logs and tracebacks.
        return f"TeamsChat(settings={self.settings!r})"


class SlackChat(Struct, frozen=True, kw_only=True):
    """A workspace in which incidents have channels.

    Attributes:
        wanted: which incidents are to have one.
        rooms: tends them.
        commands: what people ask for there.
    """

    settings: SlackRoomSettings
    signing_secret: SecretStr
    api: SlackApi
    slack: SlackRooms
    people: ChatPeople
    wanted: Wanted
    rooms: Rooms
    commands: ChatCommands


def slack_chat_over(resile: Resile) -> SlackChat | None:
    """All of it over an open resile; None: the settings want none.

    Raises:
        ConfigError: a secret is missing.
    """
    settings = resile.settings.chat.slack
    if settings is None:
        return None
    token, signing_secret = slack_secrets(settings, resile.settings.channels.get("slack", {}))
    http = HttpClient(Outward(resile.settings.allowed_addresses))
    clock = resile.clock
    api = SlackApi(http, token=token, api=settings.api, setting=_SETTING, clock=clock)
    person = settings.user_token
    as_person = (
        None
        if person is None
        else SlackApi(http, token=person, api=settings.api, setting="chat.slack.user_token", clock=clock)
    )
    slack = SlackRooms(api, as_person=as_person)
    people = ChatPeople(slack, resile.chats, resile.catalog, resile.accounts, resile.clock)
    wanted = Wanted(
        PROGRAM,
        settings,
        book=resile.chats,
        timelines=resile.timelines,
        deliveries=resile.deliveries,
        clock=resile.clock,
    )
    manner = Manner(
        program=PROGRAM,
        command=settings.command,
        plain=lambda text: plain_of(text, people.as_remembered, most=MAX_TEXT),
        mentioned=mentioned,
        makes_channels=True,
    )
    return SlackChat(
        settings=settings,
        signing_secret=signing_secret,
        api=api,
        slack=slack,
        people=people,
        wanted=wanted,
        rooms=Rooms(resile, slack, people, settings, by=_by()),
        commands=ChatCommands(resile, people, manner),
    )


def teams_chat_over(resile: Resile) -> TeamsChat | None:
    """The same for Teams.

    Raises:
        ConfigError: the address of the workflow, or the token of the webhook, cannot be used.
    """
    settings = resile.settings.chat.teams
    if settings is None:
        return None
    teams = Teams(HttpClient(Outward(resile.settings.allowed_addresses)))
    if settings.workflow is not None:
        _check_workflow(teams, settings.workflow)
    people = TeamsPeople(resile, settings)
    manner = Manner(
        program=TEAMS,
        command="@resile",
        plain=lambda text: cut(text, MAX_TEXT),
        # Teams tells no ids of those who are mentioned: by their name in the catalog they are known.
        mentioned=lambda _: None,
        makes_channels=False,
    )
    wanted = Wanted(
        TEAMS,
        settings,
        book=resile.chats,
        timelines=resile.timelines,
        deliveries=resile.deliveries,
        clock=resile.clock,
    )
    app = None if settings.app is None else _app_over(resile, settings, settings.app, people)
    return TeamsChat(
        settings=settings,
        key=None if settings.security_token is None else key_of(settings.security_token),
        wanted=wanted,
        rooms=TeamsCards(resile, teams, settings, by=_by()) if app is None else app.rooms,
        room=TeamsRoom(resile, people, ChatCommands(resile, people, manner)),
        app=app,
    )


def _app_over(resile: Resile, settings: TeamsRoomSettings, app: TeamsAppSettings, people: TeamsPeople) -> TeamsApp:
    http, clock = HttpClient(Outward(resile.settings.allowed_addresses)), resile.clock
    tokens = MicrosoftTokens(
        http, clock, login=app.login, tenant=app.tenant, client_id=app.client_id, client_secret=app.client_secret
    )
    graph = TeamsGraph(http, tokens, clock, graph=app.graph, team=app.team)
    connector = TeamsConnector(http, tokens, clock, connector=app.connector)
    manner = Manner(
        program=TEAMS,
        command="@resile",
        plain=lambda text: cut(text, MAX_TEXT),
        # Teams tells no object ids of those who are mentioned: by their name in the catalog they are known.
        mentioned=lambda _: None,
        makes_channels=True,
    )
    return TeamsApp(
        settings=app,
        keys=MicrosoftKeys(http, clock, address=app.keys, app_id=app.client_id),
        graph=graph,
        connector=connector,
        bot=TeamsBot(resile, ChatCommands(resile, people, manner)),
        rooms=TeamsRooms(resile, graph=graph, connector=connector, people=people, settings=settings, app=app, by=_by()),
    )


def _check_workflow(teams: Teams, workflow: SecretStr) -> None:
    try:
        teams.address(workflow.get_secret_value())
    except ConfigError as error:
        raise ConfigError(f"setting 'chat.teams.workflow': {error}") from None


def _by() -> str:
    """Who this is, as leases name it; no two alike."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
