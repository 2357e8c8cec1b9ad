"""`modiste export`: a catalogue out again, with what was found in it, for a spreadsheet, a program or a marketplace."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import UsageError
from cli.export.formats import ExportFormat, format_of
from cli.export.run import Order, Written, model_categories, write_catalogue
from cli.export.taxonomy import write_template
from cli.opening import Stack, open_stack
from cli.output import err, out, plain
from cli.settings import Settings
from db.catalogues import default_catalogue
from db.engine import transaction

SHOWN = 10
STDOUT = "-"


def export(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="What to write; - is stdout.")] = STDOUT,
    catalogue: Annotated[
        str | None, typer.Option(help="The catalogue to write out; default: default, or the only one there is.")
    ] = None,
    format: Annotated[  # noqa: A002 (the option's name)
        ExportFormat | None, typer.Option(help="Default: what the file's name ends in.")
    ] = None,
    categories: Annotated[
        Path | None,
        typer.Option(metavar="MAPPING", help="CSV or TOML: the marketplace's own name or id of each category."),
    ] = None,
    categories_template: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the model's categories there to fill in, and export nothing."),
    ] = None,
    only_available: Annotated[
        bool, typer.Option("--only-available", help="Leave out what cannot be had at the moment.")
    ] = False,
    min_score: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Leave empty what the model is less sure of than this.")
    ] = 0.0,
    changes_since: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Only what changed since the export that told this cursor.")
    ] = None,
    guard: Annotated[
        bool | None,
        typer.Option(
            "--guard/--raw",
            help="Whether cells that a spreadsheet would take for formulas begin with an apostrophe.",
            show_default="guard for csv, raw for marketplaces",
        ),
    ] = None,
    photo_base: Annotated[
        str, typer.Option(metavar="URL", help="Goes before photos that are names of files, not URLs.")
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="What was written, as JSON on stdout; on stderr where the export is there.")
    ] = False,
) -> None:
    """Write a catalogue with what was found: the sellers' words, and category and attributes beside them.

    Marketplaces get it in their own form: what a seller left empty is filled in with what was seen.
    """
    if categories_template is not None:
        with open_stack(Settings()) as stack:
            write_template(categories_template, model_categories(stack.engine, named_or_only(stack, catalogue)))
        out.print(
            f"Fill in {categories_template}, then: modiste export … --categories {categories_template}",
            soft_wrap=True,
            markup=False,
        )
        return
    if only_available and changes_since:
        raise UsageError(
            "--only-available with --changes-since would never tell that something is sold; "
            "changes have it with available=false"
        )
    target = None if file == STDOUT else Path(file)
    found_format = format_of(target, format)
    with open_stack(Settings()) as stack:
        order = Order(
            catalogue=named_or_only(stack, catalogue),
            file=target,
            format=found_format,
            categories=categories,
            only_available=only_available,
            min_score=min_score,
            changes_since=changes_since,
            guard=found_format is ExportFormat.CSV if guard is None else guard,
            photo_base=photo_base,
        )
        written = write_catalogue(stack.engine, order)
    if as_json:
        (sys.stdout if target else sys.stderr).write(json.dumps(plain(written), ensure_ascii=False) + "\n")
    else:
        say_written(written)


def named_or_only(stack: Stack, catalogue: str | None) -> str:
    """Raises UnknownCatalogue where none is named and it is not clear which is meant."""
    if catalogue is not None:
        return catalogue
    with transaction(stack.engine) as connection:
        return default_catalogue(connection)


def say_written(written: Written) -> None:
    """On stderr, which is free in any case."""
    which = "" if written.whole else " that changed"
    err.print(
        f"{written.rows:,} listings of {written.catalogue}{which} are in {written.file or 'stdout'}, "
        f"{written.enriched:,} of them with what {written.model_version or 'a model'} sees.",
        soft_wrap=True,
        markup=False,
    )
    for line in remarks(written):
        err.print(line, soft_wrap=True, markup=False)
    err.print(f"For what changes from now on: --changes-since {written.cursor}", soft_wrap=True, markup=False)


def remarks(written: Written) -> list[str]:
    """What a person should know of this export, a sentence each."""
    said = []
    if written.rows and not written.enriched:
        said.append("No listing was looked at yet: these are the sellers' words alone. `modiste status` tells why.")
    if written.unmapped:
        said.append(f"--categories has no entry for {counted(written.unmapped)}: their category is left empty.")
    if written.missing:
        said.append(f"{written.format} asks for what some listings do not have: {counted(written.missing)}.")
    if written.left_out:
        said.append(f"{written.format} has no place for {counted(written.left_out)}.")
    if written.photo_names:
        said.append(
            f"{written.photo_names:,} photos are names of files, which nobody else can fetch; "
            "--photo-base URL says where they lie."
        )
    return said


def counted(things: Mapping[str, int]) -> str:
    """`Kurta (12 listings), Kurti (3)`."""
    shown = [f"{name} ({count:,})" for name, count in list(things.items())[:SHOWN]]
    return ", ".join(shown) + (f" and {len(things) - SHOWN} more" if len(things) > SHOWN else "")
