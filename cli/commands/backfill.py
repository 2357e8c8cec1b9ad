"""`modiste models backfill`: a version sees what answers rest on, behind all other work."""

from typing import Annotated, Any

import typer

from cli.backfilling import Backfilled, run_backfill
from cli.commands.importing import FINISHED_WITH_FAULTS, import_as_json, show_status
from cli.coverage import coverage_as_json, say_coverage
from cli.opening import open_stack
from cli.output import out, print_json
from cli.settings import Settings
from db.states import ImportState


def backfill(
    version: Annotated[str, typer.Argument(help="The version's name.")],
    watch: Annotated[bool, typer.Option("--watch", help="Stay until there is nothing left to see.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> None:
    """Have a version see every photo that answers rest on, beside the active one; begun again, it goes on.

    Bulk and interactive work goes ahead of it. Photos come out of the store where it has them. Alone on the embedded
    stack, or with --watch, it stays until nothing is left, new listings included, and the index is built; else it
    returns once everything is queued. It is an import for each catalogue: status, pause, resume and cancel take
    their numbers. Exit status: 0 all is well, 3 done, and photos could not be had, 1 it was cancelled.
    """
    with open_stack(Settings()) as stack:
        done = run_backfill(stack, version, watch=watch)
    if as_json:
        print_json(as_told(done))
    else:
        show(done)
    raise typer.Exit(exit_status(done))


def exit_status(done: Backfilled) -> int:
    if any(one.state is ImportState.CANCELLED for one in done.imports):
        return 1
    return FINISHED_WITH_FAULTS if done.coverage.given_up else 0


def as_told(done: Backfilled) -> dict[str, Any]:
    return {
        "version": done.version,
        "coverage": coverage_as_json(done.coverage),
        "indexed": done.indexed,
        "imports": [import_as_json(one) for one in done.imports],
    }


def show(done: Backfilled) -> None:
    for one in done.imports:
        show_status(one)
    out.print(f"{done.version} has seen {say_coverage(done.coverage)}.", soft_wrap=True)
    for line in advice(done):
        out.print(line, soft_wrap=True)


def advice(done: Backfilled) -> list[str]:
    """What to do next."""
    version, lines = done.version, []
    if resting := [one.id for one in done.imports if one.paused_at]:
        return [f"It is paused: modiste resume {number} lets it go on." for number in resting]
    if done.coverage.given_up:
        lines.append(
            f"modiste models show {version} lists what could not be had. It stays as the active version saw it, and is "
            f"missing once {version} is active. To try it again: modiste models backfill {version}"
        )
    if open_imports := [one.id for one in done.imports if not one.finished]:
        lines.append(
            f"It is worked on: modiste status {open_imports[0]} tells how far, --watch stays until it is done."
        )
    elif done.coverage.lacking:
        lines.append(f"To go on: modiste models backfill {version}")
    elif not done.active:
        lines.append(f"What would change: modiste models canary {version}")
        lines.append(f"To put it into service: modiste models activate {version}{' --force' if done.lacks else ''}")
    return lines
