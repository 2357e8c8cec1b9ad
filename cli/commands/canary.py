"""`modiste models canary`: what would change if another version were active, before it is."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Annotated

import typer
from rich.markup import escape

from cli.coverage import percent
from cli.errors import UsageError
from cli.opening import open_stack
from cli.output import out, print_json, print_table
from cli.settings import Settings
from db.canary import Canary, NamedListing, SideBySide, canary
from db.engine import transaction
from db.models import active_model, model_by_name

SAMPLE = 200


def compare(
    version: Annotated[str, typer.Argument(help="The version's name.")],
    against: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Compared with this one.", show_default="the active one")
    ] = None,
    sample: Annotated[int, typer.Option(min=1, max=10_000, help="Listings asked for their neighbours.")] = SAMPLE,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Ask two versions the same about a sample of listings: neighbours, categories, attributes, side by side.

    The version answers for what it has seen (modiste models backfill). Nothing is changed, and the same sample is
    asked each time.
    """
    with open_stack(Settings()) as stack:
        with transaction(stack.engine) as connection:
            after = model_by_name(connection, version)
            before = model_by_name(connection, against) if against else active_model(connection)
        if before.id == after.id:
            raise UsageError(f"{version} is compared with itself; name another with --against VERSION")
        with transaction(stack.engine) as connection:
            found = canary(connection, before, after, sample=sample)
    if not found.compared:
        raise UsageError(
            f"there is no listing that both {before.name} and {after.name} have seen; "
            f"modiste models backfill {version} has it see them"
        )
    if as_json:
        print_json(found)
    else:
        show(found)


def show(found: Canary) -> None:
    """Figures first, then what is behind them."""
    out.print(f"[bold]{escape(found.after)}[/] instead of [bold]{escape(found.before)}[/]")
    for name, value in figures(found):
        out.print(f"  {name:<12}{value}", soft_wrap=True)
    if found.flips:
        out.print("\nCategories that change most:")
        print_table(
            "",
            ["before", "after", "listings"],
            [[flip.before, flip.after, flip.listings] for flip in found.flips],
        )
    if found.shifts:
        out.print("\nAttributes that change, of the listings that have one of the group by either version:")
        print_table(
            "",
            ["group", "differ", "listings", "gained", "lost", "changed"],
            [[s.group, percent(s.share), s.listings, s.gained, s.lost, s.changed] for s in found.shifts],
        )
    for pair in found.side_by_side:
        show_pair(pair, found)


def figures(found: Canary) -> list[tuple[str, str]]:
    lines = []
    if found.overlap is not None:
        lines.append(
            (
                "neighbours",
                f"{10 * found.overlap:.1f} of the ten nearest photos are the same ({found.asked:,} listings asked)",
            )
        )
    share = percent(found.flipped / found.compared)
    lines.append(("categories", f"{found.flipped:,} of {found.compared:,} listings change theirs ({share})"))
    if found.recall is None:
        lines.append(("index", "none: its vectors are compared one by one"))
    else:
        asked = f"{found.recall_asked:,} listings asked"
        lines.append(("index", f"finds {10 * found.recall:.2f} of the ten that are truly nearest ({asked})"))
    return lines


def show_pair(pair: SideBySide, found: Canary) -> None:
    shared = {listing.id for listing in pair.before} & {listing.id for listing in pair.after}
    out.print(f"\nSimilar to {escape(named(pair.asked))} (* by both):", soft_wrap=True)
    print_table(
        "",
        [found.before, found.after],
        list(zip_longest(cells(pair.before, shared), cells(pair.after, shared), fillvalue="")),
    )


def cells(listings: Sequence[NamedListing], shared: set[int]) -> list[str]:
    return [f"{'*' if listing.id in shared else ' '} {named(listing)}" for listing in listings]


def named(listing: NamedListing) -> str:
    return f"{listing.external_id} {listing.title or ''}".strip()
