"""`modiste tidy`: what has piled up over the months goes; nothing that a listing or an answer rests on."""

from dataclasses import asdict
from typing import Annotated

import typer

from cli.opening import open_stack
from cli.output import out, print_json, print_table, progress
from cli.settings import Settings
from db.engine import transaction
from db.retention import drop_outdated, outdated
from store import Area
from worker.tidying import discard_previews, remove_strays

DAYS = 90


def tidy(
    days: Annotated[int, typer.Option(min=1, help="How long reports, and feeds never started, are kept.")] = DAYS,
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Remove what nobody needs any more, beside running work. Once a week from a timer is enough.

    Rows of reports and finished shards of imports that were over so many days ago (their counts stay); imports of
    single listings; feeds that were looked at and never started; and files in the store that no listing shows, once
    they are a week old.
    """
    with open_stack(Settings()) as stack:
        with transaction(stack.engine) as connection:
            found = outdated(connection, days=days)
        if not dry:
            drop_outdated(stack.engine, days=days)
            discard_previews(stack.engine, stack.store, days=days)
        with progress() as bar:
            task = bar.add_task("looking through the store", total=None, says="")
            files, size_bytes = remove_strays(
                stack.engine,
                stack.store,
                dry=dry,
                on_file=lambda count: bar.update(task, says=f"{count:,} files that nobody needs"),
            )
    if as_json:
        tidied = [area for area in Area if area not in (Area.MODELS, Area.REPORTS)]
        told = {**asdict(found), "files": {area.value: files[area] for area in tidied}}
        print_json({**told, "bytes": size_bytes, "removed": not dry})
        return
    rows = [
        ("rows of reports", found.report_rows),
        ("shards that are done", found.shards),
        ("imports of one listing", found.single_imports),
        ("feeds never started", found.previews),
        *((f"files in the store: {area.value}", count) for area, count in sorted(files.items())),
    ]
    print_table("", ["what", "count"], [[name, f"{count:,}"] for name, count in rows])
    done = "would go" if dry else "gone"
    out.print(
        f"{size_bytes / 1e6:,.0f} MB of the store {done}; PostgreSQL uses the room of its rows again.", soft_wrap=True
    )
