"""What a door answers, as bytes that are ready to be sent."""

from collections.abc import Iterable

from msgspec import Struct
from starlette.types import Send

from resile.web.errors import PROBLEM, RETRY_AFTER_S, problem_body
from resile.web.security import answer_headers

_UNAVAILABLE = 503
_JSON = b"application/json"

RawHeaders = Iterable[tuple[bytes, bytes]]


class Answer(Struct, frozen=True):
    """A status and a body.

    Attributes:
        retry_after_s: when to come again.
    """

    status: int
    body: bytes
    kind: bytes = _JSON
    retry_after_s: int | None = None


class TurnedAwayError(Exception):
    """Whoever knocks is answered this and nothing else."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def refused(status: int, detail: str, *, retry_after_s: int | None = None) -> Answer:
    """A failure for programs, with a sentence."""
    return Answer(status, problem_body(status, detail), PROBLEM.encode(), retry_after(status, retry_after_s))


def retry_after(status: int, retry_after_s: int | None) -> int | None:
    """When to come again; also where nobody said it of what will pass."""
    return RETRY_AFTER_S if status == _UNAVAILABLE and retry_after_s is None else retry_after_s


async def send_answer(send: Send, answer: Answer, *, is_https: bool) -> None:
    """Send it with the headers that every answer of this server has."""
    headers = [
        (b"content-type", answer.kind),
        (b"content-length", b"%d" % len(answer.body)),
        *answer_headers(is_https=is_https),
    ]
    if answer.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % answer.retry_after_s))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
