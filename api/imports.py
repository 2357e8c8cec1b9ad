"""Routes about imports: handing in a feed, and following it."""

from dataclasses import dataclass
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, File, Form, Path, Response, UploadFile
from pydantic import AfterValidator, Field
from starlette.background import BackgroundTask

from api import handed
from api.answers import answer
from api.cursors import Cursor, cursor_of, position_of
from api.errors import BadImport
from api.problems import documented
from api.progress import Import, ImportPage, ImportProgress, import_of, progress_of
from api.questions import Question, asked, parameters
from api.resources import Resources, Use
from api.texts import LARGEST_ID, Text, strip_name
from api.uploads import FORM
from broker import dispatch
from db.catalogues import ensure_catalogue
from db.engine import transaction
from db.imports import WITHDRAW_SHARE_MAX, ImportStatus, begin_import, import_status
from db.models import active_model
from db.plans import HandedIn, hand_in
from db.reports import import_page, photos_per_s
from db.states import ImportState, Lane

router = APIRouter(prefix="/v1/imports", tags=["imports"])
ImportId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The import's id.", examples=[2])]


class ImportsQuestion(Question):
    """Which imports, and which page of them."""

    limit: int = Field(20, ge=1, le=200, description="Imports a page.")
    after: Cursor | None = Field(None, description="The `next` of the page before.")
    catalogue: Text | None = Field(None, description="Only those into this catalogue.")
    state: ImportState | None = Field(None, description="Only those in this state.")
    lane: Lane | None = Field(
        None, description="Only those of this lane; single listings are listed for `interactive` alone."
    )


@router.post(
    "",
    operation_id="begin_import",
    status_code=202,
    response_model=Import,
    dependencies=FORM,
)
async def begin(
    use: Use,
    feed: Annotated[
        UploadFile | None, File(description="CSV, Excel, JSON, Parquet, a Shopify or Google feed, or a zip of photos.")
    ] = None,
    feed_url: Annotated[Text | None, Form(description="Where a worker fetches the feed, in place of a file.")] = None,
    photos: Annotated[UploadFile | None, File(description="A zip of the photos that the feed names.")] = None,
    catalogue: Annotated[Text, AfterValidator(strip_name), Form(description="Made where it is new.")] = "default",
    map: Annotated[  # noqa: A002
        list[Text], Form(description="FIELD=COLUMN, where names do not say it; may be repeated.")
    ] = [],  # noqa: B006
    full: Annotated[bool, Form(description="The feed is all there is: other listings become unavailable.")] = False,
    withdraw_share_max: Annotated[
        float,
        Form(ge=0, le=1, description="With full: fails, and withdraws nothing, where that is a larger share of them."),
    ] = WITHDRAW_SHARE_MAX,
    refetch: Annotated[bool, Form(description="Ask for known photo URLs again, and read known files again.")] = False,
    preview: Annotated[
        bool,
        Form(description="Change nothing yet: `/forecast` tells what it would do, `/resume` starts it."),
    ] = False,
) -> Response:
    """Takes a feed in; a worker reads it. Ask the address in `Location` how far it is."""
    columns = handed.columns_of(map)
    if (feed is None) == (feed_url is None):
        raise BadImport("send either a file in the field feed, or feed_url")
    url = None if feed_url is None else handed.checked_url(feed_url)
    how = How(full=full, withdraw_share_max=withdraw_share_max, refetch=refetch, preview=preview)
    begun = await to_thread.run_sync(take_in, use, feed, url, photos, catalogue, columns, how)
    return answer(
        import_of(begun),
        status=202,
        headers={"Location": f"/v1/imports/{begun.id}"},
        background=BackgroundTask(dispatch, use.engine, use.broker),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class How:
    """How a feed is to be taken."""

    full: bool
    withdraw_share_max: float
    refetch: bool
    preview: bool


def take_in(
    use: Resources,
    feed: UploadFile | None,
    url: str | None,
    photos: UploadFile | None,
    catalogue: str,
    columns: dict[str, str],
    how: How,
) -> ImportStatus:
    with handed.kept(use.store, feed, photos) as (feed_file, photos_file), transaction(use.engine) as connection:
        version = active_model(connection)
        ensure_catalogue(connection, catalogue)
        import_id = begin_import(
            connection,
            catalogue=catalogue,
            feed=handed.name_of(feed, url),
            lane=Lane.BULK,
            model_version_id=version.id,
            whole=how.full,
            withdraw_share_max=how.withdraw_share_max,
            refetch=how.refetch,
        )
        given = HandedIn(feed_url=url, feed_file=feed_file, photos_file=photos_file, columns=columns)
        hand_in(connection, import_id, given, preview=how.preview)
        return import_status(connection, import_id)


@router.get("", operation_id="list_imports", response_model=ImportPage, openapi_extra=parameters(ImportsQuestion))
def imports(use: Use, question: Annotated[ImportsQuestion, Depends(asked(ImportsQuestion))]) -> Response:
    """Imports of feeds, newest first; those of single listings with `lane=interactive` only."""
    before = position_of(question.after) if question.after else LARGEST_ID
    wanted = question.model_dump(include={"catalogue", "state", "lane"})
    with transaction(use.engine) as connection:
        found = import_page(connection, before=before, limit=question.limit + 1, **wanted)
    page = found[: question.limit]
    following = cursor_of(page[-1].id) if len(found) > question.limit else None
    return answer(ImportPage(imports=[import_of(status) for status in page], next=following))


@router.get("/{import_id}", operation_id="get_import", response_model=ImportProgress, responses=documented(404))
def one(use: Use, import_id: ImportId) -> Response:
    """How far an import is; cheap enough to ask every second."""
    with transaction(use.engine) as connection:
        return answer(progress_of(import_status(connection, import_id), photos_per_s(connection, import_id)))
