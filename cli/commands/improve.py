"""`modiste improve`: what people corrected makes the next model better, or nothing changes."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape

from cli.backfilling import run_backfill
from cli.commands.canary import SAMPLE as CANARY_SAMPLE
from cli.commands.canary import show as show_canary
from cli.commands.train import tell
from cli.coverage import say_coverage
from cli.errors import UsageError
from cli.exporting import export_catalogue
from cli.improving import SOURCE, Counts, next_version, recipe_text, taxonomy_text, write_table
from cli.opening import Stack, open_stack
from cli.output import out, print_table
from cli.settings import Settings
from cli.training import REPORT, Order, require_trainer, train_model
from db.canary import canary
from db.catalogues import require_catalogue
from db.corrections import list_corrections
from db.engine import transaction
from db.meanings import word_meanings
from db.models import RegisteredModel, active_model, list_models, model_by_name
from store import Area
from worker import registration

if TYPE_CHECKING:
    from trainer.gate import Gate, Verdict

CORRECTIONS_MIN = 20


def improve(
    catalogue: Annotated[str, typer.Option("--catalogue", help="Whose corrections, and whose other words are kept.")],
    out_folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="The model folder to write.", show_default="in MODISTE_HOME"),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, max=1000, help="How long it learns.")] = 20,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    activate: Annotated[bool, typer.Option("--activate", help="Put it into service where it passed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Train from the active version on what people corrected, judge both on photos kept aside, and keep the better.

    A fifth of the products is judged by and never learned from, corrected or not. The new version is registered and
    sees the catalogue only where no category, and nothing overall, became worse beyond chance; exit status 1 where
    one did. It answers once it is activated.
    """
    require_trainer()
    settings = Settings()
    with open_stack(settings) as stack:
        active, version, corrected, meanings = asked_of(stack, catalogue)
        parent = stack.store.fetch_folder(Area.MODELS, active.name, settings.home / "cache")
        folder = settings.home / "cache" / "improve" / quote(catalogue, safe=" ")
        export_catalogue(stack, catalogue, folder, link=True)
    counts = write_table(folder, corrected, meanings, active.manifest["labels"])
    say_counts(counts, as_json=as_json)
    made = (out_folder or settings.home / "models" / version).expanduser()
    order = order_of(active, version, parent, folder, made, epochs=epochs, device=device)
    train_model(order, {SOURCE: folder}, as_json=as_json)
    gate = judged(order, parent, folder)
    say_gate(gate, active.name, version, made, as_json=as_json)
    if not gate.passed:
        raise typer.Exit(1)
    with open_stack(settings) as stack:
        take(stack, made, version, activate=activate, as_json=as_json)


def asked_of(
    stack: Stack, catalogue: str
) -> tuple[RegisteredModel, str, Mapping[str, Mapping[str, str | None]], Mapping[str, str]]:
    """The active version, the next one's name, what people said by listing, and what sellers' words mean."""
    corrected: dict[str, dict[str, str | None]] = {}
    with transaction(stack.engine) as connection:
        require_catalogue(connection, catalogue)
        active = active_model(connection)
        known = [model.name for model in list_models(connection)]
        for one in list_corrections(connection, catalogue):
            corrected.setdefault(one.external_id, {})[one.field] = one.now
        meanings = word_meanings(connection, catalogue)
    if len(corrected) < CORRECTIONS_MIN:
        raise UsageError(
            f"people have corrected or confirmed {len(corrected)} listings of catalogue {catalogue}; from "
            f"{CORRECTIONS_MIN} on there is something to learn. The page /review shows those most worth a look"
        )
    return active, next_version(active.name, known), corrected, meanings


def order_of(
    active: RegisteredModel, version: str, parent: Path, folder: Path, made: Path, *, epochs: int, device: str
) -> Order:
    from trainer.recipe import load_recipe

    taxonomy, file = folder / "taxonomy.toml", folder / "recipe.toml"
    taxonomy.write_text(taxonomy_text(active.manifest["labels"]), encoding="utf-8")
    file.write_text(recipe_text(active.manifest, version, parent, taxonomy, epochs), encoding="utf-8")
    cache = folder.parent.parent / "training"
    return Order(recipe=load_recipe(file), file=file, added=(), out=made, cache=cache, device=device, fresh=True)


def judged(order: Order, parent: Path, folder: Path) -> "Gate":
    from trainer.gate import compare
    from trainer.judge import look

    before, after = (
        look(model, order.recipe, {SOURCE: folder}, split="test", engine="onnx") for model in (parent, order.out)
    )
    return compare(before, after)


def take(stack: Stack, made: Path, version: str, *, activate: bool, as_json: bool) -> None:
    """Into the registry, over the catalogue, and into service where that was asked for."""
    registration.register(stack.engine, stack.store, made)
    tell(as_json, f"Registered {version}; it sees the catalogue now.", event="registered", version=version)
    done = run_backfill(stack, version, watch=True)
    tell(as_json, f"It has seen {say_coverage(done.coverage)}.", event="backfilled", coverage=asdict(done.coverage))
    say_canary(stack, version, as_json=as_json)
    if activate:
        registration.activate(stack.engine, stack.store, stack.settings.home / "cache", version)
        tell(as_json, f"{version} is active. To go back: modiste models rollback", event="activated", version=version)
    else:
        said = f"To have it answer: modiste models activate {version}"
        tell(as_json, said, event="waiting", version=version)


def say_canary(stack: Stack, version: str, *, as_json: bool) -> None:
    """What would change for the listings that both have seen: the other half of what a person decides by."""
    with transaction(stack.engine) as connection:
        found = canary(connection, active_model(connection), model_by_name(connection, version), sample=CANARY_SAMPLE)
    if as_json:
        tell(True, "", event="canary", **asdict(found))
    elif found.compared:
        out.print()
        show_canary(found)


def say_counts(counts: Counts, *, as_json: bool) -> None:
    said = (
        f"{counts.learned:,} photos to learn from, {counts.corrected:,} of them corrected or confirmed; {counts.dev:,} "
        f"to stop by, {counts.frozen:,} to judge by. Left aside: {counts.aside:,} corrected ones that would judge, "
        f"{counts.unlabelled:,} whose seller's word could be several."
    )
    tell(as_json, said, event="photos", **asdict(counts))


def say_gate(gate: "Gate", before: str, after: str, made: Path, *, as_json: bool) -> None:
    rows: list[Any] = [*gate.overall, *gate.categories]
    if as_json:
        tell(True, "", event="gate", passed=gate.passed, figures=[asdict(row) for row in rows])
        return
    print_table("", ["figure", "photos", before, after, "change", ""], [cells(row) for row in rows])
    if gate.passed:
        out.print(f"Passed: nothing is worse beyond chance. {made / REPORT} shows more.", soft_wrap=True)
    else:
        names = ", ".join(row.name for row in gate.worse)
        out.print(
            f"[red]Refused:[/] {escape(names)} became worse by more than chance makes. {before} stays; {after} is in "
            f"{escape(str(made))}, "
            "and registered nowhere. Look at the corrections of these: modiste corrections list",
            soft_wrap=True,
        )


def cells(row: "Verdict") -> list[object]:
    change = 100 * (row.after - row.before)
    return [row.name, row.n, f"{row.before:.3f}", f"{row.after:.3f}", f"{change:+.1f}", "worse" if row.worse else ""]
