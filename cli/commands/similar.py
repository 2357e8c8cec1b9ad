"""`modiste similar`: listings like this one, or like a photo, as a table, JSON or a contact sheet."""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from cli.errors import UsageError
from cli.opening import Stack, open_stack
from cli.output import err, out, print_json, print_table
from cli.settings import Settings
from cli.sheet import Tile, draw_sheet
from db.catalogues import require_catalogue
from db.engine import transaction
from db.errors import NotEnriched
from db.imports import photos_unseen
from db.similarity import (
    SimilarListing,
    find_listing,
    listings_like,
    photo_digests,
    similar_listings,
    similar_to,
    similar_to_many,
)
from vision.preprocess import open_photo
from worker.networks import open_active

SHEET_KINDS = (".png", ".jpg", ".jpeg", ".webp")
PLAIN = {"mode": "same_style", "min_score": 0.0, "diversity": 0.0, "fold": False}


class Mode(StrEnum):
    """How alike the answers are to be."""

    SAME_STYLE = "same_style"
    SAME_ITEM = "same_item"
    OTHER_COLOUR = "other_colour"


def similar(
    listing: Annotated[
        list[str] | None, typer.Argument(help="The listing's external id; of several, what is like all of them.")
    ] = None,
    unlike: Annotated[list[str] | None, typer.Option(help="A listing to stay away from; may be repeated.")] = None,
    photo: Annotated[Path | None, typer.Option(help="Ask with a photo instead of a listing.")] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(help="Ask by what the model says instead, as group:value; may be repeated."),
    ] = None,
    catalogue: Annotated[
        str | None, typer.Option(help="Where to look; default: the listing's own catalogue, or for a photo all.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many, 1 to 1,000.")] = 12,
    filters: Annotated[
        str, typer.Option(help='JSON, as in SQL: {"gender": "Women", "price_max": 1500, "currency": "INR"}')
    ] = "{}",
    mode: Annotated[
        Mode, typer.Option(help="same_item: what shows the same photo; other_colour: the like in another colour.")
    ] = Mode.SAME_STYLE,
    min_score: Annotated[float, typer.Option(help="None below this score, 0 to 1.")] = 0.0,
    diversity: Annotated[float, typer.Option(help="0 to 1: how much the answers are to differ.")] = 0.0,
    fold: Annotated[bool, typer.Option("--fold", help="Show listings with the same photo once, with a count.")] = False,
    sheet: Annotated[Path | None, typer.Option(help="Write a contact sheet, the asked photo first.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Show listings similar to a listing, to several, to a photo, or with some attributes, best first."""
    if sum(map(bool, (listing, photo, attribute))) != 1:
        raise UsageError("name listings, or give --photo FILE or --attribute GROUP:VALUE: one of the three")
    if unlike and not listing:
        raise UsageError("--unlike goes with listings to be like")
    wanted = parse_filters(filters)
    options = {"mode": mode.value, "min_score": min_score, "diversity": diversity, "fold": fold}
    if attribute and options != PLAIN:
        raise UsageError(
            "--mode, --min-score, --diversity and --fold go with listings or a photo: attributes have none"
        )
    if sheet is not None:
        check_sheet(sheet)
    with open_stack(Settings()) as stack:
        if catalogue is not None:
            with transaction(stack.engine) as connection:
                require_catalogue(connection, catalogue)
        if listing:
            asked, found = ask_with_listings(stack, listing, unlike or [], catalogue, k, wanted, options)
        else:
            wanted = ({"catalogue": catalogue} if catalogue else {}) | wanted
            if photo is not None:
                asked, found = ask_with_photo(stack, photo, k, wanted, options)
            else:
                asked, found = [], ask_with_attributes(stack, attribute or [], k, wanted)
        if sheet is not None:
            write_sheet(stack, sheet, asked, found)
        say_unseen(stack, looked_in(stack, wanted.get("catalogue"), listing or [], catalogue))
    if as_json:
        print_json(found)
        return
    show(found)
    if sheet is not None:
        out.print(f"Contact sheet: {sheet}", soft_wrap=True, markup=False)


def looked_in(
    stack: Stack, named: str | Sequence[str] | None, listings: Sequence[str], catalogue: str | None
) -> set[str] | None:
    """The catalogues that are asked: those named in the filters, else the listings' own; None means all."""
    if named:
        return {named} if isinstance(named, str) else set(named)
    with transaction(stack.engine) as connection:
        return {find_listing(connection, one, catalogue).catalogue for one in listings} or None


def say_unseen(stack: Stack, catalogues: set[str] | None) -> None:
    """On stderr: an exact answer is so of what was looked at, and an import may be going on."""
    with transaction(stack.engine) as connection:
        unseen = photos_unseen(connection, catalogues)
    if unseen:
        where = "this catalogue" if catalogues and len(catalogues) == 1 else "these catalogues"
        what, have = ("photo", "has") if unseen == 1 else ("photos", "have")
        err.print(f"{unseen:,} {what} of {where} {have} not been looked at yet.", soft_wrap=True)


def check_sheet(path: Path) -> None:
    """Before the question, so that its answer is not lost over the picture."""
    if path.suffix.lower() not in SHEET_KINDS:
        raise UsageError(f"--sheet {path}: name a file that ends in {', '.join(SHEET_KINDS)}")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--sheet {path}: there is no folder {path.absolute().parent}")


def parse_filters(text: str) -> dict[str, Any]:
    try:
        filters = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"--filters is no JSON: {error}") from error
    if not isinstance(filters, dict):
        raise UsageError('--filters takes a JSON object, for example {"gender": "Women"}')
    return filters


def ask_with_listings(
    stack: Stack,
    external_ids: Sequence[str],
    unlike: Sequence[str],
    catalogue: str | None,
    k: int,
    filters: dict[str, Any],
    options: dict[str, Any],
) -> tuple[list[Tile], list[SimilarListing]]:
    with transaction(stack.engine) as connection:
        asked = [find_listing(connection, external_id, catalogue) for external_id in external_ids]
        away = [find_listing(connection, external_id, catalogue).id for external_id in unlike]
        try:
            if len(asked) == 1 and not away:
                found = similar_listings(connection, asked[0].id, k=k, filters=filters, options=options)
            else:
                liked = [one.id for one in asked]
                found = similar_to_many(connection, liked, away, k=k, filters=filters, options=options)
        except NotEnriched as error:
            raise NotEnriched(f"{', '.join(external_ids)}: {error}") from None
    tiles = [
        Tile(title=one.title or external_id, picture=find_photo(stack, one.photo_digest))
        for external_id, one in zip(external_ids, asked, strict=True)
    ]
    return tiles, found


def ask_with_photo(
    stack: Stack, path: Path, k: int, filters: dict[str, Any], options: dict[str, Any]
) -> tuple[list[Tile], list[SimilarListing]]:
    if not path.is_file():
        raise UsageError(f"there is no photo {path}")
    data = path.read_bytes()
    predictor = open_active(stack.engine, stack.store, stack.settings.home / "cache", "onnx")
    prediction = predictor.predict(np.stack([predictor.decode(data)]))[0]
    with transaction(stack.engine) as connection:
        found = similar_to(connection, prediction.embedding.tolist(), k=k, filters=filters, options=options)
    return [Tile(title=f"asked: {path.name}", picture=data)], found


def ask_with_attributes(
    stack: Stack, attributes: Sequence[str], k: int, filters: dict[str, Any]
) -> list[SimilarListing]:
    with transaction(stack.engine) as connection:
        return listings_like(connection, attributes, k=k, filters=filters)


def find_photo(stack: Stack, digest: str | None) -> bytes | None:
    return stack.store.find_photo(digest) if digest else None


def write_sheet(stack: Stack, path: Path, asked: Sequence[Tile], found: list[SimilarListing]) -> None:
    with transaction(stack.engine) as connection:
        digests = photo_digests(connection, [row.matched_photo_id for row in found])
    tiles = [
        Tile(
            title=f"{row.score:.2f}  {row.title or row.external_id}",
            picture=find_photo(stack, digests.get(row.matched_photo_id)),
        )
        for row in found
    ]
    draw_sheet([*asked, *tiles], open_photo).save(path)


def shared(row: SimilarListing) -> str:
    """The attributes that both have, without their groups, as these are clear from the values."""
    return ", ".join(sorted(attribute.partition(":")[2] for attribute in row.why.get("attributes", {})))


def show(found: list[SimilarListing]) -> None:
    if not found:
        out.print("No listing matches these filters.")
        return
    mixed = len({row.catalogue for row in found}) > 1
    columns = ["score", "listing", *(["catalogue"] if mixed else []), "title", "category", "shared"]
    rows = [
        [f"{r.score:.3f}", r.external_id, *([r.catalogue] if mixed else []), r.title, r.category, shared(r)]
        for r in found
    ]
    if any(row.folded for row in found):
        columns.append("also")
        for cells, row in zip(rows, found, strict=True):
            cells.append(f"+{row.folded}" if row.folded else "")
    print_table(f"{len(found)} similar listings ({found[0].how})", columns, rows)
