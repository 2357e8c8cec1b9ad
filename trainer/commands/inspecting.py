"""`inspect`: what is in the data, before anything is learned from it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from trainer.commands.options import Json, folders
from trainer.errors import RecipeError

if TYPE_CHECKING:
    from trainer.inspection.inspect import Inspection
    from trainer.inspection.photos import Advance
    from trainer.mapping import Taxonomy
    from trainer.sources import Faults, Source
    from trainer.sources.guess import Guess
    from vision.preprocess import PixelRule


def inspect(
    place: Annotated[
        Path, typer.Argument(metavar="RECIPE|FOLDER|TABLE", help="A recipe (TOML); or data, whose kind is guessed.")
    ],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="SOURCE=FOLDER", help="Where a source of the recipe lies; others are left out."),
    ] = None,
    photos: Annotated[Path | None, typer.Option(help="Folder or zip of a table's photos, without a recipe.")] = None,
    sheet: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a contact sheet.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Read the photos, but do not decode them.")] = False,
    as_json: Json = False,
) -> None:
    """Counts, balance, unknown words, unreadable and repeated photos, and every malformed line at once.

    The exit status is 1 where a run would refuse the data.
    """
    from trainer.inspection.inspect import dataset_of
    from trainer.inspection.inspect import inspect as look
    from trainer.inspection.sheet import RULE, write_sheet
    from trainer.inspection.telling import tell, tell_guess
    from trainer.sources import Faults

    console, faults = Console(emoji=False), Faults()
    guess = None if place.suffix.lower() == ".toml" else _guess(place, data, photos)
    if guess:
        sources, taxonomy, rule = _guessed(guess, faults), None, RULE
        if not as_json:
            tell_guess(console, guess)
    else:
        sources, taxonomy, rule = _of_recipe(place, folders(data or []), photos, faults)
    rows, refused = dataset_of(sources, taxonomy)
    with _Bar(quiet=as_json) as advance:
        found = look(rows, faults, refused, None if quick else rule, advance)
    if as_json:
        sys.stdout.write(json.dumps(_as_json(found, guess)) + "\n")
    else:
        tell(console, found)
    if sheet:
        shown = write_sheet(rows, found, sheet, rule)
        Console(stderr=True, emoji=False).print(f"{shown} photos are on the contact sheet, {sheet}.", highlight=False)
    if not found.good:
        raise typer.Exit(1)


def _guess(place: Path, data: list[str] | None, photos: Path | None) -> Guess:
    from trainer.sources.guess import guess_source

    if data:
        raise RecipeError("--data goes with a recipe; of a folder or a table, say --photos where they lie elsewhere.")
    return guess_source(place, photos)


def _guessed(guess: Guess, faults: Faults) -> list[Source]:
    from trainer.sources import read_source

    return [read_source(guess.spec, guess.folder, faults)]


def _of_recipe(
    recipe: Path, places: dict[str, Path], photos: Path | None, faults: Faults
) -> tuple[list[Source], Taxonomy | None, PixelRule]:
    """Those sources of the recipe that have a folder, its taxonomy and its pixels."""
    from trainer.mapping import load_taxonomy
    from trainer.recipe import load_recipe
    from trainer.sources import read_source

    chosen = load_recipe(recipe)
    names = [spec.name for spec in chosen.sources]
    unknown = sorted(set(places) - set(names))
    if unknown or not places:
        raise RecipeError(f"say where the data is: {' '.join(f'--data {name}=FOLDER' for name in names)}.")
    if photos:
        raise RecipeError("--photos goes with a folder or a table; a recipe names the photos of its sources.")
    taxonomy = load_taxonomy(chosen.taxonomy) if chosen.taxonomy else None
    opened = [read_source(spec, places[spec.name], faults) for spec in chosen.sources if spec.name in places]
    return opened, taxonomy, chosen.pixels


def _as_json(found: Inspection, guess: Guess | None) -> dict[str, object]:
    taken = {"taken": dict(guess.taken), "not_used": list(guess.aside)} if guess else None
    return {"good": found.good, "guess": taken, **asdict(found)}


class _Bar:
    """Progress on standard error while photos are looked at; none where a machine reads along."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("Photos"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True, emoji=False),
            transient=True,
            disable=quiet,
        )
        self._task = self._progress.add_task("photos", total=None)

    def __enter__(self) -> Advance:
        self._progress.start()
        return lambda done, of: self._progress.update(self._task, completed=done, total=of)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
