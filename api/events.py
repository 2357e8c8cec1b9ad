"""The route that streams an import's progress."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from api.following import ProgressStream
from api.imports import ImportId
from api.problems import documented
from api.resources import Use

router = APIRouter(prefix="/v1/imports", tags=["imports"])
# Before OpenAPI 3.2 the schema of such a stream is that of each of its events.
EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string"},
        "event": {"enum": ["progress", "done"]},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/ImportProgress"},
        },
    },
}


@router.get(
    "/{import_id}/events",
    operation_id="follow_import",
    response_class=Response,
    responses={
        200: {
            "description": "Server-sent events: `progress` whenever something changed, at most once a second, and at "
            "the end `done`. The data of both is what `GET /v1/imports/{import_id}` answers.",
            "content": {"text/event-stream": {"schema": EVENT}},
        },
        204: {"description": "It is over, and the client knows: `Last-Event-ID` names its last event."},
        **documented(404),
    },
)
async def events(
    use: Use,
    import_id: ImportId,
    last_event_id: Annotated[
        str | None, Header(max_length=200, description="The last event that came, as a browser sends it by itself.")
    ] = None,
) -> Response:
    """An import's progress as it happens, as an `EventSource` reads it; a comment comes where nothing else does.

    A stream ends after ten minutes, and a client connects again.
    """
    seen = await use.following.now(import_id)
    if seen.finished and seen.id == last_event_id:
        return Response(status_code=204)
    return ProgressStream(use.following, import_id, last_event_id)
