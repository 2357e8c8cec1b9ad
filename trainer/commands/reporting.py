"""`report`: a finished model on one page."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from trainer.commands.options import Data, Json, Model, RecipeFile, folders
from trainer.commands.progress import photos_bar

if TYPE_CHECKING:
    from trainer.recipe import Recipe
    from trainer.report.page import Written

PAGE = "report.html"


def report(
    model: Model,
    recipe: RecipeFile,
    data: Data,
    split: Annotated[str, typer.Option(help="train, dev, test or all.")] = "test",
    out: Annotated[
        Path | None, typer.Option(help="The file to write; report.html in the model folder if not given.")
    ] = None,
    photos: Annotated[bool, typer.Option("--photos/--no-photos", help="Whether photos may stand in the page.")] = True,
    as_json: Json = False,
) -> None:
    """Writes what a model learned from, how well it does and where it errs, as one HTML file."""
    from trainer.recipe import load_recipe

    place = out or model / PAGE
    written = write_report(model, load_recipe(recipe), folders(data), place, split=split, photos=photos, quiet=as_json)
    if as_json:
        told = {"report": str(place), "bytes": written.bytes, "pictures": written.pictures, "photos": written.photos}
        sys.stdout.write(json.dumps(told) + "\n")
        return
    size = f"{written.bytes / 1e6:.1f} MB, {written.pictures} pictures"
    Console(emoji=False).print(f"The report on {written.photos:,} photos is in {place}: {size}.", highlight=False)


def write_report(
    model: Path, recipe: Recipe, places: Mapping[str, Path], page: Path, *, split: str, photos: bool, quiet: bool
) -> Written:
    """Runs the model over a split and writes the page, with a bar over the photos."""
    from trainer.report.evidence import gather
    from trainer.report.page import build, write

    with photos_bar("Report", quiet=quiet) as advance:
        evidence = gather(model, recipe, places, split=split, advance=advance)
    return write(build(evidence), page, with_photos=photos)
