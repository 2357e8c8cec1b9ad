"""`evaluate`: measures a finished model."""

from __future__ import annotations

from typing import Annotated

import typer

from trainer.commands.options import Data, Json, Model, RecipeFile, folders, show


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

    figures = judge(model, load_recipe(recipe), folders(data), split=split, engine=engine)
    show(figures, as_json)
