"""The pages behind the links of messages: whoever got a message answers it with one button, without logging in.

The signed token is the proof: no session, no form token. To look changes nothing, for mail scanners follow every link.
"""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from msgspec import Struct
from msgspec.structs import replace

from resile.app.already import already
from resile.app.links import Deed, Leave
from resile.app.wiring import Resile
from resile.model.errors import AccessError, ConfigError, ResileError
from resile.model.escalation import EscalationState
from resile.model.incident import fold, value_of
from resile.model.message import Message
from resile.model.phases import instants
from resile.model.phases import status_of as status_of_incident
from resile.response.escalate import Stand, stand_of
from resile.web.doors.strangers import Strangers, network_of
from resile.web.errors import sentence_for, status_of
from resile.web.pages.rendering import render

router = APIRouter(include_in_schema=False)

_DEEDS = {Deed.ACKNOWLEDGE: "Acknowledge", Deed.ESCALATE: "Escalate"}
_WORDS = {
    Deed.ACKNOWLEDGE: "You take it, and nobody else is paged for it.",
    Deed.ESCALATE: "Whoever comes next in the policy is paged now.",
}
_WORDS_OF_SEVERAL = {
    Deed.ACKNOWLEDGE: "You take all of them, and nobody else is paged for any.",
    Deed.ESCALATE: "Whoever comes next in the policy of each is paged now.",
}
_MAX_TOKEN = 1_000
_HEADERS = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow"}
_ANSWERED = {Deed.ACKNOWLEDGE: "Acknowledged", Deed.ESCALATE: "Escalated"}


