"""Failures as answers: problem+json for programs, a page for people; each a sentence with its way out."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.access import TooManyAttemptsError
from resile.model.errors import (
    AccessError,
    ConfigError,
    ConflictError,
    ResileError,
    StoreError,
    TransitionError,
)
from resile.web.access_log import loggable
from resile.web.pages.rendering import render
from resile.web.security import HEADERS

PROBLEM = "application/problem+json"
# When to try again what the store did not take.
RETRY_AFTER_S = 5
# What those are told of whom nobody knows who they are: where the data lies is for the log.
STORE_FAILED = "the database cannot be used now; the server's log says why"
_API = "/api/"
# First match wins.
_STATUS: tuple[tuple[type[ResileError], int], ...] = (
    (TooManyAttemptsError, 429),
    (AccessError, 403),
    (ConflictError, 409),
    (TransitionError, 409),
    (ConfigError, 400),
    (StoreError, 503),
)
_TITLES = {
    400: "Not understood",
    401: "Not logged in",
    403: "Not allowed",
    404: "Not found",
    405: "Not that way",
    408: "Took too long",
    409: "It has changed, or its state does not allow this",
    413: "Too large",
    429: "Too often",
    500: "A fault of resile",
    503: "Not possible now",
}
_log = structlog.get_logger()


class BadRequestError(ConfigError):
    """What was asked is not understood; several sentences."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


def problem(status: int, detail: str, *, problems: Sequence[str] = ()) -> Response:
    """A failure for programs (RFC 9457): `detail` says subject, fact and way out."""
    return Response(problem_body(status, detail, problems=problems), status_code=status, media_type=PROBLEM)


def problem_body(status: int, detail: str, *, problems: Sequence[str] = ()) -> bytes:
    """The same as JSON alone."""
    body: dict[str, Any] = {"type": "about:blank", "title": title_of(status), "status": status, "detail": detail}
    if problems:
        body["problems"] = list(problems)
    return msgspec.json.encode(body)


def status_of(error: Exception) -> int:
    """The HTTP status of a failure."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def title_of(status: int) -> str:
    """What a status means, in words."""
    return _TITLES.get(status, "Failed")


def refusal(request: Request, status: int, detail: str, *, problems: Sequence[str] = ()) -> Response:
    """A failure for whoever asked: a page for people, problem+json for programs."""
    if request.url.path.startswith(_API) or "json" in request.headers.get("accept", ""):
        return problem(status, detail, problems=problems)
    return render(
        request,
        "accounts/refusal.html",
        status_code=status,
        title=title_of(status),
        status=status,
        detail=detail[:1].upper() + detail[1:],
        is_known=getattr(request.state, "identity", None) is not None,
    )


def install(app: FastAPI) -> None:
    """Answer every failure of the application with a refusal."""
    app.add_exception_handler(ResileError, _on_resile_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_fault)


async def _on_resile_error(request: Request, error: Exception) -> Response:
    status = status_of(error)
    said = sentence_for(request, error)
    problems = error.problems if isinstance(error, BadRequestError) else ()
    answer = refusal(request, status, said, problems=problems)
    if isinstance(error, TooManyAttemptsError):
        answer.headers["retry-after"] = str(max(1, round(error.wait.total_seconds())))
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["retry-after"] = str(RETRY_AFTER_S)
    return answer


def sentence_for(request: Request, error: Exception) -> str:
    """What whoever asked is told of a failure; what the store says is logged, and told to those alone who are known."""
    if not isinstance(error, StoreError):
        return str(error)
    _log.error("store failed", path=loggable(request.url.path), error=str(error))
    return STORE_FAILED if getattr(request.state, "identity", None) is None else str(error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    problems = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in found[:20]]
    return refusal(
        request,
        400,
        "; ".join(problems) or "the request cannot be read; look into the API's documentation",
        problems=problems,
    )


async def _on_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = str(getattr(error, "detail", ""))
    if status == HTTPStatus.NOT_FOUND and detail == "Not Found":
        detail = f"there is nothing at {request.url.path}; go to the start page, or look into /api/v1/docs"
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not possible at {request.url.path}; look into /api/v1/docs"
    answer = refusal(request, status, detail)
    for name, value in (getattr(error, "headers", None) or {}).items():
        answer.headers[name] = value
    return answer


async def _on_fault(request: Request, error: Exception) -> Response:
    # The stack is in the log, by the server's own handler; the reader gets a sentence.
    _log.error("request failed", path=loggable(request.url.path), error=type(error).__name__, exc_info=error)
    answer = refusal(request, 500, "this is a fault of resile; the server's log says more, please report it")
    # This answer is made outside of every middleware.
    answer.headers.update(HEADERS)
    return answer
