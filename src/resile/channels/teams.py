"""Microsoft Teams: cards through the webhook of a workflow, which Microsoft calls Workflows or Power Automate.

Teams says that it took a card, not that it arrived, and knows no card again. Its buttons open pages: only an app that
Microsoft knows could send an answer back.
"""

import re
from collections.abc import Mapping
from typing import Any

from resile.channels.given import Given
from resile.channels.http_client import HttpClient, taken
from resile.channels.plugin import ChannelPlugin, Surroundings
from resile.channels.teams_card import body_of
from resile.channels.words import shortened
from resile.model.errors import AccessError, ConfigError
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt, UncertainError

KIND = ChannelKind(
    name="teams",
    title="Microsoft Teams",
    address_words="the address of a workflow's webhook, https://...powerplatform.com/...",
    settings={},
)
_PROVIDER = "Teams"
_FAULT = 500
# Connectors of Office 365, which Microsoft has switched off.
_RETIRED = re.compile(r"(.+\.)?(webhook\.office\.com|outlook\.office(365)?\.com)")


class Teams:
    """Channels and chats, each by the address of its workflow."""

    kind = KIND

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def address(self, text: str) -> str:
        """The address of a workflow."""
        place = self._http.outward.check(text.strip(), "the workflow's address")
        if _RETIRED.fullmatch(place.host):
            raise ConfigError(
                f"{place.host} belongs to the connectors of Office 365, which are retired; in Teams, add the workflow "
                "'Post to a channel when a webhook request is received', and give its address"
            )
        return text.strip()

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Post the card."""
        answer = self._http.ask(
            "POST",
            outgoing.address,
            provider=_PROVIDER,
            timeout_s=timeout_s,
            headers={"content-type": "application/json"},
            body=body_of(outgoing),
            is_typed=True,
        )
        if answer.status == _FAULT:
            raise UncertainError("Teams had a fault (500), which leaves open whether the card was taken")
        taken(answer, _PROVIDER, ours="the workflow's address, and that the workflow is switched on")
        if answer.body.lstrip()[:1] == b"<":
            # A page, such as one to log in at: not the answer of a workflow.
            raise UncertainError("Teams did not answer as a workflow does; look there whether the card arrived")
        return Handed(ref=shortened(answer.headers.get("x-ms-workflow-run-id", ""), 100) or None)

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """None: a workflow tells nothing later."""
        del headers, query, body, url
        raise AccessError("Teams sends no receipts")

    def check(self, *, timeout_s: float) -> None:
        """Nothing: a workflow answers to nothing but a card."""
        del timeout_s


def _open(settings: Mapping[str, Any], surroundings: Surroundings) -> Teams:
    Given(KIND, settings)
    return Teams(surroundings.http)


# There is nothing to set: whoever has a workflow's address may post to it.
CHANNEL = ChannelPlugin(kind=KIND, open=_open, works_unset=True)