class TooManyGuessesError(AccessError):
    """So many tokens that are none came from one address that the next is not even said to be none."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many links that are none came from your address; try again in {wait_s} s")
        self.wait_s = wait_s


@router.api_route("/answer/{token}", methods=["GET", "HEAD"])
def ask(request: Request, token: str) -> Response:
    """What it is about, and the button, unless somebody has it already."""
    try:
        leave, message = _meant(request, token)
    except ResileError as error:
        return _refused(request, error)
    deeds = [deed for deed in _DEEDS if leave.deed in {deed, Deed.ACT}]
    if not deeds:
        return _refused(request, _other())
    about = _about(request, message)
    return _page(
        request,
        about,
        title=_DEEDS[deeds[0]] if len(deeds) == 1 else "Answer",
        said=about.said_of(deeds),
        deeds=[(deed.value, _DEEDS[deed], about.words[deed]) for deed in deeds if about.lets(deed)],
    )


@router.post("/answer/{token}")
def answer(request: Request, token: str, do: Annotated[str, Form(max_length=20)] = "") -> Response:
    """Do it, and say what came of it."""
    try:
        leave, message = _meant(request, token)
        deed = _asked(leave, do)
        said = _resile(request).receipts.by_link(leave, deed)
    except ResileError as error:
        return _refused(request, error)
    about = replace(_about(request, message), which="")
    return _page(request, about, title=_ANSWERED[deed], said=said)


@router.post("/act/{token}")
def act(request: Request, token: str, do: Annotated[str, Query(max_length=20)] = "") -> Response:
    """The same for a button that sends a request of its own; the body is not looked at."""
    try:
        leave, _ = _meant(request, token)
        said = _resile(request).receipts.by_link(leave, _asked(leave, do))
    except ResileError as error:
        return PlainTextResponse(
            f"{sentence_for(request, error)}\n", status_code=_status(error), headers=_headers(error)
        )
    return PlainTextResponse(f"{said}\n", headers=_HEADERS)


@router.get("/act/{token}")
def act_by_looking(token: str) -> Response:
    """To look changes nothing."""
    del token
    return PlainTextResponse(
        "nothing was done: this address takes a POST with ?do=acknowledge or ?do=escalate\n",
        status_code=405,
        headers={**_HEADERS, "allow": "POST"},
    )


def _resile(request: Request) -> Resile:
    found: Resile = request.app.state.resile
    return found


def _meant(request: Request, token: str) -> tuple[Leave, Message]:
    """What the token lets do, and the message that carried it.

    Raises:
        AccessError: it is none, expired, or its message is gone.
    """
    resile = _resile(request)
    strangers: Strangers = request.app.state.guessing
    address = network_of(request.client.host if request.client else None)
    try:
        # A right one is always heard: behind one address may be those who guess and whoever must answer.
        leave = resile.links.read(token[:_MAX_TOKEN], now=resile.clock.now())
    except AccessError:
        wait_s = strangers.wait_s(address)
        strangers.refuse(address)
        if wait_s is not None:
            raise TooManyGuessesError(wait_s) from None
        raise
    message = resile.receipts.state_of(leave)
    if message is None:
        raise AccessError("the page of this link is not kept any more; open the incident and answer there")
    return leave, message


def _asked(leave: Leave, do: str) -> Deed:
    """What is to be done: what the link is for, or of both what was asked for.

    Raises:
        ConfigError: it is not said, or nothing that can be done.
        AccessError: the link is for something else.
    """
    said = do or ("" if leave.deed is Deed.ACT else leave.deed.value)
    if said not in {deed.value for deed in _DEEDS}:
        if not do and leave.deed is not Deed.ACT:
            raise _other()
        raise ConfigError("it is not said what to do; send ?do=acknowledge or ?do=escalate")
    deed = Deed(said)
    if leave.deed not in {deed, Deed.ACT}:
        raise _other()
    return deed


def _other() -> AccessError:
    return AccessError("this link is for something else; open the incident and answer there")


class _About(Struct, frozen=True):
    """What the message is about as it is now: the incident in a few words, `INC-7 · SEV1 · checkout · acknowledged`.

    Attributes:
        stand: of its paging; None: it is about several incidents.
        already: why nobody needs to take it; empty: somebody should.
    """

    title: str = ""
    which: str = ""
    incident_id: str = ""
    stand: Stand | None = None
    already: str = ""

    @property
    def words(self) -> dict[Deed, str]:
        """What pressing does."""
        return _WORDS if self.incident_id else _WORDS_OF_SEVERAL

    def lets(self, deed: Deed) -> bool:
        """Whether it would do anything: to take what is taken would not, but the next step may still be begun."""
        if self.stand is None or self.stand.state is EscalationState.RUNNING:
            return True
        return deed is Deed.ESCALATE and self.stand.state is not EscalationState.ENDED

    def said_of(self, deeds: Sequence[Deed]) -> str:
        """Why a button is missing."""
        return "" if all(self.lets(deed) for deed in deeds) else self.already


def _about(request: Request, message: Message) -> _About:
    if message.incident_id is None:
        return _About(message.title)
    timeline = _resile(request).timelines.read(message.incident_id)
    incident = fold(message.incident_id, timeline)
    severity, services = value_of(incident.severity, None), value_of(incident.services, ())
    status, stand = status_of_incident(incident, instants(incident)), stand_of(incident, timeline)
    return _About(
        title=value_of(incident.title, "") or message.title,
        which=" · ".join(filter(None, (incident.id, severity and severity.value, ", ".join(services), status.value))),
        incident_id=incident.id,
        stand=stand,
        already=already(incident.id, stand, who=message.person or ""),
    )


_NOTHING = _About()


def _page(request: Request, about: _About = _NOTHING, *, status_code: int = 200, **context: object) -> HTMLResponse:
    known = {"said": "", "deeds": (), "problem": "", **context, "about": about}
    page = render(request, "answer.html", status_code=status_code, **known)
    page.headers.update(_HEADERS)
    return page


def _refused(request: Request, error: ResileError) -> Response:
    said = sentence_for(request, error)
    page = _page(
        request, status_code=_status(error), title="Nothing was done", problem=f"{said[:1].upper()}{said[1:]}."
    )
    page.headers.update(_headers(error))
    return page


def _status(error: ResileError) -> int:
    return 429 if isinstance(error, TooManyGuessesError) else status_of(error)


def _headers(error: ResileError) -> dict[str, str]:
    more = {"retry-after": str(error.wait_s)} if isinstance(error, TooManyGuessesError) else {}
    return {**_HEADERS, **more}
