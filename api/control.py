"""Routes that stop imports and let them go on: paused, resumed, cancelled, and their quarantine played again."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import Field
from sqlalchemy import Connection, Engine
from starlette.background import BackgroundTask

from api.answers import answer
from api.cards import Shown
from api.imports import ImportId
from api.problems import documented
from api.progress import Import, import_of
from api.questions import Question, asked, parameters
from api.resources import Resources, Use
from broker import dispatch
from db.control import begin_cancelling, finish_cancelling, pause_import, play_again, resume_import
from db.engine import transaction
from db.imports import import_status
from db.states import MAY_PASS, Reason
from store import Area, Store

router = APIRouter(prefix="/v1/imports", tags=["imports"])
ONE: dict[str, Any] = {
    "response_model": Import,
    "responses": documented(404) | documented(409, text="The import is over; `detail` says how."),
}


class RetryQuestion(Question):
    """Which photos."""

    reason: list[Reason] | None = Field(
        None, description="Only those for these reasons; else for all that may pass, and those that crashed a worker."
    )


class PlayedAgain(Shown):
    """What was put to work again, and what was not."""

    photos: int = Field(description="Pending again.", examples=[12])
    left: dict[Reason, int] = Field(
        description="Those that stay, as their reason was not asked for.", examples=[{"not_found": 3}]
    )
    without_file: int = Field(
        description="Those that stay as nobody has their bytes: import the feed again, with its photos.", examples=[0]
    )
    imported: Import = Field(description="The import, which goes on.")


@router.post("/{import_id}/pause", operation_id="pause_import", **ONE)
def pause(use: Use, import_id: ImportId) -> Response:
    """Hands nothing more of it to workers; what they hold is finished, and a feed that is read is read to its end."""
    return decided(use, import_id, pause_import)


@router.post("/{import_id}/resume", operation_id="resume_import", **ONE)
def resume(use: Use, import_id: ImportId) -> Response:
    """Lets it go on where it rested; one whose feed was only looked at begins."""
    return decided(use, import_id, resume_import, BackgroundTask(dispatch, use.engine, use.broker))


def decided(
    use: Resources, import_id: int, decide: Callable[[Connection, int], None], then: BackgroundTask | None = None
) -> Response:
    with transaction(use.engine) as connection:
        decide(connection, import_id)
        return answer(import_of(import_status(connection, import_id)), background=then)


@router.post("/{import_id}/cancel", operation_id="cancel_import", status_code=202, **ONE)
def cancel(use: Use, import_id: ImportId) -> Response:
    """Ends it: what was enriched stays, what is pending is cancelled, soon also where there are millions."""
    with transaction(use.engine) as connection:
        files = begin_cancelling(connection, import_id)
        status = import_status(connection, import_id)
    then = BackgroundTask(clear_away, use.engine, use.store, import_id, files)
    return answer(import_of(status), status=202, background=then)


def clear_away(engine: Engine, store: Store, import_id: int, files: Sequence[str]) -> None:
    """What is left of an import that was cancelled. Whatever breaks this off, the sweep of a worker goes on with it."""
    finish_cancelling(engine, import_id)
    for name in files:
        store.remove(Area.FEEDS, name)


@router.post(
    "/{import_id}/retry",
    operation_id="retry_import",
    response_model=PlayedAgain,
    responses=documented(404) | documented(409, text="The import is being cancelled."),
    openapi_extra=parameters(RetryQuestion),
)
def retry(use: Use, import_id: ImportId, question: Annotated[RetryQuestion, Depends(asked(RetryQuestion))]) -> Response:
    """Puts photos of its quarantine to work again, with all their tries before them."""
    played = play_again(use.engine, import_id, question.reason or MAY_PASS)
    with transaction(use.engine) as connection:
        status = import_status(connection, import_id)
    said = PlayedAgain(
        photos=played.photos, left=dict(played.left), without_file=played.without_file, imported=import_of(status)
    )
    return answer(said, background=BackgroundTask(dispatch, use.engine, use.broker))
