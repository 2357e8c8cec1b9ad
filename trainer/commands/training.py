"""`run`: trains a recipe's model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trainer.commands.options import Data, Json, RecipeFile, folders


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
        places = training.Places(data=folders(data), cache=cache, out=out)
        manifest = training.run(load_recipe(recipe), places, teller)
    finally:
        teller.close()
    if not as_json:
        Console().print(f"Model {manifest.version} is in {out}.")
