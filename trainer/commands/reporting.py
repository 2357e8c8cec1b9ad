"""`report`: a finished model on one page."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trainer.commands.options import Data, Json, Model, RecipeFile, folders
from trainer.commands.progress import photos_bar


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
    from trainer.report.evidence import gather
    from trainer.report.page import build, write

    place = out or model / "report.html"
    with photos_bar("Photos", quiet=as_json) as advance:
        evidence = gather(model, load_recipe(recipe), folders(data), split=split, advance=advance)
    written = write(build(evidence), place, with_photos=photos)
    if as_json:
        told = {"report": str(place), "bytes": written.bytes, "pictures": written.pictures, "photos": written.photos}
        sys.stdout.write(json.dumps(told) + "\n")
        return
    size = f"{written.bytes / 1e6:.1f} MB, {written.pictures} pictures"
    Console().print(f"The report on {written.photos:,} photos is in {place}: {size}.", highlight=False)
