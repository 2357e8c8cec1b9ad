"""`modiste import`: a feed and its photos in, enriched listings out."""

import shlex
from contextlib import ExitStack
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.errors import UsageError
from cli.forecast import show_forecast
from cli.mapping import say_columns
from cli.opening import Stack, open_stack
from cli.output import err, out, print_json, print_table, progress
from cli.quarantined import first_in_quarantine, show_quarantine
from cli.seeing_through import run_import, say_rows
from cli.settings import Settings
from db.batches import RowReport
from db.engine import transaction
from db.imports import (
    WITHDRAW_SHARE_MAX,
    ImportStatus,
    RejectedRow,
    rejected_rows,
)
from db.quarantine import Wanted, count_by_reason
from db.states import ImportState, Lane
from worker.dry_run import Forecast, dry_run
from worker.feed import Feed, FeedFormat, open_feed
from worker.photos import open_photos
from worker.photos.sought import SoughtPhotos
from worker.planning import Order

FINISHED_WITH_FAULTS = 3
SHOWN = 10


class ImportLane(StrEnum):
    """Lanes a person may choose."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


def import_feed(
    feed: Annotated[
        str,
        typer.Argument(
            help="CSV, Excel, JSON, Google Merchant XML, Parquet, as path or URL; a zip of it and its photos; photos."
        ),
    ],
    photos: Annotated[
        Path | None, typer.Option(help="Folder or zip that holds the photos which the feed names.")
    ] = None,
    catalogue: Annotated[str, typer.Option(help="The catalogue to import into; it is made if it is new.")] = "default",
    column: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Which column holds a field, e.g. title=product_name."),
    ] = None,
    lane: Annotated[ImportLane, typer.Option(help="interactive goes ahead of all bulk work.")] = ImportLane.BULK,
    full: Annotated[
        bool, typer.Option("--full", help="The feed is all there is: other listings become unavailable.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --full: also where they are more than a fifth of the catalogue.")
    ] = False,
    refetch: Annotated[
        bool,
        typer.Option("--refetch", help="Ask for known photo URLs again, whether they changed; read known files again."),
    ] = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change and what it would take, and change nothing.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Stay until the last photo is done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> None:
    """Import a feed: new and changed listings are written, their photos enriched. Again: only what changed.

    Alone on the embedded stack it works until the last photo is done; where a worker runs, it returns once
    everything is queued. Exit status: 0 all is well, 3 done (or would be) with rejected rows or quarantined photos,
    1 it failed or was cancelled.
    """
    settings = Settings()
    if not catalogue.strip():
        raise UsageError("--catalogue needs a name")
    if yes and not full:
        raise UsageError("--yes goes with --full: it confirms what that withdraws")
    with ExitStack() as exits:
        opened = exits.enter_context(
            open_feed(feed, mapping=parse_map(column or []), allow_hosts=settings.modiste_allow_hosts)
        )
        beside = photos_beside(opened, photos)
        if beside is not None:
            exits.callback(beside.close)
        say_columns(opened, beside)
        stack = exits.enter_context(open_stack(settings))
        order = Order(
            catalogue=catalogue,
            feed_name=opened.name,
            feed=opened,
            photos=beside,
            lane=Lane(lane.value),
            whole=full,
            withdraw_share_max=1.0 if yes else WITHDRAW_SHARE_MAX,
            refetch=refetch,
        )
        if dry:
            forecast = forecast_of(stack, order)
            show_dry_run(forecast, as_json=as_json)
            say_mismatch(beside)
            raise typer.Exit(exit_status_of(forecast))

        def done(status: ImportStatus) -> None:
            show_result(stack, status, as_json=as_json)
            say_mismatch(beside)

        status = run_import(stack, order, watch=watch, done=done)
        raise typer.Exit(exit_status(status))


def parse_map(pairs: list[str]) -> dict[str, str]:
    """`["title=product_name"]` as a mapping."""
    for pair in pairs:
        if not all(pair.partition("=")):
            raise UsageError(f"--map {pair}: write FIELD=COLUMN, for example --map title=product_name")
    return {field.strip(): name.strip() for field, _, name in (pair.partition("=") for pair in pairs)}


def photos_beside(feed: Feed, photos: Path | None) -> SoughtPhotos | None:
    """The photos that the feed's rows name: those given, or else what came in one zip with it."""
    if photos and feed.format is not FeedFormat.PHOTOS:
        return SoughtPhotos(open_photos(photos.expanduser()))
    return SoughtPhotos(open_photos(feed.photos_path)) if feed.photos_path else None


def say_mismatch(photos: SoughtPhotos | None) -> None:
    """Ten faults of one photo each do not say that the feed's names are others than the photos'."""
    if photos is not None and (said := photos.mismatch()):
        err.print(f"[yellow]{escape(said)}[/]", soft_wrap=True)


