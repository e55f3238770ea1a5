"""A step that asks an address of the web: method, address, headers and body as the playbook has them."""

import re
from collections.abc import Mapping
from threading import Event
from time import monotonic

from msgspec import Struct

from resile.model.errors import DeliveryError
from resile.model.room_event import StepOutcome
from resile.ports.runner import Ran, StepRefusedError, WebAnswer, WebClient, Work
from resile.runners.filling import (
    as_it_is,
    filled,
    in_address,
    in_form,
    in_header,
    in_json,
    in_nothing_known,
    in_xml,
    names_in,
)
from resile.runners.kept_output import KeptOutput

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
MAX_BODY = 100_000
_FIRST_LINE = re.compile(r"([A-Z]+)\s+(\S+)")
_PLACE = re.compile(r"https?://[^/?#]+", re.IGNORECASE)
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")
_FINE = range(200, 300)
# What says how a request is sent is said by whoever sends it.
_NOT_THEIRS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "te"})

_QUOTED = {
    "application/x-www-form-urlencoded": in_form,
    "application/octet-stream": as_it_is,
    "text/plain": as_it_is,
}


class Asking(Struct, frozen=True, kw_only=True):
    """A request, with its inputs in it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class HttpRunner:
    """Asks addresses; those inside our own network only where the settings allow them.

    Args:
        output_bytes: shown of what comes back.
    """

    def __init__(self, client: WebClient, *, output_bytes: int = 16_384) -> None:
        self._client = client
        self._output_bytes = output_bytes

    def run(self, work: Work, stop: Event) -> Ran:
        """Ask once. A request that is under way is not taken back.

        Raises:
            StepRefusedError: it is no request, or an input cannot stand in it.
        """
        asking = request_of(work)
        if stop.is_set():
            return Ran(outcome=StepOutcome.STOPPED)
        began = monotonic()
        try:
            answer = self._client.ask(
                asking.method,
                asking.url,
                provider="the address",
                timeout_s=work.timeout_s,
                headers=asking.headers,
                body=asking.body,
                is_typed=True,
            )
        except DeliveryError as error:
            is_late = monotonic() - began >= work.timeout_s
            outcome = StepOutcome.TIMED_OUT if is_late else StepOutcome.FAILED
            return Ran(outcome=outcome, because=str(error), lasted_s=monotonic() - began)
        return self._answered(answer, work, lasted_s=monotonic() - began)

    def _answered(self, answer: WebAnswer, work: Work, *, lasted_s: float) -> Ran:
        kept = KeptOutput(self._output_bytes)
        kept.take(b"HTTP %d\n" % answer.status + answer.body)
        is_fine = answer.status in _FINE if work.expect is None else work.expect.is_met_by(answer.status)
        because = (
            "" if is_fine else f"it answered {answer.status}" + ("" if work.expect is None else f", not {work.expect}")
        )
        return Ran(
            outcome=StepOutcome.DONE if is_fine else StepOutcome.FAILED,
            head=kept.head,
            tail=kept.tail,
            n_output_bytes=kept.n_bytes,
            because=because if answer.is_whole or because else "of its answer only the beginning was read",
            value=float(answer.status),
            lasted_s=lasted_s,
        )


def request_of(work: Work) -> Asking:
    """The request that a step's text is.

    `POST https://host/path`, then headers, then an empty line, then the body.

    Raises:
        StepRefusedError: it is none, or an input cannot stand where its name does.
    """
    given = {**work.inputs, **work.secrets}
    before, _, body = work.body.replace("\r\n", "\n").strip("\n").partition("\n\n")
    first, *lines = before.split("\n")
    found = _FIRST_LINE.fullmatch(first.strip())
    if found is None or found[1] not in METHODS:
        raise StepRefusedError(f"the step is no request; begin with one of {', '.join(METHODS)} and an address")
    headers = {}
    for line in filter(str.strip, lines):
        header = _HEADER.fullmatch(line.rstrip())
        if header is None or header[1].lower() in _NOT_THEIRS:
            raise StepRefusedError(f"{line[:80]!r} is no header that a step may send; write Name: value")
        try:
            headers[header[1].lower()] = filled(header[2], given, in_header).encode("latin-1").decode("latin-1")
        except UnicodeEncodeError:
            raise StepRefusedError(
                f"header {header[1]!r} would hold signs that no header can; it is not asked"
            ) from None
    told = _body(body, headers, given)
    if len(told) > MAX_BODY:
        raise StepRefusedError(f"the body has {len(told):,} bytes; a step may send {MAX_BODY:,}")
    return Asking(method=found[1], url=_address(found[2], given), headers=headers, body=told)


def _address(url: str, given: Mapping[str, str]) -> str:
    place = _PLACE.match(url)
    if place is None or names_in(place[0]):
        raise StepRefusedError("whom the step asks must stand in it: https://host/path, without an input in the host")
    return place[0] + filled(url[place.end() :], given, in_address)


def _body(body: str, headers: dict[str, str], given: Mapping[str, str]) -> bytes:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and not kind:
        kind = headers["content-type"] = "application/json"
    is_json = kind == "application/json" or kind.endswith("+json")
    is_xml = kind.endswith(("/xml", "+xml", "/html"))
    quoted = in_xml if is_xml else _QUOTED.get(kind, in_nothing_known)
    try:
        return (in_json(body, given) if is_json else filled(body, given, quoted)).encode()
    except UnicodeEncodeError:
        raise StepRefusedError("an input holds half a character, which no body can hold; it is not asked") from None
