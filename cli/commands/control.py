"""`modiste pause`, `resume`, `cancel` and `retry`: what a person decides about an import that was begun."""

from functools import partial
from typing import Annotated

import typer

from cli.commands.importing import exit_status, import_as_json, show_result, show_status
from cli.errors import UsageError
from cli.opening import Stack, open_stack
from cli.output import err, print_json
from cli.seeing_through import go_on
from cli.settings import Settings
from db.control import PlayedAgain, begin_cancelling, finish_cancelling, pause_import, play_again, resume_import
from db.engine import transaction
from db.imports import ImportStatus, import_status
from db.states import MAY_PASS, Lane, Reason
from worker.handed_in import drop_files

Number = Annotated[int, typer.Argument(metavar="IMPORT", help="Its number, as modiste status lists it.")]
Watch = Annotated[bool, typer.Option("--watch", help="Stay until the last photo is done.")]
AsJson = Annotated[bool, typer.Option("--json", help="The import as JSON on stdout.")]


def pause(import_id: Number, as_json: AsJson = False) -> None:
    """Let an import rest: nothing more of it is handed to workers, across restarts, until it is resumed.

    What workers hold is finished, and a feed that is being read is read to its end.
    """
    with open_stack(Settings()) as stack:
        with transaction(stack.engine) as connection:
            pause_import(connection, import_id)
        show(stack, import_id, as_json=as_json)
    err.print(f"modiste resume {import_id} lets it go on.")


def resume(import_id: Number, watch: Watch = False, as_json: AsJson = False) -> None:
    """Let an import go on that was paused; alone on the embedded stack, stay until its last photo is done."""
    with open_stack(Settings()) as stack:
        with transaction(stack.engine) as connection:
            resume_import(connection, import_id)
        status = go_on(stack, import_id, watch=watch, done=partial(show_result, stack, as_json=as_json))
    raise typer.Exit(exit_status(status))


def cancel(import_id: Number, as_json: AsJson = False) -> None:
    """End an import: what was enriched stays, what is pending is cancelled, until a later import has it again."""
    with open_stack(Settings()) as stack:
        with transaction(stack.engine) as connection:
            files = begin_cancelling(connection, import_id)
        finish_cancelling(stack.engine, import_id)
        drop_files(stack.store, files)
        show(stack, import_id, as_json=as_json)


def show(stack: Stack, import_id: int, *, as_json: bool) -> None:
    with transaction(stack.engine) as connection:
        status = import_status(connection, import_id)
    if as_json:
        print_json(import_as_json(status))
    else:
        show_status(status)


def retry(
    import_id: Number,
    reasons: Annotated[
        list[Reason] | None,
        typer.Option(
            "--reason",
            metavar="REASON",
            help="Only those in quarantine for this reason; may be repeated. Default: whatever may pass.",
            show_default=False,
        ),
    ] = None,
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Put photos of an import's quarantine to work again, with all their tries before them.

    Without --reason those that could not be fetched for a reason that may pass, and those that brought a worker down.
    Alone on the embedded stack it stays until they are done.
    """
    with open_stack(Settings()) as stack:
        backfilled = standing(stack, import_id)
        if backfilled.lane is Lane.BACKFILL:
            raise UsageError(
                f"import {import_id} is a backfill: what it could not have is tried again by "
                f"modiste models backfill {backfilled.model_version}"
            )
        played = play_again(stack.engine, import_id, reasons or MAY_PASS)
        for line in said(played, named=bool(reasons)):
            err.print(line, soft_wrap=True)
        done = partial(show_result, stack, as_json=as_json)
        if played.photos:
            status = go_on(stack, import_id, watch=watch, done=done)
        else:
            status = standing(stack, import_id)
            done(status)
    raise typer.Exit(exit_status(status))


def standing(stack: Stack, import_id: int) -> ImportStatus:
    with transaction(stack.engine) as connection:
        return import_status(connection, import_id)


def said(played: PlayedAgain, *, named: bool) -> list[str]:
    """What is played again and what stays, a sentence each. `named`: reasons were given."""
    lines = [f"Photos played again: {played.photos:,}."]
    if played.left:
        why = "was not asked for" if named else "will not pass by itself"
        counts = ", ".join(f"{photos:,} {reason.value}" for reason, photos in played.left.items())
        lines.append(f"Left in quarantine, as their reason {why}: {sum(played.left.values()):,} ({counts}).")
    if played.without_file:
        lines.append(f"Left as nobody has their bytes: {played.without_file:,}. Import the feed again with its photos.")
    return lines
