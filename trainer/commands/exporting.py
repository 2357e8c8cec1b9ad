"""`export` and `quantize`: a model folder's graphs, written anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trainer.commands.options import Data, Json, Model, RecipeFile, folders, show
from trainer.errors import RecipeError


def export(model: Model, out: Annotated[Path, typer.Option(help="The folder to write.")]) -> None:
    """Writes a model folder anew from its manifest and weights: graph, golden answer and checks."""
    from trainer.export import save_model
    from vision.artifact import load_artifact
    from vision.network import load_network

    artifact = load_artifact(model)
    save_model(load_network(artifact), artifact.manifest, out)
    Console().print(f"Model {artifact.manifest.version} is in {out}.")


def quantize(
    model: Model,
    recipe: RecipeFile,
    data: Data,
    method: Annotated[str, typer.Option(help="minmax, entropy or percentile.")] = "minmax",
    photos: Annotated[
        int, typer.Option(help="How many train photos to calibrate on, and dev photos to compare on.")
    ] = 256,
    as_json: Json = False,
) -> None:
    """Adds an eight-bit graph to a model folder and says how far it agrees with the exact one on dev
    photos."""
    from trainer import quantize as quantising
    from trainer.judge import some_pixels
    from trainer.recipe import load_recipe

    if method not in quantising.METHODS:
        raise RecipeError(f"method {method!r} is none of {', '.join(quantising.METHODS)}.")
    chosen, places = load_recipe(recipe), folders(data)
    quantising.quantize(model, some_pixels(model, chosen, places, "train", photos), method=method)  # type: ignore[arg-type]
    found = quantising.agreement(model, some_pixels(model, chosen, places, "dev", photos))
    show({"same_category": found.same_category, "cosine": found.cosine, "photos": found.photos}, as_json)
