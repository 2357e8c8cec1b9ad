"""`compare`: single-task, joint and staged models on equal budgets."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from trainer.commands.options import Data, Json, RecipeFile, folders

if TYPE_CHECKING:
    from trainer.report.comparison import ComparisonRow

MODELS = "category,attributes,retrieval,category+attributes,joint,staged"


def compare(
    recipe: RecipeFile,
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the models, the table and the page.")],
    models: Annotated[str, typer.Option(help="Which to train.")] = MODELS,
    cache: Annotated[Path, typer.Option(help="Where views of photos are kept between runs.")] = Path("runs/cache"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget runs that were broken off.")] = False,
    as_json: Json = False,
) -> None:
    """Trains the recipe's model, the joint one and the smaller ones, and compares them on the same test photos.

    Each sees every train photo equally often. Differences to the single-task model come with a paired bootstrap's
    interval. OUT gets a folder for each model, comparison.json, and comparison.html with plots.
    """
    from trainer import run as training
    from trainer.comparison import compare as run_all
    from trainer.recipe import load_recipe
    from trainer.report.comparison import render_comparison
    from trainer.tellers import JsonTeller, TerminalTeller

    places = training.Places(data=folders(data), cache=cache, out=out)
    console = Console(stderr=as_json, emoji=False)

    def teller(name: str) -> training.Teller:
        console.rule(name)
        return JsonTeller(sys.stdout) if as_json else TerminalTeller(console)

    rows = run_all(
        load_recipe(recipe),
        places,
        models.split(","),
        teller,
        training.How(device=device, fresh=fresh, resume=not fresh),
    )
    (out / "comparison.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    render_comparison(rows, out / "comparison.html")
    if as_json:
        sys.stdout.write(json.dumps({"event": "comparison", "rows": [asdict(row) for row in rows]}) + "\n")
        return
    console.print(_table(rows))
    console.print(f"The page with plots is {out / 'comparison.html'}.")


def _table(rows: list[ComparisonRow]) -> Table:
    table = Table("task", "figure", "model", "value", "95 %", "n", "against single-task")
    for row in sorted(rows, key=lambda row: (row.task, row.figure, -row.value)):
        against = "" if row.difference is None else f"{row.difference:+.3f} (p {row.p:.3f}) {row.verdict}"
        interval = f"{row.low:.3f} to {row.high:.3f}"
        table.add_row(row.task, row.figure, row.name, f"{row.value:.3f}", interval, str(row.n), against)
    return table
