"""`modiste status`: imports and their counters."""

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.importing import SHOWN, import_as_json, show_rejections, show_status
from cli.opening import open_stack
from cli.output import out, print_json, print_table
from cli.quarantined import first_in_quarantine, show_quarantine
from cli.seeing_through import is_worked_on
from cli.settings import Settings
from cli.watching import follow
from db.engine import transaction
from db.imports import ImportStatus, import_status, recent_imports, rejected_rows

COLUMNS = ("import", "begun", "catalogue", "feed", "state", "rows", "rejected", "photos", "left", "quarantine")


def status(
    import_id: Annotated[int | None, typer.Argument(metavar="IMPORT", help="One import, with what went wrong.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its last photo, or until it rests.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Show the latest imports, or one of them with its rejected rows and quarantined photos."""
    with open_stack(Settings()) as stack:
        if import_id is None:
            with transaction(stack.engine) as connection:
                imports = recent_imports(connection)
            if as_json:
                print_json([import_as_json(i) for i in imports])
            elif not imports:
                out.print("No imports yet. Begin with: modiste import FEED --photos FOLDER_OR_ZIP")
            else:
                print_table("", COLUMNS, [cells(one) for one in imports])
                if any(i.photos_pending and not i.paused_at for i in imports) and not is_worked_on(stack):
                    out.print("Photos are left and no worker runs: `modiste up` or the next import goes on with them.")
            return
        if watch:
            follow(stack.engine, import_id)
        with transaction(stack.engine) as connection:
            one = import_status(connection, import_id)
            rejected, quarantined = rejected_rows(connection, import_id), first_in_quarantine(connection, import_id)
    if as_json:
        print_json({**import_as_json(one), "rejected": rejected, "quarantined": quarantined})
        return
    show_status(one)
    show_rejections(rejected[:SHOWN], one.rows_rejected)
    show_quarantine(quarantined[:SHOWN], one.photos_quarantined)


def cells(one: ImportStatus) -> list[object]:
    return [
        one.id, f"{one.started_at:%m-%d %H:%M}", one.catalogue, shortened(Path(one.feed).name), one.shown_state,
        one.rows, one.rows_rejected, one.photos_total, one.photos_pending, one.photos_quarantined,
    ]  # fmt: skip


def shortened(name: str, most: int = 24) -> str:
    """Its end tells feeds apart as well as its beginning does."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-most // 2 + 1 :]}"
