"""Maintenance windows, and who subscribed to updates."""

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query, Request
from msgspec import Struct
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.access import Identity
from resile.app.maintenance import MAX_COMPONENTS, MAX_TEXT, MAX_TITLE, Maintenance
from resile.app.maintenance_out import SubscriberOut, WindowOut, subscriber_out, window_out
from resile.model.time import EARLIEST
from resile.ports.account_store import Scope
from resile.ports.maintenance_book import Window
from resile.web.api.asking import resile_of
from resile.web.api.commands import At, Body, Words
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(tags=["communication"])

MAX_LISTED = 1_000
_ANSWERS = answers(WindowOut, also=(404, 409))
_Instant = Annotated[At, Field(description="RFC 3339 with an offset.")]


class WindowsListed(Struct, frozen=True):
    """Maintenance windows, by their beginning."""

    windows: list[WindowOut]


class SubscribersListed(Struct, frozen=True, kw_only=True):
    """Subscribers by id; give `next` back as `after`, null: that was all."""

    subscribers: list[SubscriberOut]
    n_told: int
    n_put_aside: int
    next: str | None


class WindowBody(Body):
    """Services, and components as `component/NAME`, are worked on from `starts_at` (else now) until `ends_at`."""

    title: Annotated[str, Field(min_length=1, max_length=MAX_TITLE)]
    components: Annotated[tuple[Words, ...], Field(min_length=1, max_length=MAX_COMPONENTS)]
    starts_at: _Instant | None = None
    ends_at: _Instant
    text: Annotated[str, Field(max_length=MAX_TEXT)] = ""
    announce: bool = True


class MoveBody(Body):
    """Another beginning, another end; with `version` only if nobody changed it since."""

    starts_at: _Instant | None = None
    ends_at: _Instant | None = None
    version: Annotated[int, Field(ge=1)] | None = None


@router.get("/maintenance", summary="List maintenance windows", responses=answers(WindowsListed))
def windows(
    request: Request, *, over: Annotated[bool, Query(description="Also those that are over.")] = False
) -> Response:
    """Those that are not over, cancelled ones too; at most 500."""
    found = _maintenance(request).listed(since=EARLIEST if over else None)
    return as_json(WindowsListed([_window(request, one) for one in found]))


@router.post(
    "/maintenance", status_code=201, summary="Enter a maintenance window",
    responses=answers(WindowOut, status=201, also=(409,)),
)  # fmt: skip
def add(request: Request, body: WindowBody) -> Response:
    """Subscribers are told now, when it begins and when it is over, unless `announce` is false."""
    made = _maintenance(request).add(
        _by(request),
        body.title,
        body.components,
        starts_at=body.starts_at or resile_of(request).clock.now(),
        ends_at=body.ends_at,
        text=body.text,
        is_announced=body.announce,
    )
    return as_json(_window(request, made), status_code=201)


@router.get("/maintenance/{window_id}", summary="One maintenance window", responses=answers(WindowOut, also=(404,)))
def one(request: Request, window_id: str) -> Response:
    """Over or not."""
    return as_json(_window(request, _known(request, window_id)))


@router.patch("/maintenance/{window_id}", summary="Move a maintenance window", responses=_ANSWERS)
def move(request: Request, window_id: str, body: MoveBody) -> Response:
    """Of one that has begun only the end can be moved."""
    _known(request, window_id)
    moved = _maintenance(request).move(
        _by(request), window_id, starts_at=body.starts_at, ends_at=body.ends_at, version=body.version
    )
    return as_json(_window(request, moved))


@router.post("/maintenance/{window_id}/finish", summary="End a maintenance window now", responses=_ANSWERS)
def finish(request: Request, window_id: str) -> Response:
    """Before its time."""
    _known(request, window_id)
    return as_json(_window(request, _maintenance(request).finish(_by(request), window_id)))


@router.delete("/maintenance/{window_id}", summary="Cancel a maintenance window", responses=_ANSWERS)
def cancel(request: Request, window_id: str) -> Response:
    """It does not take place; incidents that were marked for it count again."""
    _known(request, window_id)
    return as_json(_window(request, _maintenance(request).cancel(_by(request), window_id)))


@router.get("/subscribers", summary="List subscribers", responses=answers(SubscribersListed))
def subscribers(
    request: Request,
    *,
    after: Annotated[str, Query(max_length=100, description="Only those after this id.")] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 200,
) -> Response:
    """Who hears of updates, and whose address was put aside; addresses are whole for who may write."""
    use, is_whole = resile_of(request).communication.subscribers, Scope.WRITE in _by(request).scopes
    found = list(islice(use.listed(after=after), limit))
    n_told, n_aside = use.count()
    return as_json(
        SubscribersListed(
            subscribers=[subscriber_out(one, is_whole=is_whole) for one in found],
            n_told=n_told,
            n_put_aside=n_aside,
            next=found[-1].id if len(found) == limit else None,
        )
    )


@router.delete(
    "/subscribers/{subscriber_id}", summary="Take a subscriber off the list",
    responses=answers(SubscriberOut, also=(404, 409)),
)  # fmt: skip
def remove(request: Request, subscriber_id: str) -> Response:
    """The address is forgotten; gives who it was."""
    use = resile_of(request).communication.subscribers
    found = use.one(subscriber_id)
    if found is None:
        raise HTTPException(404, f"subscriber {subscriber_id[:40]!r} is not known; /api/v1/subscribers lists them")
    use.remove(_by(request), subscriber_id)
    return as_json(subscriber_out(found, is_whole=False))


def _maintenance(request: Request) -> Maintenance:
    return resile_of(request).communication.maintenance


def _by(request: Request) -> Identity:
    found: Identity = request.state.identity
    return found


def _window(request: Request, window: Window) -> WindowOut:
    return window_out(window, resile_of(request).clock.now())


def _known(request: Request, window_id: str) -> Window:
    found = _maintenance(request).one(window_id)
    if found is None:
        raise HTTPException(404, f"maintenance {window_id[:40]!r} is not known; /api/v1/maintenance lists them")
    return found
