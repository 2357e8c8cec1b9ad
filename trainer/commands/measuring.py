"""`evaluate`: measures a finished model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from trainer.commands.options import Json, Model, folders, show
from trainer.commands.progress import photos_bar
from trainer.errors import RecipeError

if TYPE_CHECKING:
    from trainer.dataset import Dataset
    from trainer.judge import Judged
    from trainer.mapping import Taxonomy
    from trainer.sources import Source
    from vision.manifest import Manifest

SHOWN = 5  # faults and unknown words


def evaluate(
    model: Model,
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="RECIPE|FOLDER|TABLE...", help="A recipe (TOML); or data, whose kind is guessed."),
    ],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="SOURCE=FOLDER", help="Where a source of the recipe lies; others are left out."),
    ] = None,
    photos: Annotated[Path | None, typer.Option(help="Folder or zip of a table's photos, without a recipe.")] = None,
    taxonomy: Annotated[
        Path | None, typer.Option(help="What the words of guessed sources mean (TOML); a recipe names its own.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="train, dev, test or all. [default: test; all of a guessed table without splits]"),
    ] = None,
    engine: Annotated[str, typer.Option(help="onnx, onnx-int8 or torch.")] = "onnx",
    out: Annotated[Path | None, typer.Option(metavar="FILE.npz", help="Keep the model's outputs.")] = None,
    as_json: Json = False,
) -> None:
    """Measures a model folder on labelled photos, through the engine that workers use, by published protocols.

    Labels that the model has no name for are left out and counted. Figures are named source/task/figure.
    """
    from trainer.judge import look_at
    from trainer.translation import EVERY_SPLIT
    from vision.artifact import load_artifact

    if out and not out.parent.is_dir():
        raise RecipeError(f"--out {out}: there is no folder {out.parent}.")
    artifact = load_artifact(model)
    if sources[0].suffix.lower() == ".toml":
        read, usual = _of_recipe(artifact.manifest, sources, folders(data or []), photos or taxonomy), "test"
    else:
        read, usual = _of_places(artifact.manifest, sources, photos, taxonomy, data)
    with photos_bar("Photos", quiet=as_json) as advance:
        found = look_at(artifact, read, split=split or usual, engine=engine, advance=advance)
    _warn(found)
    if out:
        found.save(out)
    _tell(found, everything=(split or usual) == EVERY_SPLIT, as_json=as_json)


def _of_recipe(manifest: Manifest, sources: list[Path], places: dict[str, Path], aside: Path | None) -> Dataset:
    from trainer.recipe import load_recipe
    from trainer.translation import read_for

    if len(sources) > 1 or aside:
        raise RecipeError("a recipe stands alone: it names its sources, their photos and its taxonomy.")
    return read_for(manifest, load_recipe(sources[0]), places)


def _of_places(
    manifest: Manifest, places: list[Path], photos: Path | None, taxonomy: Path | None, data: list[str] | None
) -> tuple[Dataset, str]:
    """The data of guessed sources, and the split to measure on."""
    from trainer.mapping import load_taxonomy
    from trainer.translation import SILENCE, split_to_judge, translated

    if data:
        raise RecipeError("--data goes with a recipe; of a folder or a table, say --photos where they lie elsewhere.")
    spoken: Taxonomy = load_taxonomy(taxonomy) if taxonomy else SILENCE
    opened = [_guessed(place, photos) for place in places]
    return translated(manifest, opened, spoken), split_to_judge(opened)


def _guessed(place: Path, photos: Path | None) -> Source:
    from trainer.sources import open_source
    from trainer.sources.guess import guess_source

    guess = guess_source(place, photos)
    return open_source(guess.spec, guess.folder)


def _warn(found: Judged) -> None:
    """On standard error, counted: photos that cannot be read, labels that the model has no name for."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if found.faults:
        console.print(f"{len(found.faults)} of {len(found.wanted)} photos cannot be read and are left out:")
        for fault in found.faults[:SHOWN]:
            console.print(f"  {fault}")
    unsaid = found.data.ignored
    if unsaid:
        often = ", ".join(f"{label} {word!r} ({count}x)" for (_, label, word), count in unsaid.most_common(SHOWN))
        console.print(f"{sum(unsaid.values())} labels, of all splits, have no name in the model: {often}.")
    if not found.data.labels.categories and not found.data.labels.groups:
        console.print("The sources share no label with the model: only retrieval is measured.")


def _tell(found: Judged, *, everything: bool, as_json: bool) -> None:
    from trainer.figure_table import figure_tables

    figures = found.figures()
    if as_json:
        show(figures, as_json)
        return
    console, manifest = Console(highlight=False, emoji=False), found.manifest
    for table in figure_tables(figures):
        console.print(table)
    console.print(f"Model {manifest.version} on {len(found.rows)} photos; protocols stand in docs/measuring.md.")
    if everything:
        console.print("All splits were measured: if the model was trained on these photos, it is flattered.")
