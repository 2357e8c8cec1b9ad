"""`python -m trainer`: train, evaluate, export, quantise. Reads arguments, calls one function each, shows
the outcome."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trainer.errors import RecipeError, TrainerError
from vision.errors import VisionError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Trains, measures and exports modiste's models.")

RecipeFile = Annotated[Path, typer.Argument(help="The recipe, a TOML file.")]
Model = Annotated[Path, typer.Argument(help="A model folder.")]
Data = Annotated[
    list[str], typer.Option("--data", metavar="SOURCE=FOLDER", help="Where a source of the recipe lies; once each.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line instead of tables and bars.")]


@app.command()
def run(
    recipe: RecipeFile,
    data: Data,
    out: Annotated[Path, typer.Option(help="The model folder to write.")],
    cache: Annotated[Path, typer.Option(help="Where features are kept between runs.")] = Path("runs/cache"),
    as_json: Json = False,
) -> None:
    """Trains the recipe's model and writes its folder."""
    from trainer import run as training
    from trainer.recipe import load_recipe
    from trainer.tellers import JsonTeller, TerminalTeller

    teller = JsonTeller(sys.stdout) if as_json else TerminalTeller(Console())
    try:
        places = training.Places(data=_folders(data), cache=cache, out=out)
        manifest = training.run(load_recipe(recipe), places, teller)
    finally:
        teller.close()
    if not as_json:
        Console().print(f"Model {manifest.version} is in {out}.")


@app.command()
def evaluate(
    model: Model,
    recipe: RecipeFile,
    data: Data,
    split: Annotated[str, typer.Option(help="train, dev or test.")] = "test",
    engine: Annotated[str, typer.Option(help="onnx, onnx-int8 or torch.")] = "onnx",
    as_json: Json = False,
) -> None:
    """Measures a model folder on a split of the recipe's data, through the engine that workers use."""
    from trainer.judge import judge
    from trainer.recipe import load_recipe

    figures = judge(model, load_recipe(recipe), _folders(data), split=split, engine=engine)
    _show(figures, as_json)


@app.command()
def export(model: Model, out: Annotated[Path, typer.Option(help="The folder to write.")]) -> None:
    """Writes a model folder anew from its manifest and weights: graph, golden answer and checks."""
    from trainer.export import save_model
    from vision.artifact import load_artifact
    from vision.network import load_network

    artifact = load_artifact(model)
    save_model(load_network(artifact), artifact.manifest, out)
    Console().print(f"Model {artifact.manifest.version} is in {out}.")


@app.command()
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
    chosen, folders = load_recipe(recipe), _folders(data)
    quantising.quantize(model, some_pixels(model, chosen, folders, "train", photos), method=method)  # type: ignore[arg-type]
    found = quantising.agreement(model, some_pixels(model, chosen, folders, "dev", photos))
    _show({"same_category": found.same_category, "cosine": found.cosine, "photos": found.photos}, as_json)


def main() -> None:
    """Runs the command; an error that we know is one sentence on standard error and exit status 1."""
    try:
        app()
    except (TrainerError, VisionError) as fault:
        Console(stderr=True).print(str(fault), markup=False)
        sys.exit(1)


def _folders(data: list[str]) -> dict[str, Path]:
    pairs = [entry.partition("=") for entry in data]
    wrong = [name for name, equals, folder in pairs if not (name and equals and folder)]
    if wrong:
        raise RecipeError(f"--data is written SOURCE=FOLDER, not {wrong[0]!r}.")
    return {name: Path(folder) for name, _, folder in pairs}


def _show(figures: dict[str, float], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name, value in figures.items():
        sys.stdout.write(f"{name:45} {value:g}\n")
