"""`modiste models`: the registry of model versions."""

from pathlib import Path
from typing import Annotated

import typer

from cli.opening import open_stack
from cli.output import out, print_json, print_table
from cli.settings import Settings
from db.engine import transaction
from db.models import activate_model, enriched_contents, list_models
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
        print_json(
            [{**_summary(m.manifest), "name": m.name, "state": m.state, "photos": photos[m.id]} for m in registered]
        )
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


def _summary(manifest: object) -> dict[str, object]:
    return {"manifest": manifest}


@models.command()
def register(
    folder: Annotated[Path, typer.Argument(help="A model folder, as `python -m trainer` writes it.")],
    activate: Annotated[bool, typer.Option("--activate", help="Make it the active version.")] = False,
) -> None:
    """Check a model (files, dimensions, golden photo) and register it; refused, nothing is changed."""
    with open_stack(Settings()) as stack:
        version = register_folder(stack.engine, stack.store, folder.expanduser(), activate=activate)
    out.print(f"Registered {version}{' and made it the active version' if activate else ''}.")


@models.command()
def activate(version: Annotated[str, typer.Argument(help="The version's name.")]) -> None:
    """Make a registered version the active one: enrichments and similarity follow it at once."""
    with open_stack(Settings()) as stack, transaction(stack.engine) as connection:
        activate_model(connection, version)
    out.print(f"{version} is the active version.")
