"""`run`: trains a recipe's model."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from trainer.commands.options import Data, Json, RecipeFile, folders
from trainer.commands.reporting import PAGE, write_report
from trainer.errors import RecipeError

if TYPE_CHECKING:
    from trainer.tellers import Silence

DEVICES = ("auto", "cpu", "cuda", "mps")


def run(
    recipe: RecipeFile,
    data: Data,
    out: Annotated[
        Path, typer.Option(help="The model folder to write; the run's log and checkpoints lie in its run/.")
    ],
    cache: Annotated[Path, typer.Option(help="Where views of photos are kept between runs.")] = Path("runs/cache"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that decode photos for stages without kept views.")
    ] = None,
    parent: Annotated[
        Path | None,
        typer.Option(help="A model folder to start from, instead of the recipe's parent or backbone weights."),
    ] = None,
    checkpoint_every: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How often the state behind an epoch is written down.")
    ] = 15.0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was broken off.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget a run that was broken off, and start anew.")] = False,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Whether to write OUT/report.html at the end.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Trains the recipe's model and writes its folder.

    On several GPUs: torchrun --nproc-per-node N -m trainer run … The log for TensorBoard lies in OUT/run/tensorboard.
    """
    from dataclasses import replace

    from trainer import run as training
    from trainer.model_card import write_model_card
    from trainer.recipe import load_recipe

    if device not in DEVICES:
        raise RecipeError(f"device {device!r} is none of {', '.join(DEVICES)}.")
    chosen = load_recipe(recipe)
    how = training.How(device=device, checkpoint_every_s=checkpoint_every, resume=resume, fresh=fresh)
    how = how if workers is None else replace(how, workers=workers)
    places = training.Places(data=folders(data), cache=cache, out=out)
    teller = _teller(out / training.RUN, as_json=as_json, anew=fresh or not training.is_unfinished(out))
    try:
        manifest = training.run(chosen if parent is None else replace(chosen, parent=parent), places, teller, how)
    finally:
        teller.close()
    if _leads():
        shutil.copyfile(recipe, out / training.RUN / "recipe.toml")
        write_model_card(out, manifest, manifest.metrics)
        if report:
            write_report(out, chosen, places.data, out / PAGE, split="test", photos=True, quiet=as_json)
        if not as_json:
            Console(emoji=False).print(f"Model {manifest.version} is in {out}.")


def _leads() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _teller(folder: Path, *, as_json: bool, anew: bool) -> Silence:
    from trainer.tellers import Silence, run_tellers

    return run_tellers(folder, as_json=as_json, anew=anew) if _leads() else Silence()
