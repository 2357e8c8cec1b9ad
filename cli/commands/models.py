"""`modiste models`: the registry of model versions."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.opening import Stack, open_stack
from cli.output import out, print_json, print_table
from cli.settings import Settings
from db.engine import transaction
from db.models import activate_model, active_model, enriched_contents, list_models, photos_unseen
from worker.networks import register as register_folder

models = typer.Typer(no_args_is_help=False, help="List, register and activate model versions.")


@models.callback(invoke_without_command=True)
def list_versions(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False
) -> None:
    """List the registered model versions."""
    if context.invoked_subcommand is not None:
        return
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
def register(
    folder: Annotated[Path, typer.Argument(help="A model folder, as `python -m trainer` writes it.")],
    activate: Annotated[bool, typer.Option("--activate", help="Make it the active version.")] = False,
) -> None:
    """Check a model (files, dimensions, golden photo) and register it. One that does not check changes nothing."""
    with open_stack(Settings()) as stack:
        version = register_folder(stack.engine, stack.store, folder.expanduser(), activate=activate)
        out.print(f"Registered {version}.")
        if activate:
            say_active(stack)


@models.command()
def activate(version: Annotated[str, typer.Argument(help="The version's name.")]) -> None:
    """Make a registered version the active one; importing a feed again enriches what it has not seen yet."""
    with open_stack(Settings()) as stack:
        with transaction(stack.engine) as connection:
            activate_model(connection, version)
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
