"""`modiste demo`: a drawn catalogue, or one's own photos, enriched, asked for similar listings and shown on a page."""

import os
import shutil
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cli.commands.importing import show_status
from cli.commands.sample import PRODUCTS, drawn_feed
from cli.commands.services import api_settings
from cli.commands.similar import ask_with_listings, check_sheet, show, write_sheet
from cli.errors import UsageError
from cli.opening import Stack, open_stack
from cli.output import out
from cli.ports import first_free_port
from cli.seeing_through import plan, run_import, say_draining
from cli.services import address, api_spec, log_folder, scheduler_spec, supervise, worker_spec
from cli.settings import Settings
from cli.stack.supervisor import Supervisor
from cli.watching import follow
from db.browsing import browse_listings
from db.engine import transaction
from db.imports import ImportStatus
from worker.feed import open_feed
from worker.photos import open_photos
from worker.planning import Order

ASKED = 3


def demo(
    photos: Annotated[
        Path | None, typer.Option(help="A folder or zip of your own photos, in place of the drawn catalogue.")
    ] = None,
    sheet: Annotated[Path, typer.Option(help="Where to write the contact sheet.")] = Path("contact-sheet.png"),
    products: Annotated[int, typer.Option(min=12, max=10_000, help="How many products to draw.")] = PRODUCTS,
    leave: Annotated[bool, typer.Option("--exit", help="End when all is shown, without pages; for machines.")] = False,
) -> None:
    """Draw a catalogue, enrich it, show what is similar to some of its listings, and serve it as pages until Ctrl-C."""
    check_sheet(sheet)
    if photos is not None and not photos.expanduser().exists():
        raise UsageError(f"--photos {photos}: there is no such folder or zip")
    settings = Settings()
    if not leave and "modiste_port" not in settings.model_fields_set:
        port = first_free_port(settings.modiste_host, settings.modiste_port)
        settings = settings.model_copy(update={"modiste_port": port})
    with ExitStack() as exits:
        stack = exits.enter_context(open_stack(settings))
        if leave:
            fill_and_show(stack, photos, products, sheet, None)
            return
        api_settings(stack)  # refuses here, and not in a child that would be started again and again
        services = supervise(stack, api_spec(stack), worker_spec(stack), scheduler_spec(stack))
        exits.enter_context(services)
        exits.push(say_draining)
        fill_and_show(stack, photos, products, sheet, services)
        out.print(f"\nLook at it: [bold]{address(settings)}[/]  (HTTP: {address(settings)}docs)", soft_wrap=True)
        out.print(f"Logs: {log_folder(stack)}. Stop with Ctrl-C.", soft_wrap=True)
        services.run_until_stopped()


def fill_and_show(stack: Stack, photos: Path | None, products: int, sheet: Path, services: Supervisor | None) -> None:
    """Imports the catalogue, and prints some of its similar listings. `services`: what runs beside, if anything."""
    began_s = time.monotonic()
    catalogue = "sample" if photos is None else "photos"
    if photos is None:
        tend = services.poll if services else lambda: ()
        feed = drawn_feed(stack.settings.home / "sample", products=products, tend=tend)
        beside = feed.parent / "photos"
    else:
        feed = beside = photos.expanduser()
    with open_feed(feed) as opened, closing(open_photos(beside)) as found:
        name = "the sample catalogue" if photos is None else opened.name
        order = Order(catalogue=catalogue, feed_name=name, feed=opened, photos=found)
        status = import_beside(stack, order, services) if services else run_import(stack, order, watch=True)
    show_status(status)
    show_similar(stack, catalogue, sheet, began_s)


def import_beside(stack: Stack, order: Order, services: Supervisor) -> ImportStatus:
    """An import on the worker of `services`."""
    import_id = plan(stack, order, tend=lambda _: services.poll())
    return follow(stack.engine, import_id, tend=services.poll, stalled=f"See {log_folder(stack) / 'worker.log'}.")


def show_similar(stack: Stack, catalogue: str, sheet: Path, began_s: float) -> None:
    """Some of the catalogue's listings with what is similar to them and why; the first on a contact sheet."""
    for place, external_id in enumerate(some_listings(stack, catalogue)):
        (asked,), found = ask_with_listings(stack, [external_id], [], catalogue, 9, {}, {})
        if place == 0:
            out.print(f"\nThe first similar listings after {time.monotonic() - began_s:.0f} s:")
            write_sheet(stack, sheet, [asked], found)
        title = "" if asked.title == external_id else asked.title
        out.print(f"\n[bold]{escape(external_id)}[/] {escape(title or '')}")
        show(found[:5])
    out.print(f"\nContact sheet: {sheet.absolute()}", soft_wrap=True, markup=False)
    me = program()
    out.print(f"Next: {me} similar LISTING, {me} psql, or your own feed with {me} import FEED --photos FOLDER")


def program() -> str:
    """How to call this command here: by its name where the path has it."""
    return "modiste" if shutil.which("modiste") else os.path.relpath(sys.argv[0])


def some_listings(stack: Stack, catalogue: str) -> list[str]:
    """External ids of a few listings from all over the catalogue, each the one whose category is surest there."""
    with transaction(stack.engine) as connection:
        page = browse_listings(connection, filters={"catalogue": catalogue}, limit=200)
    scored = [(card.enrichment.category_score, card.external_id) for card in page.listings if card.enrichment]
    size = max(1, len(scored) // ASKED)
    return [max(scored[start : start + size])[1] for start in range(0, len(scored), size)][:ASKED]