def exit_status(status: ImportStatus) -> int:
    if status.state in (ImportState.FAILED, ImportState.CANCELLED):
        return 1
    return FINISHED_WITH_FAULTS if status.rows_rejected or status.photos_quarantined else 0


def forecast_of(stack: Stack, order: Order) -> Forecast:
    with progress() as bar:
        task = bar.add_task("reading the feed", total=None, says="")
        return dry_run(stack.engine, order, on_batch=lambda tally: say_rows(bar, task, tally))


def show_dry_run(forecast: Forecast, *, as_json: bool) -> None:
    if as_json:
        print_json(forecast.as_json())
        return
    show_forecast(forecast)
    show_rejections([rejected(row) for row in forecast.rejections[:SHOWN]], forecast.tally.rows_rejected)


def exit_status_of(forecast: Forecast) -> int:
    """Of the import, as far as its rows and the files beside it tell."""
    if forecast.withdrawal and forecast.withdrawal.refusal:
        return 1
    return FINISHED_WITH_FAULTS if forecast.tally.rows_rejected or forecast.photos.without_file else 0


def rejected(row: RowReport) -> RejectedRow:
    return RejectedRow(
        line=row.line, external_id=row.external_id, column=row.column, reason=row.reason or "", detail=row.detail
    )


def show_result(stack: Stack, status: ImportStatus, *, as_json: bool) -> None:
    with transaction(stack.engine) as connection:
        rejected = rejected_rows(connection, status.id) if status.rows_rejected else []
        quarantined = first_in_quarantine(connection, status.id) if status.photos_quarantined else []
    if as_json:
        print_json({**import_as_json(status), "rejected": rejected, "quarantined": quarantined})
        return
    show_status(status)
    show_rejections(rejected[:SHOWN], status.rows_rejected)
    show_quarantine(quarantined[:SHOWN], status.photos_quarantined)
    say_earlier_quarantine(stack, status)
    if status.paused_at:
        out.print(f"It is paused: modiste resume {status.id} lets it go on.")
    elif status.waits:
        out.print(f"Its feed was looked at, nothing of it is taken: modiste resume {status.id} starts it.")
    elif not status.finished:
        out.print(f"It is worked on: modiste status {status.id} tells how far, --watch stays until it is done.")
    if status.rows == 0 and status.lane is not Lane.BACKFILL:
        err.print("[yellow]The feed has column names and no rows.[/]")


def say_earlier_quarantine(stack: Stack, status: ImportStatus) -> None:
    """An import in which nothing changed looks well, also where an earlier one left photos in quarantine."""
    if not status.rows_unchanged:
        return
    with transaction(stack.engine) as connection:
        counts = count_by_reason(connection, Wanted(catalogue=status.catalogue))
    if earlier := sum(counts.values()) - status.photos_quarantined:
        err.print(
            f"[yellow]{earlier:,} photos of this catalogue are in quarantine since earlier imports:[/] "
            f"modiste quarantine list --catalogue {escape(shlex.quote(status.catalogue))}",
            soft_wrap=True,
        )


def import_as_json(status: ImportStatus) -> dict[str, Any]:
    return asdict(status)


def show_status(status: ImportStatus) -> None:
    """The counters of one import, each line adding up to its first number."""
    if status.lane is Lane.BACKFILL:
        of = f", {status.feed} over {status.catalogue}"
        out.print(f"[bold]Import {status.id}[/]{escape(of)}: {status.shown_state}", soft_wrap=True)
    else:
        of = f" of {status.feed} into {status.catalogue}"
        out.print(f"[bold]Import {status.id}[/]{escape(of)}: {status.shown_state}", soft_wrap=True)
        show_rows(status)
    show_photos(status)
    if status.whole:
        out.print(f"  withdrawn {status.listings_withdrawn:>6,} listings that the feed does not have")
    if status.error:
        out.print(f"  [red]{escape(status.error)}[/]", soft_wrap=True)


def show_rows(status: ImportStatus) -> None:
    out.print(
        f"  rows    {status.rows:>8,} = {status.rows_new:,} new + {status.rows_changed:,} changed + "
        f"{status.rows_unchanged:,} unchanged + {status.rows_continued:,} continued + "
        f"{status.rows_rejected:,} rejected",
        soft_wrap=True,
    )


def show_photos(status: ImportStatus) -> None:
    out.print(
        f"  photos  {status.photos_total:>8,} = {status.photos_enriched:,} enriched + "
        f"{status.photos_quarantined:,} in quarantine + {status.photos_cancelled:,} cancelled + "
        f"{status.photos_pending:,} pending; {status.photos_inferred:,} went through the network",
        soft_wrap=True,
    )


def show_rejections(rows: list[RejectedRow], total: int) -> None:
    if rows:
        print_table(
            f"\nRejected rows ({len(rows)} of {total})",
            ["line", "column", "reason", "detail"],
            [[row.line, row.column, row.reason, row.detail] for row in rows],
        )
