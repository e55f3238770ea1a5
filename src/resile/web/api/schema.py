"""The OpenAPI document: what FastAPI finds, with the shapes of our own answers and the ways to show who asks."""

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from resile.web.errors import PROBLEM, title_of

_REF = "#/components/schemas/{name}"
_shapes: dict[str, type] = {}

_PROBLEM_SHAPE = {
    "type": "object",
    "description": "A failure (RFC 9457): `detail` says subject, fact and way out.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "problems": {"type": "array", "items": {"type": "string"}, "description": "One sentence for each, if several."},
    },
}
_USUAL = (400, 401, 403, 503)


def answers(shape: type, *, status: int = 200, also: tuple[int, ...] = ()) -> dict[int | str, dict[str, Any]]:
    """What an endpoint answers, for FastAPI's `responses`: JSON of this shape, or a problem."""
    _shapes[shape.__name__] = shape
    told: dict[int | str, dict[str, Any]] = {
        code: {
            "description": title_of(code),
            "content": {PROBLEM: {"schema": {"$ref": _REF.format(name="Problem")}}},
        }
        for code in sorted({*_USUAL, *also})
    }
    told[status] = {
        "description": (shape.__doc__ or "").strip().split("\n", 1)[0],
        "content": {"application/json": {"schema": {"$ref": _REF.format(name=shape.__name__)}}},
    }
    return told


def describe(app: FastAPI) -> None:
    """Make `app.openapi()` give the whole document; it is made at the first call."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=_TOLD, routes=app.routes
    )
    _, shapes = msgspec.json.schema_components(list(_shapes.values()), ref_template=_REF)
    components = document.setdefault("components", {})
    components["schemas"] = {**components.get("schemas", {}), **shapes, "Problem": _PROBLEM_SHAPE}
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A token from the settings page."},
        "session": {"type": "apiKey", "in": "cookie", "name": "resile_session", "description": "A browser's session."},
    }
    # The empty one: on loopback, before the first admin is made.
    document["security"] = [{"token": []}, {"session": []}, {}]
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
    return document


_TOLD = """\
Incidents, and how long it takes to restore service.

Send `Authorization: Bearer TOKEN`; tokens are made on the settings page. Durations are seconds, times are RFC 3339 in
UTC, and what is undefined is null, never 0. Failures are `application/problem+json`: `detail` says what, why, and the
way out.
"""
