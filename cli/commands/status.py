"""`modiste status`: imports and their counters."""

from collections.abc import Sequence
from datetime import datetime
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

# Narrower than this, a table with the feed's name would leave none of the others enough.
WIDE = 100


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
                show_imports(imports, wide=out.width >= WIDE)
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


def show_imports(imports: Sequence[ImportStatus], *, wide: bool) -> None:
    """A line each. On a narrow terminal without the feed, and with half of the moment: numbers and state go before."""
    rows = [cells(one, wide=wide) for one in imports]
    print_table("", list(rows[0]), [list(row.values()) for row in rows])


def cells(one: ImportStatus, *, wide: bool) -> dict[str, object]:
    return {
        "import": one.id,
        "begun": begun(one.started_at, datetime.now(one.started_at.tzinfo), wide=wide),
        "catalogue": one.catalogue,
        **({"feed": shortened(Path(one.feed).name)} if wide else {}),
        "state": one.shown_state,
        "rows": one.rows,
        "rejected": one.rows_rejected,
        "photos": one.photos_total,
        "left": one.photos_pending,
        "quarantine": one.photos_quarantined,
    }


def begun(moment: datetime, now: datetime, *, wide: bool) -> str:
    """`11-30 19:10`, or of that what tells more: the time of today's, the day of others."""
    if wide:
        return f"{moment:%m-%d %H:%M}"
    return f"{moment:%H:%M}" if moment.date() == now.date() else f"{moment:%m-%d}"


def shortened(name: str, most: int = 24) -> str:
    """Its end tells feeds apart as well as its beginning does."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-most // 2 + 1 :]}"
