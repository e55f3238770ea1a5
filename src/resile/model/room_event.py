"""Events of an incident's room: who does what, what was found, what a playbook ran, what was promised to whom.

None of them says anything of the service; instants do (event.py).
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from resile.model.recorded import Recorded


class Role(StrEnum):
    """What somebody is responsible for while the incident lasts. All but experts are one at a time."""

    COMMANDER = "commander"
    DEPUTY = "deputy"
    SCRIBE = "scribe"
    LIAISON = "liaison"
    EXPERT = "expert"


class TaskState(StrEnum):
    """How far a task has come."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class EvidenceKind(StrEnum):
    """What is shown of it."""

    LINK = "link"
    CHART = "chart"
    LOG = "log"
    PICTURE = "picture"


class Risk(StrEnum):
    """What a step of a playbook may do, and so who has to say yes."""

    READ = "read"  # may run by itself
    CHANGE = "change"  # one tap by a responder
    DANGER = "danger"  # a second person


class StepOutcome(StrEnum):
    """What became of a step that was begun, or asked for."""

    DONE = "done"
    FAILED = "failed"  # exit code, status or expectation
    TIMED_OUT = "timed_out"
    STOPPED = "stopped"  # by a person, or by a limit on memory or output
    UNKNOWN = "unknown"  # resile, or its process, died meanwhile: nobody knows how far it came
    REFUSED = "refused"  # it never ran: not allowed, inputs missing, or the second person said no


class RoomEvent(Recorded, frozen=True, kw_only=True):
    """Something that happened in the room."""


class RoleTaken(RoomEvent, frozen=True, kw_only=True, tag="role_taken"):
    """A person has a role from now on; whoever had it before, and it is one at a time, handed it over."""

    role: Role
    person: str


class RoleLaidDown(RoomEvent, frozen=True, kw_only=True, tag="role_laid_down"):
    """A person no longer has a role."""

    role: Role
    person: str


class TaskAdded(RoomEvent, frozen=True, kw_only=True, tag="task_added"):
    """Something is to be done; the event's id is the task's."""

    text: str
    owner: str | None = None


class TaskChanged(RoomEvent, frozen=True, kw_only=True, tag="task_changed"):
    """A task has other words, another owner, or came further; what is UNSET stays as it was."""

    task_id: str
    text: msgspec.UnsetType | str = msgspec.UNSET
    owner: msgspec.UnsetType | str | None = msgspec.UNSET
    state: msgspec.UnsetType | TaskState = msgspec.UNSET


class NoteEdited(RoomEvent, frozen=True, kw_only=True, tag="note_edited"):
    """A note has other words from now on; what it said before stays readable."""

    note_id: str
    text: str


class EvidenceAdded(RoomEvent, frozen=True, kw_only=True, tag="evidence_added"):
    """Something that shows what was the matter.

    Attributes:
        text: lines of a log, or what is to be seen.
        picture: id of a picture that is kept.
    """

    evidence: EvidenceKind
    title: str
    url: str | None = None
    text: str = ""
    picture: str | None = None


class Withdrawn(RoomEvent, frozen=True, kw_only=True, tag="withdrawn"):
    """A note, evidence, a message or an update is no longer shown: a secret in it, or the wrong incident."""

    event_id: str
    reason: str = ""


class CalledIn(RoomEvent, frozen=True, kw_only=True, tag="called_in"):
    """People were called in for a service; `target` as in policies: `service/payments`."""

    target: str
    people: tuple[str, ...] = ()
    because: str = ""


class AskedIfRestored(RoomEvent, frozen=True, kw_only=True, tag="asked_if_restored"):
    """No alert can tell whether the service is whole again, so that people were asked."""

    people: tuple[str, ...] = ()
    because: str = ""


class ChatOpened(RoomEvent, frozen=True, kw_only=True, tag="chat_opened"):
    """A room of a chat program belongs to the incident; `ref` is the program's own name of it."""

    channel: str
    ref: str
    name: str = ""
    url: str | None = None


