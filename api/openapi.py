"""The OpenAPI document: what FastAPI derives from the routes, and what holds for all of them."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.keys import KeyRing
from api.problems import documented
from api.scopes import NEEDED
from db.states import KeyScope

DESCRIPTION = """
What modiste sees on the photos of a fashion catalogue, and which listings are similar. The same as in SQL, over HTTP.

Every answer of 400 and above is a problem (RFC 9457, `application/problem+json`) whose `detail` says what to do.
"""
TAGS = [
    {"name": "similar", "description": "Similar listings: to a listing, to a photo, to a vector."},
    {"name": "listings", "description": "What is for sale: the seller's words beside the model's."},
    {"name": "catalogues", "description": "Named sets of listings."},
    {"name": "photos", "description": "Photos handed in, and thumbnails."},
    {"name": "imports", "description": "Runs over a feed: begun, watched, and their reports."},
    {"name": "corrections", "description": "What people say is true of listings, for all model versions."},
    {"name": "models", "description": "Model versions; one of them is active."},
    {"name": "health", "description": "Whether the API runs and can answer; never needs the key."},
]
# As OpenAPI writes paths: without `:path`.
SCOPES = {route.replace(":path}", "}"): scope for route, scope in NEEDED.items()}
PROBLEM = {
    "title": "Problem",
    "description": "An error: what was wrong, and what to do.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {
            "type": "string",
            "description": "Stable, for programs.",
            "examples": ["urn:modiste:problem:bad-request"],
        },
        "title": {"type": "string", "examples": ["Bad request"]},
        "status": {"type": "integer", "examples": [422]},
        "detail": {"type": "string", "examples": ["k (query): input should be less than or equal to 1000."]},
        "reason": {"type": "string", "description": "Of a photo: why it cannot be used, as in its quarantine."},
        "errors": {
            "type": "array",
            "description": "Each parameter or field that is wrong.",
            "items": {
                "type": "object",
                "required": ["in", "name", "detail"],
                "properties": {name: {"type": "string"} for name in ("in", "name", "detail")},
            },
        },
    },
}
EVERYWHERE = {
    422: "A parameter or field is wrong; `errors` names each.",
    500: "The API failed; its log says why.",
    503: "The database, the store or the active model version is not there at the moment.",
}
OF_BODIES = {
    400: "The body is not what its content type says.",
    413: "The body is larger than this route takes.",
    415: "The body is of another type than this route takes.",
}
KEY = {
    401: "The key is missing or wrong, was revoked or has expired.",
    403: "The key's scope is less than this route needs.",
    429: "Too many requests with this key; `Retry-After` says when to ask again.",
}


def describe(app: FastAPI, keys: KeyRing) -> None:
    """Makes `app.openapi` complete. Built when first asked for: it takes longer than an answer may.

    With and without keys, as they may come and go while the API runs.
    """
    built: dict[bool, dict[str, Any]] = {}

    def openapi() -> dict[str, Any]:
        with_key = keys.asked_for
        if with_key not in built:
            built[with_key] = complete(
                get_openapi(
                    title=app.title, version=app.version, description=DESCRIPTION, tags=TAGS, routes=app.routes
                ),
                with_key=with_key,
            )
        return built[with_key]

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def complete(document: dict[str, Any], *, with_key: bool) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM
    if with_key:
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            scope = SCOPES.get(f"{method.upper()} {path}")
            if scope is not None:
                complete_operation(operation, scope, with_key=with_key)
    return document


def complete_operation(operation: dict[str, Any], scope: KeyScope, *, with_key: bool) -> None:
    problems = EVERYWHERE | (OF_BODIES if "requestBody" in operation else {}) | (KEY if with_key else {})
    operation["responses"] |= described(problems, own=operation["responses"])
    operation["security"] = [{"key": [scope.value]}] if with_key else []
    operation["description"] = f"{operation.get('description', '')}\n\nScope of the key: `{scope}`.".strip()


def described(problems: Mapping[int, str], *, own: Mapping[str, Any]) -> dict[str, Any]:
    """Where a route has no words of its own for a problem. 422 always: FastAPI's own shape of it is not used."""
    every = {str(status): documented(status, text=text)[status] for status, text in problems.items()}
    return {status: said for status, said in every.items() if status == "422" or status not in own}
