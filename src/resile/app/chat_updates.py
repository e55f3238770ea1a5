"""`/resile update`: what an audience is told, from a chat, under the rules that hold on the page."""

import re

from resile.app.access import Identity
from resile.app.update_drafts import Wording
from resile.app.updates import Updates
from resile.model.audience import Audience, audience_of
from resile.model.errors import ConfigError
from resile.model.room import KnownDraft

_DEED = re.compile(r"(agree|publish|drop)\s+(\d{5,12})", re.IGNORECASE)
_OPTION = re.compile(r"(for|phase)=(\S*)", re.IGNORECASE)


class ChatUpdates:
    """Drafts, agrees to and publishes.

    Args:
        command: what goes before each command, for the sentences.
    """

    def __init__(self, updates: Updates, command: str) -> None:
        self._updates = updates
        self._command = command

    def carry_out(self, by: Identity, incident_id: str, text: str) -> str:
        """Do what is written behind `update`; what whoever wrote it is told.

        Raises:
            ConfigError: there is no such audience or phase, or no word for it.
            TransitionError: the incident, or the draft, does not take it.
        """
        deed = _DEED.fullmatch(text.strip())
        if deed is not None:
            return self._on_draft(by, incident_id, deed[1].lower(), deed[2])
        audience, phase, words = _told(text)
        if not words:
            raise ConfigError(
                f"write it behind the word: {self._command} update Cards are accepted again; "
                f"{self._command} update for=customers ... is for them"
            )
        said = Wording(text=words)
        if self._updates.prepare(incident_id, audience.value, phase).needs:
            return self._told_of(incident_id, self._updates.draft(by, incident_id, audience.value, phase, said))
        return self._told_of(incident_id, self._updates.say(by, incident_id, audience.value, phase, said))

    def _on_draft(self, by: Identity, incident_id: str, deed: str, draft_id: str) -> str:
        do = {"agree": self._updates.agree, "publish": self._updates.publish, "drop": self._updates.drop}
        return self._told_of(incident_id, do[deed](by, incident_id, draft_id))

    def _told_of(self, incident_id: str, known: KnownDraft) -> str:
        draft = known.draft
        if known.sent is not None:
            told = f", and {known.sent.n_told:,} subscribers are told" if known.sent.n_told else ""
            return f"{incident_id}: the update for {draft.audience} is published{told}."
        if known.dropped is not None:
            return f"{incident_id}: draft {known.id} will not be sent."
        n_more = draft.needs - len([who for who in known.agreed if who != draft.by])
        if n_more > 0:
            who = "1 person who did not write it has" if n_more == 1 else f"{n_more} people who did not write it have"
            return (
                f"{incident_id}: draft {known.id} for {draft.audience} waits; {who} to agree: "
                f"{self._command} update {incident_id} agree {known.id}"
            )
        send = f"{self._command} update {incident_id} publish {known.id}"
        return f"{incident_id}: draft {known.id} for {draft.audience} may be sent: {send}"


def _told(text: str) -> tuple[Audience, str | None, str]:
    """Audience, phase and words of `for=customers phase=monitoring Cards are accepted again`; responders unless said.

    Only with its sign: an update whose first word is `customers` is not for them by that.
    """
    audience, phase, rest = Audience.RESPONDERS, None, text.strip()
    while True:
        first, *others = rest.split(maxsplit=1) or [""]
        option = _OPTION.fullmatch(first)
        if option is None:
            return audience, phase, rest
        if option[1].lower() == "for":
            audience = audience_of(option[2])
        else:
            phase = option[2].lower()
        rest = others[0] if others else ""
