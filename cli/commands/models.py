"""`modiste models`: the registry of model versions."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.describing import described, show_version
from cli.opening import Stack, open_stack
from cli.output import out, print_json, print_table
from cli.settings import Settings
from db.engine import transaction
from db.models import active_model, enriched_contents, list_models, model_by_name, photos_unseen
from worker import registration

models = typer.Typer(no_args_is_help=False, help="List, show, register and activate model versions.")
AsJson = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]
Version = Annotated[str, typer.Argument(help="The version's name.")]


@models.callback(invoke_without_command=True)
def bare(context: typer.Context, as_json: AsJson = False) -> None:
    """List, show, register and activate model versions; alone: list them."""
    if context.invoked_subcommand is None:
        list_versions(as_json=as_json)


@models.command("list")
def list_versions(as_json: AsJson = False) -> None:
    """List the registered model versions."""
    with open_stack(Settings()) as stack, transaction(stack.engine) as connection:
        registered = list_models(connection)
        photos = {model.id: enriched_contents(connection, model.id) for model in registered}
    if as_json:
        print_json([{**asdict(model), "photos": photos[model.id]} for model in registered])
        return
    print_table(
        "",
        ["version", "state", "dimension", "photos", "index", "activated"],
        [
            [m.name, m.state.value, m.embedding_dim, photos[m.id], "hnsw" if m.indexed else "exact",
             m.activated_at.strftime("%Y-%m-%d %H:%M") if m.activated_at else None]
            for m in registered
        ],
    )  # fmt: skip


@models.command()
def show(version: Version, as_json: AsJson = False) -> None:
    """Show what a version says, how well, and what it learned from."""
    with open_stack(Settings()) as stack, transaction(stack.engine) as connection:
        model = model_by_name(connection, version)
        said = described(model, enriched_contents(connection, model.id))
    if as_json:
        print_json(said)
    else:
        show_version(said)


@models.command()
def register(
    folder: Annotated[Path, typer.Argument(help="A model folder, as `python -m trainer` writes it.")],
    activate: Annotated[bool, typer.Option("--activate", help="Make it the active version.")] = False,
) -> None:
    """Check a model (files, label space, dimensions, golden photo) and register it. One that fails changes nothing."""
    with open_stack(Settings()) as stack:
        version = registration.register(stack.engine, stack.store, folder.expanduser(), activate=activate)
        out.print(f"Registered {version}.")
        if activate:
            say_active(stack)


@models.command()
def activate(version: Version) -> None:
    """Check a registered version again and make it the active one; what fails the check changes nothing.

    Importing a feed again enriches with it what it has not seen yet.
    """
    with open_stack(Settings()) as stack:
        registration.activate(stack.engine, stack.store, stack.settings.home / "cache", version)
        say_active(stack)


def say_active(stack: Stack) -> None:
    """Which version is active now, and what it has not seen yet."""
    with transaction(stack.engine) as connection:
        active = active_model(connection)
        unseen = photos_unseen(connection, active.id)
    out.print(f"{active.name} is the active version.")
    if unseen:
        out.print(
            f"[yellow]{unseen:,} photos were enriched by another version and not by this one.[/] Import their feeds "
            "again: unchanged rows are enriched with it. To go back: modiste models activate VERSION",
            soft_wrap=True,
        )
