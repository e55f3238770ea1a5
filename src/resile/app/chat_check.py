"""What of incidents' rooms in chat programs would fail: secrets, rights, addresses, and rooms that stay behind."""

from collections.abc import Iterator

from resile.app.chat_manifest import scopes_needed
from resile.app.chat_parts import SlackChat, TeamsApp, slack_chat_over, teams_chat_over
from resile.app.chat_people import PROGRAM
from resile.app.findings import Finding, Gravity
from resile.app.teams_room import PROGRAM as TEAMS
from resile.app.wiring import Resile
from resile.channels.slack_rooms import Workspace
from resile.model.errors import ConfigError, DeliveryError

_SUBJECT = "channels of incidents at Slack"
_TEAMS_SUBJECT = "the channel of incidents in Teams"
_APP_SUBJECT = "channels of incidents in Teams"
# Of any team.
_EACH_TEAM_HAS = "General"
_MAX_NAMED = 5
# A fault that comes again is none of the moment.
_MANY_FAULTS = 5


def chat_findings(resile: Resile) -> Iterator[Finding]:
    """All of it; nothing where the settings want no rooms. Asks Slack, for 5 s at most.

    Raises:
        StoreError: the database cannot be read.
    """
    yield from _teams_findings(resile)
    try:
        chat = slack_chat_over(resile)
    except ConfigError as error:
        yield _found("cannot be made", str(error), "correct it in resile.toml")
        return
    if chat is None:
        return
    if resile.settings.base_url is None:
        why = "base_url is missing, so Slack does not know where to send what people say and ask for"
        yield _found("hear nothing", why, "set base_url in resile.toml to the address by which Slack reaches resile")
    yield from slack_findings(chat)
    yield from _behind(resile, PROGRAM, _SUBJECT)


def _teams_findings(resile: Resile) -> Iterator[Finding]:
    """Of Teams nothing can be asked: whether a workflow takes a card shows only with a card."""
    try:
        chat = teams_chat_over(resile)
    except ConfigError as error:
        yield _found("cannot hear of incidents", str(error), "correct it in resile.toml", subject=_TEAMS_SUBJECT)
        return
    if chat is None:
        return
    if chat.settings.workflow is None and chat.key is None and chat.app is None:
        why = "neither chat.teams.workflow nor chat.teams.security_token nor [chat.teams.app] is set"
        yield _found("hears of nothing", why, "set one of them in resile.toml", subject=_TEAMS_SUBJECT)
    unknown = [one for one in chat.settings.people.values() if resile.catalog.person(one) is None]
    if unknown:
        why = f"the catalog does not know {', '.join(sorted(set(unknown))[:_MAX_NAMED])}"
        where = "correct [chat.teams.people] in resile.toml"
        yield _found("does not know who some people are", why, where, subject=_TEAMS_SUBJECT)
    if chat.app is not None:
        yield from _app_findings(resile, chat.app)
    yield from _behind(resile, TEAMS, _TEAMS_SUBJECT)


def _app_findings(resile: Resile, app: TeamsApp) -> Iterator[Finding]:
    """Whether Microsoft lets the app in, to the team and to the connector, and says by which keys it signs."""
    if resile.settings.base_url is None:
        why = "base_url is missing, so Microsoft does not know where to send what people say and ask for"
        where = "set base_url in resile.toml to the address by which Microsoft reaches resile"
        yield _found("hear nothing", why, where, subject=_APP_SUBJECT)
    asked = {
        "cannot be made": lambda: app.graph.called(_EACH_TEAM_HAS),
        "stay empty": app.connector.check,
        "hear nothing": app.keys.look_up,
    }
    for what, ask in asked.items():
        try:
            ask()
        except DeliveryError as error:
            where = "check the app: docs/how-to/teams.md"
            yield _found(what, str(error), where, subject=_APP_SUBJECT)


def slack_findings(chat: SlackChat) -> Iterator[Finding]:
    """Whether Slack lets the app in, with all its rights."""
    try:
        workspace = chat.slack.workspace(anew=True)
    except DeliveryError as error:
        yield _found("cannot be made", str(error), "check the token: resile chat check")
        return
    missing = scopes_missing(chat, workspace)
    if missing:
        why = f"the app lacks the right{'' if len(missing) == 1 else 's'} {', '.join(missing)}"
        where = "add them under OAuth & Permissions at Slack, and install the app again"
        yield _found("cannot be made, or stay empty", why, where)


def scopes_missing(chat: SlackChat, workspace: Workspace) -> list[str]:
    """The rights that the app needs and does not have; none where Slack does not tell which it has."""
    if not workspace.scopes:
        return []
    return [one for one in scopes_needed(chat.settings) if one not in workspace.scopes]


def _behind(resile: Resile, program: str, subject: str) -> Iterator[Finding]:
    """Rooms that could not be brought up to date for a while."""
    rooms = [one for one in resile.chats.rooms(program) if one.n_faults >= _MANY_FAULTS]
    if rooms:
        names = ", ".join(one.incident_id for one in rooms[:_MAX_NAMED])
        more = f" and {len(rooms) - _MAX_NAMED} more" if len(rooms) > _MAX_NAMED else ""
        where = "mend that; it is tried again by itself"
        yield _found(f"stay behind for {names}{more}", rooms[0].fault, where, subject=subject)


def _found(what: str, why: str, where: str, *, subject: str = _SUBJECT) -> Finding:
    # Nobody is paged by a room: whatever is wrong there, people are reached.
    return Finding(gravity=Gravity.SERIOUS, subject=subject, what=what, why=why, where=where)
