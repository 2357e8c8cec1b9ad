"""Arguments that several commands share, and how figures are shown."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from trainer.errors import RecipeError

RecipeFile = Annotated[Path, typer.Argument(help="The recipe, a TOML file.")]
Model = Annotated[Path, typer.Argument(help="A model folder.")]
Data = Annotated[
    list[str], typer.Option("--data", metavar="SOURCE=FOLDER", help="Where a source of the recipe lies; once each.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line instead of tables and bars.")]


def folders(data: list[str]) -> dict[str, Path]:
    """`--data` by source name. Raises RecipeError for one that is not written SOURCE=FOLDER."""
    pairs = [entry.partition("=") for entry in data]
    wrong = [
        entry for entry, (name, equals, folder) in zip(data, pairs, strict=True) if not (name and equals and folder)
    ]
    if wrong:
        raise RecipeError(f"--data is written SOURCE=FOLDER, not {wrong[0]!r}.")
    return {name: Path(folder) for name, _, folder in pairs}


def show(figures: dict[str, float], as_json: bool) -> None:
    """Figures on standard output: a line each, or one JSON object."""
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name, value in figures.items():
        sys.stdout.write(f"{name:45} {value:g}\n")
