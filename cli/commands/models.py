"""`modiste models`: the registry of model versions, and which of them serves."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.commands import backfill, canary
from cli.coverage import coverage_as_json, percent, say_coverage
from cli.describing import described, show_version
from cli.errors import UsageError
from cli.opening import Stack, open_stack
from cli.output import out, print_json, print_table
from cli.settings import Settings
from db.coverage import Coverage, coverage, given_up
from db.engine import transaction
from db.models import RegisteredModel, active_model, enriched_contents, list_models, model_by_name
from db.retiring import retire_model
from db.states import ModelState
from worker import registration

models = typer.Typer(no_args_is_help=False, help="Model versions: register, backfill, compare, activate, retire.")
GIVEN_UP_SHOWN = 100
AsJson = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]
Version = Annotated[str, typer.Argument(help="The version's name.")]
Force = Annotated[
    bool, typer.Option("--force", help="Also if it has not seen all that answers rest on, or has no index yet.")
]


@models.callback(invoke_without_command=True)
def bare(context: typer.Context, as_json: AsJson = False) -> None:
    """Register, backfill, compare, activate and retire model versions; alone: list them."""
    if context.invoked_subcommand is None:
        list_versions(as_json=as_json)


@models.command("list")
def list_versions(as_json: AsJson = False) -> None:
    """List the registered model versions. `covered`: of the photo contents that answers rest on, those it has seen."""
    with open_stack(Settings()) as stack, transaction(stack.engine) as connection:
        registered = list_models(connection)
        photos = {model.id: enriched_contents(connection, model.id) for model in registered}
        seen = {m.id: coverage(connection, m.id) for m in registered if m.state is not ModelState.RETIRED}
    if as_json:
        print_json([listed(model, photos[model.id], seen.get(model.id)) for model in registered])
        return
    print_table(
        "",
        ["version", "state", "dimension", "photos", "covered", "index", "activated"],
        [
            [m.name, m.state.value, m.embedding_dim, photos[m.id], percent(seen[m.id].share) if m.id in seen else None,
             searched(m), m.activated_at.strftime("%Y-%m-%d %H:%M") if m.activated_at else None]
            for m in registered
        ],
    )  # fmt: skip


def listed(model: RegisteredModel, photos: int, seen: Coverage | None) -> dict[str, Any]:
    return {**asdict(model), "photos": photos, "coverage": None if seen is None else coverage_as_json(seen)}


def searched(model: RegisteredModel) -> str | None:
    if model.state is ModelState.RETIRED:
        return None
    return "hnsw" if model.indexed else "exact"


@models.command()
def show(version: Version, as_json: AsJson = False) -> None:
    """Show what a version says, how well, what it learned from, and how much of the catalogues it has seen."""
    with open_stack(Settings()) as stack, transaction(stack.engine) as connection:
        model = model_by_name(connection, version)
        missing = given_up(connection, model.id, limit=GIVEN_UP_SHOWN)
        said = described(model, enriched_contents(connection, model.id), coverage(connection, model.id), missing)
    if as_json:
        print_json(said)
    else:
        show_version(said)


@models.command()
def register(
    folder: Annotated[Path, typer.Argument(help="A model folder, as `python -m trainer` writes it.")],
    activate: Annotated[
        bool, typer.Option("--activate", help="Make it the active version, as `activate` does.")
    ] = False,
    force: Force = False,
) -> None:
    """Check a model (files, label space, dimensions, golden photo) and register it. One that fails changes nothing."""
    if force and not activate:
        raise UsageError("--force goes with --activate")
    with open_stack(Settings()) as stack:
        version = registration.register(stack.engine, stack.store, folder.expanduser())
        out.print(f"Registered {version}.")
        if activate:
            registration.activate(stack.engine, stack.store, stack.settings.home / "cache", version, force=force)
            say_active(stack)
        elif lacks_backfill(stack, version):
            out.print(f"To have it see what answers rest on: modiste models backfill {version}", soft_wrap=True)


def lacks_backfill(stack: Stack, version: str) -> bool:
    """Not where it is the active one: registering it again only mends its files."""
    with transaction(stack.engine) as connection:
        return model_by_name(connection, version).state is not ModelState.ACTIVE


models.command()(backfill.backfill)
models.command("canary")(canary.compare)


@models.command()
def activate(version: Version, force: Force = False) -> None:
    """Check a registered version again and make it the active one; what fails the check changes nothing.

    Refused while it has not seen all that answers rest on (modiste models backfill), or while its index is missing.
    Whoever asks gets answers of one version, before and after.
    """
    with open_stack(Settings()) as stack:
        registration.activate(stack.engine, stack.store, stack.settings.home / "cache", version, force=force)
        say_active(stack)


@models.command()
def rollback(force: Force = False) -> None:
    """Make the version active again that was active before. It is checked as `activate` does."""
    with open_stack(Settings()) as stack:
        with transaction(stack.engine) as connection:
            left = active_model(connection).name
        registration.rollback(stack.engine, stack.store, stack.settings.home / "cache", force=force)
        out.print(f"Rolled back from {left}.")
        say_active(stack)


@models.command()
def retire(
    version: Version, yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it deletes.")] = False
) -> None:
    """Take a version out of service: its vectors and all that it saw are deleted. Stopped half way, it is run again.

    Its row in the registry and its model files stay; its name cannot be used again. The active version, and one that
    imports work with, cannot be retired.
    """
    with open_stack(Settings()) as stack:
        with transaction(stack.engine) as connection:
            model = model_by_name(connection, version)
            contents = enriched_contents(connection, model.id)
        if not yes and model.state is ModelState.REGISTERED:
            confirm(model, contents)
        retire_model(stack.engine, version)
    out.print(f"{version} is retired; what it saw of {contents:,} photo contents is deleted.", soft_wrap=True)


def confirm(model: RegisteredModel, contents: int) -> None:
    """Asks, where there is somebody to ask. Raises UsageError elsewhere, and typer's Abort for a no."""
    what = f"what {model.name} saw of {contents:,} photo contents, and their vectors"
    if not sys.stdin.isatty():
        raise UsageError(f"this deletes {what}; --yes does it without asking")
    typer.confirm(f"Delete {what}?", abort=True)


def say_active(stack: Stack) -> None:
    """Which version is active now, and what it has not seen."""
    with transaction(stack.engine) as connection:
        active = active_model(connection)
        seen = coverage(connection, active.id)
    out.print(f"{active.name} is the active version. To go back: modiste models rollback", soft_wrap=True)
    if seen.covered < seen.shown:
        out.print(f"[yellow]It has seen {say_coverage(seen)}; the others are missing from answers.[/]", soft_wrap=True)
    if seen.lacking:
        out.print(f"To have it see them: modiste models backfill {active.name}", soft_wrap=True)
