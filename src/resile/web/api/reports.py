"""Reports: the JSON of `resile report … --json`, field for field."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from resile.analytics.delivery_results import DoraReport
from resile.analytics.query import Condition, check_dimension
from resile.analytics.results import (
    CompareReport,
    PhasesReport,
    RestoreReport,
    Survival,
    WhatIf,
    to_json,
)
from resile.app import comparison, report
from resile.app import dora as delivering
from resile.model.errors import ConfigError
from resile.model.phases import PhaseName
from resile.web.api.asking import (
    BY,
    EVERY,
    asked_by,
    asked_of_deliveries,
    described,
    described_of_deliveries,
    resile_of,
)
from resile.web.api.schema import answers

router = APIRouter(prefix="/report", tags=["report"])
# The same under the name that lists of addresses of other tools lead one to expect.
also = APIRouter(prefix="/reports", tags=["report"])

MAX_MINUTES = 1e7


@router.get(
    "/restore", summary="Time to restore, by group and over time", responses=answers(RestoreReport),
    openapi_extra=described(BY, EVERY),
)  # fmt: skip
def restore(request: Request) -> Response:
    """Median with its interval, P90, mean, n and open, for every group and every period, and what was excluded."""
    return as_json(report.restore(resile_of(request), asked_by(request)))


@router.get(
    "/trend", summary="Whether the time to restore changes", responses=answers(RestoreReport),
    openapi_extra=described(BY, EVERY),
)  # fmt: skip
def trend(request: Request) -> Response:
    """The same object as /report/restore; its field `trend` holds the periods and the verdict."""
    return as_json(report.restore(resile_of(request), asked_by(request)))


@router.get("/phases", summary="Where the time goes", responses=answers(PhasesReport), openapi_extra=described(BY))
def phases(request: Request) -> Response:
    """Detect, acknowledge, identify, mitigate and verify: how long each takes, and its share."""
    return as_json(report.phases(resile_of(request), asked_by(request)))


_FROM_TO = Query(max_length=200, description="The earlier window, `FROM..TO`; else the one just before.")
_PAIR = Query(max_length=1000, description="Instead of windows a group: `service=checkout`.")


@router.get(
    "/compare", summary="Two windows, or two groups", responses=answers(CompareReport), openapi_extra=described(BY)
)
def compare(
    request: Request,
    against: Annotated[str | None, _FROM_TO] = None,
    a: Annotated[str | None, _PAIR] = None,
    b: Annotated[str | None, _PAIR] = None,
) -> Response:
    """Ratio of medians with its interval, how sure it is, and what moved the mean.

    Without a window the second half of all that is known is compared with the first.
    """
    query = asked_by(request, also=("against", "a", "b"))
    has_window = any(request.query_params.get(name) for name in comparison.WINDOW_WORDS)
    return as_json(comparison.compare(resile_of(request), query, has_window=has_window, against=against, a=a, b=b))


@router.get(
    "/what-if", summary="What a shorter phase would have saved", responses=answers(WhatIf), openapi_extra=described()
)
def what_if(
    request: Request,
    phase: Annotated[PhaseName, Query(description="The phase that had been shorter.")],
    minutes: Annotated[float, Query(gt=0, le=MAX_MINUTES, description="By so much.")],
    only: Annotated[
        list[str] | None,
        Query(max_length=50, description="Shorter only for these: `severity=SEV1`, `service=checkout`; repeats."),
    ] = None,
) -> Response:
    """The same incidents, with a phase so many minutes shorter (never below nothing)."""
    query = asked_by(request, also=("phase", "minutes", "only"))
    where = conditions(only or [])
    return as_json(report.what_if(resile_of(request), query, phase.value, minutes, where))


@router.get(
    "/survival", summary="Share not yet restored, by time", responses=answers(Survival), openapi_extra=described()
)
def survival(request: Request) -> Response:
    """The Kaplan–Meier curve, which counts open incidents for as long as they are known to have lasted."""
    return as_json(report.survival(resile_of(request), asked_by(request)))


@router.get(
    "/dora", summary="The five DORA metrics, per service and environment", responses=answers(DoraReport),
    openapi_extra=described_of_deliveries(),
)  # fmt: skip
@also.get("/dora", include_in_schema=False)
def dora(request: Request) -> Response:
    """Lead time, deployment frequency, change fail rate, recovery time and rework rate, each with n and interval."""
    return as_json(delivering.dora(resile_of(request), asked_of_deliveries(request)))


def conditions(pairs: list[str]) -> tuple[Condition, ...]:
    """Pairs `DIMENSION=VALUE` as conditions; values of one dimension stand for either.

    Raises:
        ConfigError: one is no such pair.
    """
    values: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"only {pair[:100]!r} is not DIMENSION=VALUE; write it as only=service=checkout")
        values.setdefault(check_dimension(name.strip()), []).append(value)
    return tuple(Condition(name, tuple(of_it)) for name, of_it in values.items())


def as_json(answer: msgspec.Struct | dict[str, Any], *, status_code: int = 200) -> Response:
    """An answer as the command line writes it."""
    return Response(to_json(answer), status_code=status_code, media_type="application/json")
