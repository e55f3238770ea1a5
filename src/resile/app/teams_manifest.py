"""What the app in Teams must be: the manifest that is packed with two icons, and the rights that it asks of a team."""

from typing import Any

from resile.app.chat_settings import TeamsAppSettings
from resile.channels.outward import place_of

# Of one team alone, granted when the app is added to it.
RIGHTS = (
    "Channel.Create.Group",
    "ChannelMessage.Read.Group",
    "ChannelSettings.Read.Group",
    "ChannelSettings.ReadWrite.Group",
)


def teams_manifest(app: TeamsAppSettings, *, address: str) -> dict[str, Any]:
    """The app as Teams takes it.

    Args:
        address: by which Microsoft reaches this resile, https://resile.example.org.
    """
    return {
        "$schema": "https://developer.microsoft.com/json-schemas/teams/v1.19/MicrosoftTeams.schema.json",
        "manifestVersion": "1.19",
        "version": "1.0.0",
        "id": app.client_id,
        "name": {"short": "resile", "full": "resile"},
        "description": {
            "short": "A channel for each incident.",
            "full": "A channel for each incident: take it, say how it stands, see it restored.",
        },
        "developer": {
            "name": "resile",
            "websiteUrl": address,
            "privacyUrl": address,
            "termsOfUseUrl": address,
        },
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": "#1F4E79",
        "bots": [{"botId": app.client_id, "scopes": ["team"], "isNotificationOnly": False, "supportsFiles": False}],
        "validDomains": [place_of(address).host],
        "webApplicationInfo": {"id": app.client_id, "resource": "https://resile"},
        "authorization": {
            "permissions": {"resourceSpecific": [{"name": name, "type": "Application"} for name in RIGHTS]}
        },
    }
