"""What the app at Slack must be: the rights that it needs, and the manifest by which it is made."""

from typing import Any

from resile.app.chat_settings import SlackRoomSettings

_ALWAYS = ("chat:write", "commands", "pins:write", "users:read", "users:read.email")
_PUBLIC = ("channels:history", "channels:manage", "channels:read")
_PRIVATE = ("groups:history", "groups:read", "groups:write")


def scopes_needed(settings: SlackRoomSettings) -> tuple[str, ...]:
    """The rights of the bot, sorted."""
    return tuple(sorted((*_ALWAYS, *(_PRIVATE if settings.is_private else _PUBLIC))))


def manifest(settings: SlackRoomSettings, *, address: str) -> dict[str, Any]:
    """The app as Slack takes it in one piece.

    Args:
        address: by which Slack reaches this resile, https://resile.example.org.
    """
    base = f"{address.rstrip('/')}/chat/slack"
    event = "message.groups" if settings.is_private else "message.channels"
    return {
        "display_information": {
            "name": "resile",
            "description": "A channel for each incident: take it, say how it stands, see it restored.",
        },
        "features": {
            "bot_user": {"display_name": "resile", "always_online": True},
            "slash_commands": [
                {
                    "command": settings.command,
                    "url": f"{base}/commands",
                    "description": "Declare an incident, or move one on",
                    "usage_hint": "declare | ack | sev | mitigated | restored | note | role | update | status | help",
                    "should_escape": True,
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": list(scopes_needed(settings))}},
        "settings": {
            "event_subscriptions": {"request_url": f"{base}/events", "bot_events": [event]},
            "interactivity": {"is_enabled": True, "request_url": f"{base}/actions"},
            "org_deploy_enabled": False,
            "socket_mode_enabled": False,
            "token_rotation_enabled": False,
        },
    }