class ChatClosed(RoomEvent, frozen=True, kw_only=True, tag="chat_closed"):
    """A room of a chat program was archived, or belongs to it no more."""

    channel: str
    ref: str


class Said(RoomEvent, frozen=True, kw_only=True, tag="said"):
    """A message in such a room; `ref` is the program's own name of it."""

    channel: str
    author: str
    text: str
    ref: str = ""


class PlaybookOpened(RoomEvent, frozen=True, kw_only=True, tag="playbook_opened"):
    """A playbook fits the incident, or somebody chose it; `number` is its version."""

    playbook: str
    number: int
    because: str = ""


class StepAsked(RoomEvent, frozen=True, kw_only=True, tag="step_asked"):
    """Somebody wants a step to run that a second person has to agree to: as it stands here, and not otherwise."""

    run_id: str
    playbook: str
    number: int
    step: str
    risk: Risk
    inputs: dict[str, str] = {}
    rolls_back: str | None = None


class StepBegan(RoomEvent, frozen=True, kw_only=True, tag="step_began"):
    """A step is about to run: written before its process exists, so that no run goes untold.

    Attributes:
        agreed: who said yes: nobody for what runs by itself, else who tapped, and the second person.
        rolls_back: id of the run that it undoes.
        inputs: what it is given.
    """

    run_id: str
    playbook: str
    number: int
    step: str
    runner: str
    risk: Risk
    agreed: tuple[str, ...] = ()
    rolls_back: str | None = None
    inputs: dict[str, str] = {}


class StepEnded(RoomEvent, frozen=True, kw_only=True, tag="step_ended"):
    """What became of a run.

    Attributes:
        step: its name.
        output: what it wrote, secrets masked, cut at a limit.
        n_output_bytes: how much it wrote in all.
        because: one sentence where the outcome does not say it.
        value: what a query found.
    """

    run_id: str
    outcome: StepOutcome
    step: str = ""
    exit_code: int | None = None
    output: str = ""
    n_output_bytes: int = 0
    because: str = ""
    value: float | None = None


class UpdateDrafted(RoomEvent, frozen=True, kw_only=True, tag="update_drafted"):
    """Words for an audience that wait to be sent; the event's id is the draft's.

    Attributes:
        audience: `responders`, `executives`, `customers`.
        status: the phase in the words of status pages: `investigating`, `identified`, `monitoring`, `resolved`.
        components: by name, the state that the status page is to show.
        next_within_s: the next update is promised within so many seconds of sending; None: none is.
        needs: how many people who did not write it have to agree.
        corrects, reason: of the words for one that was published already, as in `Updated`.
    """

    audience: str
    status: str
    title: str
    text: str
    components: dict[str, str] = {}
    next_within_s: int | None = None
    template: str | None = None
    needs: int = 0
    corrects: str | None = None
    reason: str = ""


class UpdateAgreed(RoomEvent, frozen=True, kw_only=True, tag="update_agreed"):
    """Somebody agrees to a draft."""

    draft_id: str


class UpdateDropped(RoomEvent, frozen=True, kw_only=True, tag="update_dropped"):
    """A draft will not be sent."""

    draft_id: str
    reason: str = ""


class UpdatePromised(RoomEvent, frozen=True, kw_only=True, tag="update_promised"):
    """An audience was told when it hears again; None: nothing is promised any more."""

    audience: str
    due_at: datetime | None = None


class UpdateReminded(RoomEvent, frozen=True, kw_only=True, tag="update_reminded"):
    """People were reminded of a promise; `is_late`: its time has passed."""

    audience: str
    due_at: datetime
    people: tuple[str, ...] = ()
    is_late: bool = False


AnyRoomEvent = (
    RoleTaken
    | RoleLaidDown
    | TaskAdded
    | TaskChanged
    | NoteEdited
    | EvidenceAdded
    | Withdrawn
    | CalledIn
    | AskedIfRestored
    | ChatOpened
    | ChatClosed
    | Said
    | PlaybookOpened
    | StepAsked
    | StepBegan
    | StepEnded
    | UpdateDrafted
    | UpdateAgreed
    | UpdateDropped
    | UpdatePromised
    | UpdateReminded
)
