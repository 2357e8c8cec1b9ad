"""Runs the trainer on exported catalogues. Everything of the trainer is imported here, when it is asked for: a machine
without torch runs every other command."""

import importlib.util
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cli.errors import UsageError
from cli.exporting import MANIFEST, PHOTOS
from cli.output import out

if TYPE_CHECKING:
    from trainer.recipe import Recipe
    from trainer.sources import SourceSpec

REPORT = "report.html"
NEEDED = ("torch", "torchvision", "timm", "pytorch_metric_learning")


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A recipe as it will be run, and how. added: catalogues that the recipe has no source for, so they got one."""

    recipe: "Recipe"
    file: Path
    added: tuple[str, ...]
    out: Path
    cache: Path
    device: str = "auto"
    workers: int | None = None
    resume: bool = False
    fresh: bool = False
    report: bool = True


def require_trainer() -> None:
    """Raises UsageError where the trainer's packages are not installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"training needs {', '.join(missing)}, which are not installed here: run `make setup` (or install modiste "
            "with the extra 'train'), or take the catalogue to a machine that has them with --export-only FOLDER"
        )


def read_recipe(file: Path, catalogues: tuple[str, ...]) -> tuple["Recipe", tuple[str, ...]]:
    """The recipe with a source for each catalogue, and the names of those it had none for. Raises RecipeError."""
    from trainer.recipe import load_recipe

    recipe = load_recipe(file)
    known = {spec.name: spec for spec in recipe.sources}
    for name in catalogues:
        if name in known and (known[name].table, known[name].photos) != (MANIFEST, PHOTOS):
            raise UsageError(
                f'{file}: source {name} is a catalogue: give it table = "{MANIFEST}" and photos = "{PHOTOS}"; '
                "a table of yours needs another name"
            )
    added = tuple(name for name in catalogues if name not in known)
    return replace(recipe, sources=(*recipe.sources, *map(default_source, added))), added


def default_source(catalogue: str) -> "SourceSpec":
    """A catalogue as its manifest says it, for recipes that do not name it. `source_text` writes the same."""
    from trainer.sources import SourceSpec

    return SourceSpec(
        name=catalogue,
        table=MANIFEST,
        photos=PHOTOS,
        licence="the catalogue's own",
        product="product",
        attributes={"colour": "colour", "gender": "gender"},
    )


def source_text(catalogue: str) -> str:
    """The default source as a recipe has it."""
    return (
        f"[[sources]]\nname = {json.dumps(catalogue)}\n"
        f'table = "{MANIFEST}"\nphotos = "{PHOTOS}"\nlicence = "the catalogue\'s own"\nproduct = "product"\n'
        'attributes = { colour = "colour", gender = "gender" }\n'
    )


def train_model(order: Order, folders: Mapping[str, Path], *, as_json: bool) -> str:
    """Trains and writes the model folder, its card and its report, as `python -m trainer run` does.

    Returns the version. Raises TrainerError.
    """
    from trainer import run as training
    from trainer.commands.reporting import write_report
    from trainer.model_card import write_model_card
    from trainer.tellers import run_tellers

    places = training.Places(data=folders, cache=order.cache, out=order.out)
    how = training.How(device=order.device, resume=order.resume, fresh=order.fresh)
    how = how if order.workers is None else replace(how, workers=order.workers)
    log = order.out / training.RUN
    teller = run_tellers(log, as_json=as_json, anew=order.fresh or not training.is_unfinished(order.out))
    try:
        manifest = training.run(order.recipe, places, teller, how)
    finally:
        teller.close()
    keep_recipe(order, log / "recipe.toml")
    write_model_card(order.out, manifest, manifest.metrics)
    if order.report:
        write_report(order.out, order.recipe, folders, order.out / REPORT, split="test", photos=True, quiet=as_json)
    return manifest.version


def keep_recipe(order: Order, kept: Path) -> None:
    """Beside the log: the recipe with the sources that it was given here."""
    shutil.copyfile(order.file, kept)
    with kept.open("a", encoding="utf-8") as file:
        file.writelines(f"\n{source_text(name)}" for name in order.added)


def say_added(order: Order) -> None:
    """What the recipe was given that its author did not write."""
    for name in order.added:
        out.print(f"{order.file.name} has no source {name}; it is read as this one:\n")
        out.print(source_text(name), markup=False)
