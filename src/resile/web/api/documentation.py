"""The version, the OpenAPI document, and a page that shows it without help from another host."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from resile import __version__
from resile.web.pages.rendering import render

router = APIRouter()


@router.get("/version", tags=["resile"], summary="The version that answers")
def version() -> dict[str, str]:
    """The version of resile."""
    return {"version": __version__}


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return JSONResponse(request.app.openapi())


@router.get("/docs", include_in_schema=False)
def show_docs(request: Request) -> Response:
    """Every operation with its words, as a page."""
    document = request.app.openapi()
    base: str = request.app.state.resile.settings.base_url or str(request.base_url)
    return render(
        request,
        "accounts/api.html",
        title="API",
        operations=_operations(document),
        base=base.rstrip("/"),
        document=document,
    )


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "method": method.upper(),
            "path": path,
            "summary": operation.get("summary", ""),
            "description": operation.get("description", "").replace("`", ""),
            "parameters": operation.get("parameters", []),
            "takes": _takes(operation, document),
            "gives": _shape_of(operation),
            "id": operation["operationId"],
        }
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def _shape_of(operation: dict[str, Any]) -> str:
    """The name of what it gives where it goes well."""
    for status, answer in operation["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        if str(status).startswith("2") and "$ref" in schema:
            return str(schema["$ref"]).rsplit("/", 1)[-1]
    return ""


def _takes(operation: dict[str, Any], document: dict[str, Any]) -> list[dict[str, Any]]:
    """The shapes of the body that it takes: name, and its fields with what they hold."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    refs = [one["$ref"] for one in schema.get("oneOf", [schema]) if "$ref" in one]
    shapes = document["components"]["schemas"]
    named = [(ref.rsplit("/", 1)[-1], shapes[ref.rsplit("/", 1)[-1]]) for ref in refs]
    return [
        {"name": name, "description": shape.get("description", ""), "fields": list(shape.get("properties", {}))}
        for name, shape in named
    ]
