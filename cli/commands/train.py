"""`modiste train`: what the database holds of a catalogue, as labels to learn from."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.errors import UsageError
from cli.exporting import MADE, Exported, export_catalogue
from cli.opening import open_stack
from cli.output import err, out, plain
from cli.settings import Settings
from cli.training import REPORT, Order, read_recipe, require_trainer, say_added, train_model
from db.engine import transaction
from db.models import list_models
from worker import registration


def train(
    recipe: Annotated[
        Path | None, typer.Argument(help="The recipe, a TOML file; not needed with --export-only.")
    ] = None,
    from_catalogue: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Learn from this catalogue; once for each.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE=FOLDER", help="Where another source of the recipe lies; once for each."),
    ] = None,
    out_folder: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="The model folder to write.")
    ] = None,
    export_only: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write the catalogue's manifest and photos there, and train nothing."),
    ] = None,
    register: Annotated[bool, typer.Option("--register", help="Register the model once it is trained.")] = False,
    cache: Annotated[
        Path | None,
        typer.Option(help="Where exported photos are kept between runs; default: cache/training in MODISTE_HOME."),
    ] = None,
    parent: Annotated[
        Path | None,
        typer.Option(help="A model folder to start from, instead of the recipe's parent or backbone weights."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that decode photos for stages without kept views.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Whether to write report.html into the model folder.")
    ] = True,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was broken off, on the photos it began with.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget a run that was broken off, and start anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Train a model on a catalogue: its photos, with the categories and attributes that sellers and people gave them.

    What a model said is never learned from. A later run exports only the photos that are new.
    """
    catalogues = tuple(dict.fromkeys(from_catalogue or ()))
    if not catalogues:
        raise UsageError("name a catalogue: --from-catalogue NAME (for tables alone: python -m trainer run)")
    settings = Settings()
    if export_only is not None:
        export(settings, catalogues, export_only.expanduser(), as_json=as_json)
        return
    if recipe is None or out_folder is None:
        raise UsageError(
            "training takes a RECIPE and --out FOLDER; to write the photos and labels alone: --export-only"
        )
    folders = folders_of(data or (), catalogues)
    kept = cache.expanduser() if cache else settings.home / "cache" / "training"
    require_trainer()
    how = {"device": device, "workers": workers, "resume": resume, "fresh": fresh, "report": report}
    order = read_order(recipe, catalogues, out_folder.expanduser(), kept, parent=parent, **how)
    if register:
        require_new(settings, order.recipe.version)
    if not as_json:
        say_added(order)
    folders |= prepare(settings, catalogues, kept, resume=resume, as_json=as_json)
    version = train_model(order, folders, as_json=as_json)
    say_trained(order, version, as_json=as_json)
    if register:
        put_into_registry(settings, order.out, as_json=as_json)


def export(settings: Settings, catalogues: Sequence[str], folder: Path, *, as_json: bool) -> None:
    """One catalogue, for a person to keep: copies of photos, which may be changed without harm to the store."""
    if len(catalogues) > 1:
        raise UsageError("--export-only writes one catalogue at a time; name one, and a folder for it")
    with open_stack(settings) as stack:
        exported = export_catalogue(stack, catalogues[0], folder, link=False)
    say_exported(exported, as_json=as_json)


def prepare(
    settings: Settings, catalogues: Sequence[str], cache: Path, *, resume: bool, as_json: bool
) -> dict[str, Path]:
    """A folder for each catalogue, exported anew; a run that goes on has to see the photos that it began with."""
    folders = {name: cache / f"catalogue-{quote(name, safe=' ')}" for name in catalogues}
    if resume and all((folder / MADE).exists() for folder in folders.values()):
        return folders
    with open_stack(settings) as stack:
        for name, folder in folders.items():
            say_exported(export_catalogue(stack, name, folder, link=True), as_json=as_json)
    return folders


def read_order(
    recipe: Path, catalogues: tuple[str, ...], folder: Path, cache: Path, *, parent: Path | None, **how: Any
) -> Order:
    """Before anything is exported: a recipe with a mistake is said at once."""
    file = recipe.expanduser()
    completed, added = read_recipe(file, catalogues)
    if parent is not None:
        completed = replace(completed, parent=parent.expanduser())
    return Order(recipe=completed, file=file, added=added, out=folder, cache=cache, **how)


def folders_of(data: Sequence[str], catalogues: Sequence[str]) -> dict[str, Path]:
    """`["shop=labels"]` by source name."""
    folders: dict[str, Path] = {}
    for entry in data:
        name, _, folder = entry.partition("=")
        if not (name and folder):
            raise UsageError(f"--data {entry}: write SOURCE=FOLDER, for example --data shop=labels")
        if name in catalogues or name in folders:
            raise UsageError(f"--data {entry}: source {name} is given twice")
        folders[name] = Path(folder).expanduser()
    return folders


def require_new(settings: Settings, version: str) -> None:
    """Before the training rather than after it."""
    with open_stack(settings) as stack, transaction(stack.engine) as connection:
        if version in {model.name for model in list_models(connection)}:
            raise UsageError(f"model version {version} is registered already; give the recipe a new version")


def put_into_registry(settings: Settings, folder: Path, *, as_json: bool) -> None:
    with open_stack(settings) as stack:
        version = registration.register(stack.engine, stack.store, folder)
    said = f"Registered {version}. To have it see what answers rest on: modiste models backfill {version}"
    tell(as_json, said, event="registered", version=version)


def say_trained(order: Order, version: str, *, as_json: bool) -> None:
    page = order.out / REPORT if order.report else None
    said = f"Model {version} is in {order.out}" + (f", what it does well and badly in {page}." if page else ".")
    tell(as_json, said, event="trained", version=version, folder=order.out, report=page)


def say_exported(exported: Exported, *, as_json: bool) -> None:
    """What can be learned from, and every photo that cannot."""
    parts = [f"{exported.new:,} new"]
    parts += [f"{exported.removed:,} of an earlier export removed"] if exported.removed else []
    said = f"{exported.photos:,} photos of {exported.catalogue} ({', '.join(parts)}) are in {exported.folder}."
    tell(as_json, said, event="exported", **{name: getattr(exported, name) for name in Exported.__slots__})
    for count, what in (
        (exported.missing, "are left out: the store keeps no bytes of them. Import their feed again to fetch them"),
        (exported.repeated, "show the same as another one and are left out"),
        (exported.unseen, "were not looked at yet and are left out"),
        (exported.quarantined, "are in quarantine and left out"),
        (exported.unlabelled, "have no category: only what else is known of them is learned"),
    ):
        if count:
            err.print(f"{count:,} photos {what}.", soft_wrap=True)


def tell(as_json: bool, said: str, **event: Any) -> None:
    """A sentence for people, or a line of JSON for machines."""
    if as_json:
        sys.stdout.write(json.dumps(plain(event), ensure_ascii=False) + "\n")
        sys.stdout.flush()
    else:
        out.print(said, soft_wrap=True, markup=False)
