"""`/imports`: feeds are handed in, and what became of those before; newest first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, File, Form, Response, UploadFile
from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse

from api import handed
from api.cursors import Cursor, cursor_of, position_of
from api.errors import BadImport, EmptyUpload
from api.imports import How, take_in
from api.pages import wording
from api.pages.site import UseSite
from api.progress import Import, import_of
from api.resources import Resources, Use
from api.texts import LARGEST_ID, Text, strip_name
from api.uploads import FORM
from broker import dispatch
from db.browsing import list_catalogues
from db.engine import transaction
from db.errors import NoActiveModel
from db.imports import WITHDRAW_SHARE_MAX
from db.reports import import_page
from db.states import ImportState

PATH = "/imports"
IMPORTS_A_PAGE = 20

router = APIRouter()


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportLine:
    """An import in the list. `share`: of the photos known so far, those that are done, 0 to 1; None while none is."""

    id: int
    href: str
    feed: str
    catalogue: str
    state: str
    mood: str
    size: str
    share: float | None
    started_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Typed:
    """What a person typed, to be there again where it was refused."""

    catalogue: str = "default"
    feed_url: str = ""
    full: bool = False
    columns: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportsPage:
    """`wrong`: why the form was refused, in a sentence."""

    imports: Sequence[ImportLine]
    catalogues: Sequence[str]
    typed: Typed
    wrong: str | None
    first_page: str | None
    next_page: str | None


@router.get(PATH)
def imports(use: Use, site: UseSite, after: Cursor | None = None) -> Response:
    with transaction(use.engine) as connection:
        page = page_of(connection, Typed(), None, after)
    return site.page("imports.html", page=page)


@router.post(PATH, dependencies=FORM)
async def begin(
    use: Use,
    site: UseSite,
    feed: Annotated[UploadFile | None, File()] = None,
    photos: Annotated[UploadFile | None, File()] = None,
    feed_url: Annotated[Text, Form()] = "",
    catalogue: Annotated[Text, Form()] = "",
    full: Annotated[bool, Form()] = False,
    columns: Annotated[Text, Form(max_length=2000)] = "",
    preview: Annotated[bool, Form()] = False,
) -> Response:
    """Hands in what the form holds, and shows it; where something is amiss, the form again with what was typed."""
    typed = Typed(catalogue=catalogue.strip(), feed_url=feed_url.strip(), full=full, columns=columns.strip())
    try:
        import_id = await to_thread.run_sync(hand_in, use, chosen(feed), chosen(photos), typed, preview)
    except (BadImport, EmptyUpload, NoActiveModel) as error:
        wrong = str(error)
        return await to_thread.run_sync(refused, use, site, typed, wrong)
    return RedirectResponse(
        f"{PATH}/{import_id}", status_code=303, background=BackgroundTask(dispatch, use.engine, use.broker)
    )


def chosen(upload: UploadFile | None) -> UploadFile | None:
    """A browser sends a field without a file as one without a name."""
    return upload if upload is not None and upload.filename else None


def hand_in(use: Resources, feed: UploadFile | None, photos: UploadFile | None, typed: Typed, preview: bool) -> int:
    """The import's id. Raises `BadImport`, `EmptyUpload` or `NoActiveModel`."""
    if (feed is None) == (not typed.feed_url):
        raise BadImport("choose a feed, or give its address: one of the two")
    try:
        catalogue = strip_name(typed.catalogue)
    except ValueError as error:
        raise BadImport("give the catalogue a name, for example my-shop") from error
    url = handed.checked_url(typed.feed_url) if typed.feed_url else None
    named = handed.columns_of([entry for entry in re.split(r"[,\n]", typed.columns) if entry.strip()])
    how = How(full=typed.full, withdraw_share_max=WITHDRAW_SHARE_MAX, refetch=False, preview=preview)
    return take_in(use, feed, url, photos, catalogue, named, how).id


def refused(use: Resources, site: UseSite, typed: Typed, wrong: str) -> Response:
    with transaction(use.engine) as connection:
        page = page_of(connection, typed, wrong, None)
    return site.page("imports.html", status=422, page=page)


def page_of(connection: Connection, typed: Typed, wrong: str | None, after: str | None) -> ImportsPage:
    before = position_of(after) if after else LARGEST_ID
    found = import_page(connection, before=before, limit=IMPORTS_A_PAGE + 1)
    page = found[:IMPORTS_A_PAGE]
    following = cursor_of(page[-1].id) if len(found) > IMPORTS_A_PAGE else None
    return ImportsPage(
        imports=[line_of(import_of(status), status.shown_state) for status in page],
        catalogues=[size.name for size in list_catalogues(connection)],
        typed=typed,
        wrong=wrong,
        first_page=PATH if after else None,
        next_page=f"{PATH}?after={following}" if following else None,
    )


def line_of(shown: Import, state: str) -> ImportLine:
    return ImportLine(
        id=shown.id,
        href=f"{PATH}/{shown.id}",
        feed=shown.feed,
        catalogue=shown.catalogue,
        state=wording.import_state(state, faults=faults_of(shown), unread=is_unread(shown)),
        mood=mood_of(shown, state),
        size=size_of(shown, state),
        share=shown.progress,
        started_at=shown.started_at,
    )


def size_of(shown: Import, state: str) -> str:
    if state == "previewed":
        return "looked at, not taken yet"
    return f"{wording.counted(shown.rows.total, 'row')} · {wording.counted(shown.photos.total, 'photo')}"


def mood_of(shown: Import, state: str) -> str:
    """How its state is coloured: what goes on, what is well, and what a person should look at."""
    if state in ("failed", "cancelled", "paused"):
        return "amiss"
    if state == "previewed":
        return "waits"
    if state != "done":
        return "going"
    return "amiss" if faults_of(shown) else "well"


def is_unread(shown: Import) -> bool:
    """Whether it failed before a row of its feed was read."""
    return shown.state is ImportState.FAILED and not (shown.rows.total or shown.photos.total)


def faults_of(shown: Import) -> int:
    """Rows that were rejected, and photos in quarantine."""
    return shown.rows.rejected + shown.photos.quarantined
