"""`/imports/{id}`: one import as it goes on, what of it is amiss, and what a person may do about that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Response
from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse

from api.cards import thumbnail_path
from api.control import clear_away
from api.forecasts import Forecast
from api.imports import ImportId
from api.pages import wording
from api.pages.choice import Choice
from api.pages.forecasting import ForecastShown, shown_forecast
from api.pages.imports import PATH, faults_of, is_unread, mood_of
from api.pages.site import UseSite
from api.pages.tiles import card_picture
from api.progress import ImportProgress, progress_of
from api.resources import Use
from api.sources import public_source
from broker import dispatch
from db.browsing import ListingCard, listing_cards
from db.control import begin_cancelling, pause_import, play_again, resume_import
from db.engine import transaction
from db.imports import ImportStatus, import_status
from db.plans import forecast_of
from db.quarantine import QuarantineRow, Wanted, count_by_reason, quarantine_page
from db.remedies import REMEDIES
from db.reports import photos_per_s
from db.row_reports import ReportRow, report_page
from db.rows import is_url
from db.similarity import photo_digests
from db.states import MAY_PASS, Reason, ReportOutcome

SHOWN = 8
ROWS_SHOWN = 50

router = APIRouter()


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Photos that are in quarantine for one reason. `again`: trying them again may help, as nothing must be imported.

    `more`: how many there are besides the examples.
    """

    reason: str
    count: str
    sentence: str
    remedy: str
    examples: Sequence["Example"]
    more: str
    again: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One of them. `thumbnail`: of what there is of its file, else of the photo that stands for its listing."""

    href: str
    name: str
    thumbnail: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedRow:
    line: str
    listing: str
    column: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportPage:
    """`shown` is what HTTP answers, which the script keeps up to date. `forecast`: where a person has to say yes.

    `unread`: it failed before a row of its feed was read.
    """

    shown: ImportProgress
    state: str
    mood: str
    rate: str
    left: str
    catalogue_href: str
    events: str
    faults: Sequence[Fault]
    quarantine_csv: str
    rejected: Sequence[RejectedRow]
    report_csv: str
    unread: bool
    finished: bool
    paused: bool
    stoppable: bool
    forecast: ForecastShown | None


@router.get(f"{PATH}/{{import_id}}")
def one(use: Use, site: UseSite, import_id: ImportId) -> Response:
    with transaction(use.engine) as connection:
        return site.page("import.html", page=page_of(connection, import_id))


@router.post(f"{PATH}/{{import_id}}/pause")
def pause(use: Use, import_id: ImportId) -> Response:
    return decided(use, import_id, pause_import)


@router.post(f"{PATH}/{{import_id}}/resume")
def resume(use: Use, import_id: ImportId) -> Response:
    return decided(use, import_id, resume_import, BackgroundTask(dispatch, use.engine, use.broker))


@router.post(f"{PATH}/{{import_id}}/cancel")
def cancel(use: Use, import_id: ImportId) -> Response:
    with transaction(use.engine) as connection:
        files = begin_cancelling(connection, import_id)
    return back(import_id, BackgroundTask(clear_away, use.engine, use.store, import_id, files))


@router.post(f"{PATH}/{{import_id}}/retry")
def retry(use: Use, import_id: ImportId, reason: Annotated[Reason | None, Form()] = None) -> Response:
    play_again(use.engine, import_id, [reason] if reason else MAY_PASS)
    return back(import_id, BackgroundTask(dispatch, use.engine, use.broker))


def decided(
    use: Use, import_id: int, decide: Callable[[Connection, int], None], then: BackgroundTask | None = None
) -> Response:
    with transaction(use.engine) as connection:
        decide(connection, import_id)
    return back(import_id, then)


def back(import_id: int, then: BackgroundTask | None = None) -> Response:
    return RedirectResponse(f"{PATH}/{import_id}", status_code=303, background=then)


def page_of(connection: Connection, import_id: int) -> ImportPage:
    """Raises `UnknownImport`."""
    status = import_status(connection, import_id)
    shown = progress_of(status, photos_per_s(connection, import_id))
    wanted = Wanted(import_id=import_id)
    counts = count_by_reason(connection, wanted) if status.photos_quarantined else {}
    told = forecast_of(connection, import_id) if status.waits else None
    rejected = report_page(connection, import_id, after=0, limit=ROWS_SHOWN, outcome=ReportOutcome.REJECTED)
    return ImportPage(
        shown=shown,
        state=wording.import_state(status.shown_state, faults=faults_of(shown), unread=is_unread(shown)),
        mood=mood_of(shown, status.shown_state),
        rate=f"{shown.photos_per_s:,.0f} photos a second" if shown.photos_per_s >= 1 else "",
        left=wording.time_left(shown.seconds_left),
        catalogue_href=Choice(catalogue=status.catalogue).url(),
        events=f"/v1/imports/{import_id}/events",
        faults=[fault(connection, status, reason, count) for reason, count in counts.items()],
        quarantine_csv=f"/v1/imports/{import_id}/quarantine?format=csv",
        rejected=[row_of(row) for row in rejected],
        report_csv=f"/v1/imports/{import_id}/report",
        unread=is_unread(shown),
        finished=status.finished,
        paused=status.paused_at is not None,
        stoppable=not status.finished and status.shown_state != "cancelled",
        forecast=shown_forecast(Forecast.model_validate(told)) if told else None,
    )


def fault(connection: Connection, status: ImportStatus, reason: Reason, count: int) -> Fault:
    found = quarantine_page(connection, Wanted(import_id=status.id, reason=reason), after=0, limit=SHOWN)
    cards = {card.id: card for card in listing_cards(connection, [row.listing_id for row in found])}
    begun = [row.photo_id for row in found if row.reason is Reason.TRUNCATED]
    digests = photo_digests(connection, begun) if begun else {}
    return Fault(
        reason=reason.value,
        count=wording.counted(count, "photo"),
        sentence=wording.reason(reason),
        remedy=REMEDIES[reason],
        examples=[example(row, cards.get(row.listing_id), digests.get(row.photo_id)) for row in found],
        more=wording.number(count - len(found)) if count > len(found) else "",
        again=reason in MAY_PASS or any(is_url(row.source) for row in found),
    )


def example(row: QuarantineRow, card: ListingCard | None, digest: str | None) -> Example:
    """`digest`: of bytes that may show a part of the photo."""
    picture = card and card_picture(card)
    thumbnail = thumbnail_path(row.photo_id, digest) or (picture.small if picture else None)
    return Example(href=f"/listings/{row.listing_id}", name=name_of(row), thumbnail=thumbnail)


def name_of(row: QuarantineRow) -> str:
    """The listing and its photo's file, which its seller knows it by."""
    source = public_source(row.source)
    file = PurePosixPath(urlsplit(source).path).name or source
    return f"{row.title or row.external_id}: {file}"


def row_of(row: ReportRow) -> RejectedRow:
    return RejectedRow(
        line="" if row.line is None else wording.number(row.line),
        listing=row.external_id or "",
        column=row.column or "",
        detail=row.detail or row.reason or "",
    )
