"""What was heard in a room goes from the book into the timeline, in order, with the names of those who spoke."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from msgspec import Struct

from resile.app.chat_heard import tell_heard
from resile.app.chat_people import People, unlike_people
from resile.app.growing import Growing
from resile.app.wiring import Resile
from resile.channels.words import shortened
from resile.model.chat import ChatRoom, Heard
from resile.model.errors import ConflictError, DeliveryError
from resile.ports.channel import RefusedError
from resile.ports.paging_store import Changes

_TRIES = 20
# Slack may be asked for the name of each author, which takes 5 s at most.
_AT_ONCE = 5
# For so long a message waits for the name of who wrote it, where Slack is not to be asked.
_WAITS_FOR_NAME = timedelta(minutes=2)
_MAX_NAME = 200


class _Spoken(Struct, frozen=True):
    """What was heard, with who spoke in words."""

    heard: Heard
    author: str
    by: str


class Inbox:
    """Takes in what was heard in a chat program.

    Args:
        plain: a text of the program as people see it.
    """

    def __init__(self, resile: Resile, people: People, plain: Callable[[str], str]) -> None:
        self._resile = resile
        self._people = people
        self._plain = plain

    def take_in(self, room: ChatRoom, *, after_each: Callable[[], None]) -> int:
        """Tell all that was heard in a room; how much it was.

        Args:
            after_each: called after each portion.

        Raises:
            DeliveryError: the name of somebody is to be asked for, and Slack does not answer; the rest waits.
        """
        book, n_heard = self._resile.chats, 0
        while room.ref is not None and (entries := book.heard(room.program, room.ref, limit=_AT_ONCE)):
            spoken: list[_Spoken] = []
            fault: DeliveryError | None = None
            for entry in entries:
                try:
                    spoken.append(self._spoken(entry.heard))
                except DeliveryError as error:
                    fault = error
                    break
            self._tell(room.incident_id, spoken)
            book.forget_heard([entry.seq for entry in entries[: len(spoken)]])
            after_each()
            n_heard += len(spoken)
            if fault is not None:
                raise fault
        return n_heard

    def _spoken(self, heard: Heard) -> _Spoken:
        if not heard.author:
            name = shortened(heard.author_name, _MAX_NAME) or "an app"
            return _Spoken(heard, unlike_people(name, self._resile.catalog, "an app"), f"{heard.program}:app")
        try:
            known = self._people.known(heard.author, name=heard.author_name)
        except DeliveryError as error:
            is_final = isinstance(error, RefusedError) and error.is_final
            if not is_final and self._resile.clock.now() - heard.heard_at < _WAITS_FOR_NAME:
                raise
            return _Spoken(heard, heard.author, f"{heard.program}:{heard.author}")
        return _Spoken(heard, shortened(known.name, _MAX_NAME), known.by)

    def _tell(self, incident_id: str, spoken: Sequence[_Spoken]) -> None:
        for _ in range(_TRIES):
            timeline = self._resile.timelines.read(incident_id)
            growing = Growing(incident_id, timeline, now=self._resile.clock.now(), by="resile")
            for one in spoken:
                text = self._plain(one.heard.text)
                tell_heard(growing, one.heard, author=one.author, by=one.by, text=text)
            try:
                if growing.new:
                    self._resile.paging.commit(Changes(appends=growing.appends()))
            except ConflictError:
                continue
            return
        raise DeliveryError(f"incident {incident_id}: others keep appending; what was said is told in a moment")
