"""`modiste quarantine`: photos that cannot be enriched, counted, listed, explained and exported."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from cli.errors import UsageError
from cli.opening import open_stack
from cli.output import out, plain, print_json, print_table
from cli.quarantined import public
from cli.remedies import remedy
from cli.settings import Settings
from db.catalogues import require_catalogue
from db.engine import transaction
from db.imports import import_status
from db.quarantine import (
    QuarantineRow,
    Wanted,
    count_by_reason,
    photo_in_quarantine,
    quarantine_page,
    whole_quarantine,
)
from db.states import Reason

quarantine = typer.Typer(no_args_is_help=True, help="List, explain and export photos that cannot be enriched.")
OfImport = Annotated[int | None, typer.Option("--import", metavar="IMPORT", help="Only those of this import.")]
OfCatalogue = Annotated[str | None, typer.Option("--catalogue", help="Only those of this catalogue.")]
ForReason = Annotated[
    Reason | None, typer.Option("--reason", metavar="REASON", help="Only those for this reason, e.g. not_found.")
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]
COLUMNS = tuple(field.name for field in fields(QuarantineRow))
TABLES, LINES = (".csv",), (".jsonl", ".ndjson")


@quarantine.command("list")
def list_photos(
    import_id: OfImport = None,
    catalogue: OfCatalogue = None,
    reason: ForReason = None,
    limit: Annotated[int, typer.Option(min=0, max=10_000, help="How many photos to name.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Count photos in quarantine by reason, and name the first of them."""
    wanted = Wanted(import_id=import_id, catalogue=catalogue, reason=reason)
    with open_stack(Settings()) as stack, transaction(stack.engine) as connection:
        require(connection, wanted)
        counts = count_by_reason(connection, wanted)
        photos = [public(row) for row in quarantine_page(connection, wanted, after=0, limit=limit)]
    if as_json:
        print_json({"reasons": counts, "photos": photos})
    elif not counts:
        out.print("No photo is in quarantine.")
    else:
        show_list(counts, photos)


def require(connection: Connection, wanted: Wanted) -> None:
    """Raises `UnknownImport` or `UnknownCatalogue`: a slip must not look like good news."""
    if wanted.import_id is not None:
        import_status(connection, wanted.import_id)
    if wanted.catalogue is not None:
        require_catalogue(connection, wanted.catalogue)


def show_list(counts: dict[Reason, int], photos: list[QuarantineRow]) -> None:
    total = sum(counts.values())
    print_table("", ["reason", "photos"], [[reason.value, count] for reason, count in counts.items()])
    if photos:
        print_table(
            f"\nPhotos in quarantine ({len(photos):,} of {total:,})",
            ["photo", "import", "catalogue", "listing", "reason", "detail"],
            [[p.photo_id, p.import_id, p.catalogue, p.external_id, p.reason.value, p.detail] for p in photos],
        )
        out.print(f"modiste quarantine show {photos[0].photo_id} tells what can be done about the first.")


@quarantine.command()
def show(
    photo_id: Annotated[int, typer.Argument(metavar="PHOTO", help="Its number, as the list gives it.")],
    as_json: AsJson = False,
) -> None:
    """Show why a photo is in quarantine, and what can be done about it."""
    with open_stack(Settings()) as stack, transaction(stack.engine) as connection:
        photo = public(photo_in_quarantine(connection, photo_id))
    if as_json:
        print_json({**asdict(photo), "remedy": remedy(photo)})
        return
    for name, value in facts(photo):
        out.print(f"[bold]{name:<10}[/]", end="")
        out.print(value, markup=False, soft_wrap=True)


def facts(photo: QuarantineRow) -> Iterator[tuple[str, str]]:
    yield "photo", f"{photo.photo_id}, put to work by import {photo.import_id}"
    titled = f" ({photo.title})" if photo.title else ""
    yield "listing", f"{photo.external_id}{titled} in {photo.catalogue}"
    yield "source", photo.source
    yield "reason", photo.reason.value
    yield "detail", photo.detail or "none"
    yield "tried", "once" if photo.attempts == 0 else f"{photo.attempts + 1} times"
    yield "since", f"{photo.quarantined_at:%Y-%m-%d %H:%M %Z}"
    yield "remedy", remedy(photo)


@quarantine.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write: .csv, or .jsonl for a JSON document a line.")],
    import_id: OfImport = None,
    catalogue: OfCatalogue = None,
    reason: ForReason = None,
    as_json: AsJson = False,
) -> None:
    """Write all photos in quarantine into a file, which is there once it is whole."""
    if file.suffix.lower() not in (*TABLES, *LINES):
        raise UsageError(f"{file.name}: name it .csv for a table, or .jsonl for a JSON document a line")
    if not file.parent.is_dir():
        raise UsageError(f"there is no folder {file.parent}; make it, or name another file")
    wanted = Wanted(import_id=import_id, catalogue=catalogue, reason=reason)
    with open_stack(Settings()) as stack:
        with transaction(stack.engine) as connection:
            require(connection, wanted)
        photos = write(file, map(public, whole_quarantine(stack.engine, wanted)))
    if as_json:
        print_json({"file": file, "photos": photos})
    else:
        out.print(f"{photos:,} photos are in {file}.", soft_wrap=True, markup=False)


def write(file: Path, photos: Iterable[QuarantineRow]) -> int:
    """How many were written. A file of that name stays as it was until all is written."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    counted = Counted(photos)
    with unfinished.open("wb") as out_file:
        out_file.writelines(as_table(counted) if file.suffix.lower() in TABLES else as_lines(counted))
    os.replace(unfinished, file)
    return counted.rows


class Counted:
    """Photos as rows, counted on their way."""

    def __init__(self, photos: Iterable[QuarantineRow]) -> None:
        self._photos = photos
        self.rows = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for photo in self._photos:
            self.rows += 1
            yield plain(photo)


def as_table(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    from api.tables import pieces  # with FastAPI, which no other command needs

    return pieces(COLUMNS, (list(row.values()) for row in rows))


def as_lines(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    return (f"{json.dumps(row, ensure_ascii=False)}\n".encode() for row in rows)
