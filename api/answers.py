"""Answers of the API, serialised once: FastAPI would check each row a second time against its schema."""

from typing import Any

from fastapi import Response
from pydantic_core import to_json
from starlette.background import BackgroundTask


def answer(
    value: Any,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    background: BackgroundTask | None = None,
) -> Response:
    """`value` as JSON: schemas, frozen dataclasses, lists and mappings of them. `background` runs once it is sent."""
    return Response(
        to_json(value), status_code=status, media_type="application/json", headers=headers, background=background
    )
