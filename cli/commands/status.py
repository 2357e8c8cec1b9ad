"""`modiste status`: imports and their counters."""

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.importing import SHOWN, import_as_json, is_worked_on, show_rejections, show_status
from cli.opening import open_stack
from cli.output import out, print_json, print_table
from cli.quarantined import first_in_quarantine, show_quarantine
from cli.settings import Settings
from cli.watching import follow
from db.engine import transaction
from db.imports import import_status, recent_imports, rejected_rows


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
                print_table(
                    "",
                    ["import", "catalogue", "feed", "state", "rows", "rejected", "photos", "left", "quarantine"],
                    [
                        [i.id, i.catalogue, Path(i.feed).name, i.shown_state, i.rows, i.rows_rejected,
                         i.photos_total, i.photos_pending, i.photos_quarantined]
                        for i in imports
                    ],
                )  # fmt: skip
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
