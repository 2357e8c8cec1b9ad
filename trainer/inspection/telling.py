"""An inspection as a person reads it at a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trainer.inspection.counts import Balance, ClassCount
from trainer.inspection.inspect import Inspection
from trainer.sources.guess import Guess

LARGEST, SMALLEST = 24, 6  # classes shown of a group with more
LISTED = 10  # things named beneath one finding


def tell_guess(console: Console, guess: Guess) -> None:
    """What was taken for what."""
    console.print("No recipe is given, so this is a guess:")
    for part, column in guess.taken.items():
        console.print(f"  {part:11} {column}", markup=False, highlight=False)
    if guess.aside:
        console.print(f"  {'not used':11} {', '.join(guess.aside)}", markup=False, highlight=False)


def tell(console: Console, found: Inspection) -> None:
    """Counts first, then what is wrong, the gravest last: it is what stays on the screen."""
    _tell_sources(console, found)
    for balance in found.balances:
        _tell_balance(console, balance)
    _tell_words(console, found)
    _tell_photos(console, found)
    for what in found.warnings:
        console.print(f"[yellow]Warning:[/] {escape(what)}", highlight=False)
    for fault in found.faults:
        console.print(str(fault), markup=False, highlight=False)
    if found.fault_count > len(found.faults):
        console.print(f"… and {found.fault_count - len(found.faults):,} more.")
    if found.fault_count:
        console.print(f"[red]A run would be refused;[/] lines that are wrong: {found.fault_count:,}.", highlight=False)
    for what in found.refused:
        console.print(f"[red]A run would be refused:[/] {escape(what)}", highlight=False)


def _tell_sources(console: Console, found: Inspection) -> None:
    table = Table("source", box=None, pad_edge=False)
    for title in ("train", "dev", "test", "products", "photos each", "most", "alone"):
        table.add_column(title, justify="right")
    for source in found.sources:
        counts = (source.train, source.dev, source.test, source.products)
        each = f"{source.photos_per_product:g}" if source.products else ""
        most, alone = (f"{n:,}" if source.products else "" for n in (source.most_per_product, source.alone))
        table.add_row(source.name, *(f"{n:,}" for n in counts), each, most, alone)
    console.print()
    console.print(table)
    for source in found.sources:
        parts = {"boxes": source.boxes, "query photos": source.query, "gallery photos": source.gallery}
        said = ", ".join(f"{n:,} {what}" for what, n in parts.items() if n)
        if said:
            console.print(f"{source.name}: {said}", markup=False, highlight=False)


def _tell_balance(console: Console, balance: Balance) -> None:
    several = f", {balance.ambiguous:,} photos one of several" if balance.ambiguous else ""
    kind = "" if balance.exclusive else ", any number"
    there = [one for one in balance.classes if one.all or one.among]
    console.print()
    console.print(
        f"[bold]{escape(balance.label)}[/], {len(balance.classes)} names{kind}, "
        f"{balance.unlabelled:.1%} unlabelled{several}",
        highlight=False,
    )
    if there:
        console.print(_classes(there), markup=False, highlight=False)
    absent = [one.name for one in balance.classes if not (one.all or one.among)]
    if absent:
        console.print(f"without a photo: {_few(absent)}", markup=False, highlight=False)


def _classes(classes: Sequence[ClassCount]) -> str:
    """The largest and the smallest, with their photos; with a plus those that may be something else."""
    texts = [f"{one.name} {one.all:,}" + (f" +{one.among:,}" if one.among else "") for one in classes]
    if len(texts) > LARGEST + SMALLEST:
        texts = [*texts[:LARGEST], f"… {len(texts) - LARGEST - SMALLEST} more …", *texts[-SMALLEST:]]
    return " · ".join(texts)


def _tell_words(console: Console, found: Inspection) -> None:
    if found.unknown:
        console.print()
        texts = [f"{word.source}/{word.label} {word.word!r} {word.rows:,}" for word in found.unknown]
        console.print(f"Words that nobody knows: {_few(texts)}", markup=False, highlight=False)


def _tell_photos(console: Console, found: Inspection) -> None:
    photos = found.photos
    console.print()
    depth = "decoded" if photos.decoded else "read, not decoded"
    good = photos.photos - len(photos.unreadable)
    console.print(f"{photos.photos:,} photos {depth}: {good:,} good, {photos.repeated:,} the same as an earlier row's.")
    for what in photos.unreadable[:LISTED]:
        console.print(f"  {what}", markup=False, highlight=False)
    for duplicate in photos.across[:LISTED]:
        console.print(f"  in several splits: {' = '.join(duplicate.places)}", markup=False, highlight=False)
    if max(len(photos.unreadable), len(photos.across)) > LISTED:
        console.print("  … `--json` lists all of them.")


def _few(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - LISTED} more" if len(texts) > LISTED else ""
    return ", ".join(texts[:LISTED]) + more
