"""`modiste corrections`: what people said is true of listings; given as a table, listed, and exported to learn from."""

import csv
import getpass
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from cli.commands.train import say_exported
from cli.errors import UsageError
from cli.exporting import export_catalogue
from cli.opening import open_stack
from cli.output import out, print_json, print_table
from cli.settings import Settings
from db.browsing import listing_id_of
from db.catalogues import require_catalogue
from db.corrections import CATEGORY, correct_listing, correctable, list_corrections
from db.engine import transaction
from db.errors import DbError

corrections = typer.Typer(no_args_is_help=True, help="What people said is true of listings: give, list and export it.")
Catalogue = Annotated[str, typer.Option("--catalogue", help="The catalogue.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]
ID = "external_id"


@corrections.command("list")
def list_them(
    catalogue: Annotated[str | None, typer.Option("--catalogue", help="Only those of this catalogue.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many of the oldest to show.")] = 100,
    undone: Annotated[bool, typer.Option("--undone", help="Also those that were taken back.")] = False,
    as_json: AsJson = False,
) -> None:
    """List corrections, oldest first."""
    with open_stack(Settings()) as stack, transaction(stack.engine) as connection:
        if catalogue is not None:
            require_catalogue(connection, catalogue)
        rows = list(islice(list_corrections(connection, catalogue, undone=undone), limit))
    if as_json:
        print_json([asdict(row) for row in rows])
    elif not rows:
        out.print("Nobody has corrected anything yet. The page /review shows what is most worth a look.")
    else:
        print_table(
            "",
            ["correction", "catalogue", "listing", "field", "was", "now", "who", "when"],
            [
                [r.id, r.catalogue, r.external_id, r.field, r.was, r.now, r.who, f"{r.made_at:%Y-%m-%d %H:%M}"]
                for r in rows
            ],
        )


@corrections.command()
def add(
    file: Annotated[Path, typer.Argument(help="A CSV with the columns external_id, and category or attribute groups.")],
    catalogue: Catalogue,
    who: Annotated[str, typer.Option(help="Who says so.")] = getpass.getuser(),
    as_json: AsJson = False,
) -> None:
    """Say what is true of listings, a row each; an empty cell says nothing. All of the file counts, or none of it."""
    given = list(read_table(file))
    with open_stack(Settings()) as stack, transaction(stack.engine) as connection:
        require_catalogue(connection, catalogue)
        check_columns(file, given, correctable(connection))
        made = sum(correct(connection, file, catalogue, line, row, who) for line, row in given)
    if as_json:
        print_json({"corrections": made, "listings": len(given)})
    else:
        out.print(f"{made:,} corrections of {len(given):,} listings. To learn from them: modiste improve")


def read_table(file: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The rows with their lines. Raises UsageError for what is no table with the listing's id."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            table = csv.DictReader(opened)
            if ID not in (table.fieldnames or ()):
                raise UsageError(f"{file}: the first line names the columns, and {ID} has to be one of them")
            for row in table:
                if None in row or None in row.values():
                    raise UsageError(f"{file}, line {table.line_num}: it has not as many cells as there are columns")
                yield table.line_num, row
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error


def check_columns(file: Path, rows: list[tuple[int, Mapping[str, str]]], known: Mapping[str, object]) -> None:
    """Raises UsageError for a file without rows, and for a column that would silently say nothing."""
    if not rows:
        raise UsageError(f"{file} has no rows")
    columns = [name for name in rows[0][1] if name != ID]
    strange = [name for name in columns if name not in known]
    if strange or not columns:
        raise UsageError(
            f"{file}: {', '.join(strange) or 'a column beside external_id'} is nothing to correct; "
            f"the active version tells {', '.join(known) or CATEGORY}"
        )


def correct(connection: Connection, file: Path, catalogue: str, line: int, row: Mapping[str, str], who: str) -> int:
    """How many corrections the row was. Raises UsageError with its line."""
    said = {field: word.strip() for field, word in row.items() if field != ID and word.strip()}
    try:
        listing_id = listing_id_of(connection, catalogue, row[ID])
        for field, word in said.items():
            correct_listing(connection, listing_id, field=field, now=word, who=who)
    except DbError as error:
        raise UsageError(f"{file}, line {line}: {error}; nothing of the file was taken") from error
    return len(said)


@corrections.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A new folder, or one of an earlier export of these corrections.")],
    catalogue: Catalogue,
    as_json: AsJson = False,
) -> None:
    """Write corrected listings as a manifest with photos, which the trainer learns from."""
    with open_stack(Settings()) as stack:
        exported = export_catalogue(stack, catalogue, folder.expanduser(), link=False, corrected_only=True)
    say_exported(exported, as_json=as_json)
