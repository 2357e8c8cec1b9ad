"""`export` and `quantize`: a model folder's graphs, written anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trainer.commands.options import Data, Json, Model, RecipeFile, folders, show
from trainer.commands.progress import photos_bar
from trainer.errors import RecipeError


def export(model: Model, out: Annotated[Path, typer.Option(help="The folder to write.")]) -> None:
    """Writes a model folder anew from its manifest and weights: graph, golden answer and checks."""
    from trainer.export import save_model
    from vision.artifact import load_artifact
    from vision.network import load_network

    artifact = load_artifact(model)
    save_model(load_network(artifact), artifact.manifest, out)
    Console(emoji=False).print(f"Model {artifact.manifest.version} is in {out}.")


def quantize(
    model: Model,
    recipe: RecipeFile,
    data: Data,
    method: Annotated[str, typer.Option(help="minmax, entropy or percentile.")] = "minmax",
    photos: Annotated[int, typer.Option(help="How many train photos to calibrate on.")] = 512,
    split: Annotated[str, typer.Option(help="Which photos judge it: test, dev, train or all.")] = "test",
    as_json: Json = False,
) -> None:
    """Adds an eight-bit graph to a model folder, if it costs little: on the photos of the split category top-1 may
    fall by 0.005 and Recall@1 by 0.02. Else nothing is written, and the exit status is 1."""
    from trainer import quantize as quantising
    from trainer.judge import some_pixels
    from trainer.recipe import load_recipe
    from trainer.rounding import require_small, rounding
    from trainer.translation import read_for
    from vision.artifact import read_manifest

    if method not in quantising.METHODS:
        raise RecipeError(f"method {method!r} is none of {', '.join(quantising.METHODS)}.")
    chosen, places = load_recipe(recipe), folders(data)
    labelled = read_for(read_manifest(model), chosen, places)

    def gate(made: Path) -> None:
        with photos_bar("Photos", quiet=as_json) as advance:
            found = rounding(made, labelled, split=split, advance=advance)
        show(found.figures(), as_json)
        require_small(found)

    pixels = some_pixels(model, chosen, places, "train", photos)
    quantising.quantize(model, pixels, method=method, gate=gate)  # type: ignore[arg-type]
