"""`modiste demo`: a drawn catalogue, imported and asked for similar listings."""

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.importing import run_import, show_status
from cli.commands.similar import ask_with_listing, show, write_sheet
from cli.opening import open_stack
from cli.output import out
from cli.settings import Settings
from worker.feed import open_feed
from worker.photos import open_photos
from worker.planning import Order

CATALOGUE = "sample"
ASKED = 3


def demo(
    sheet: Annotated[Path, typer.Option(help="Where to write the contact sheet.")] = Path("contact-sheet.png"),
) -> None:
    """Draw a small catalogue, enrich it, and show what is similar to some of its listings."""
    from cli.sample import draw_catalogue  # numpy and Pillow: a fifth of a second that no other command needs

    settings = Settings()
    folder = settings.home / "sample"
    if not (folder / "feed.csv").exists():
        out.print("Drawing the sample catalogue …")
        draw_catalogue(folder)
    with open_stack(settings) as stack, open_feed(folder / "feed.csv") as feed:
        photos = open_photos(folder / "photos")
        order = Order(catalogue=CATALOGUE, feed_name="the sample catalogue", feed=feed, photos=photos)
        show_status(run_import(stack, order, watch=True))
        for place, external_id in enumerate(some_ids(folder / "feed.csv")):
            asked, found = ask_with_listing(stack, external_id, CATALOGUE, 9, {})
            out.print(f"\n[bold]{external_id}[/] {asked.title}")
            show(found[:5])
            if place == 0:
                write_sheet(stack, sheet, asked, found)
    out.print(f"\nContact sheet: {sheet.absolute()}")
    out.print("Next: modiste similar LISTING, modiste psql, or your own feed with modiste import FEED --photos FOLDER")


def some_ids(feed: Path) -> list[str]:
    """A few listings from all over the feed."""
    import csv

    with feed.open(newline="", encoding="utf-8") as file:
        ids = [row["external_id"] for row in csv.DictReader(file)]
    return ids[:: max(1, len(ids) // ASKED)][:ASKED]
