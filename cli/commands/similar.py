"""`modiste similar`: listings like this one, or like a photo, as a table, JSON or a contact sheet."""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from cli.errors import UsageError
from cli.opening import Stack, open_stack
from cli.output import out, print_json, print_table
from cli.settings import Settings
from cli.sheet import Tile, draw_sheet
from db.engine import transaction
from db.errors import NotEnriched
from db.similarity import SimilarListing, find_listing, photo_digests, similar_listings, similar_to
from vision.preprocess import open_photo
from worker.networks import open_active

SHEET_KINDS = (".png", ".jpg", ".jpeg", ".webp")


def similar(
    listing: Annotated[str | None, typer.Argument(help="The listing's external id.")] = None,
    photo: Annotated[Path | None, typer.Option(help="Ask with a photo instead of a listing.")] = None,
    catalogue: Annotated[
        str | None, typer.Option(help="Where to look; default: the listing's own catalogue, or for a photo all.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many, 1 to 1,000.")] = 12,
    filters: Annotated[
        str, typer.Option(help='JSON, as in SQL: {"gender": "Women", "price_max": 1500, "currency": "INR"}')
    ] = "{}",
    sheet: Annotated[Path | None, typer.Option(help="Write a contact sheet, the asked photo first.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Show listings similar to a listing or a photo, best first."""
    if (listing is None) == (photo is None):
        raise UsageError("name a listing or give --photo FILE, one of the two")
    wanted = parse_filters(filters)
    if sheet is not None:
        check_sheet(sheet)
    with open_stack(Settings()) as stack:
        if photo is not None:
            asked, found = ask_with_photo(stack, photo, k, ({"catalogue": catalogue} if catalogue else {}) | wanted)
        else:
            asked, found = ask_with_listing(stack, str(listing), catalogue, k, wanted)
        if sheet is not None:
            write_sheet(stack, sheet, asked, found)
    if as_json:
        print_json(found)
        return
    show(found)
    if sheet is not None:
        out.print(f"Contact sheet: {sheet}")


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


def ask_with_listing(
    stack: Stack, external_id: str, catalogue: str | None, k: int, filters: dict[str, Any]
) -> tuple[Tile, list[SimilarListing]]:
    with transaction(stack.engine) as connection:
        asked = find_listing(connection, external_id, catalogue)
        try:
            found = similar_listings(connection, asked.id, k=k, filters=filters)
        except NotEnriched:
            raise NotEnriched(
                f"listing {external_id} has no photo enriched by the active model version; `modiste status` tells what "
                "is left to do or went wrong, and importing its feed again enriches with a newly activated version"
            ) from None
    return Tile(title=asked.title or external_id, picture=find_photo(stack, asked.photo_digest)), found


def ask_with_photo(stack: Stack, path: Path, k: int, filters: dict[str, Any]) -> tuple[Tile, list[SimilarListing]]:
    if not path.is_file():
        raise UsageError(f"there is no photo {path}")
    data = path.read_bytes()
    predictor = open_active(stack.engine, stack.store, stack.settings.home / "cache", "onnx")
    prediction = predictor.predict(np.stack([predictor.decode(data)]))[0]
    with transaction(stack.engine) as connection:
        found = similar_to(connection, prediction.embedding.tolist(), k=k, filters=filters)
    return Tile(title=f"asked: {path.name}", picture=data), found


def find_photo(stack: Stack, digest: str | None) -> bytes | None:
    return stack.store.find_photo(digest) if digest else None


def write_sheet(stack: Stack, path: Path, asked: Tile, found: list[SimilarListing]) -> None:
    with transaction(stack.engine) as connection:
        digests = photo_digests(connection, [row.matched_photo_id for row in found])
    tiles = [
        Tile(
            title=f"{row.score:.2f}  {row.title or row.external_id}",
            picture=find_photo(stack, digests.get(row.matched_photo_id)),
        )
        for row in found
    ]
    draw_sheet([asked, *tiles], open_photo).save(path)


def shared(row: SimilarListing) -> str:
    """The attributes that both have, without their groups, as these are clear from the values."""
    return ", ".join(sorted(attribute.partition(":")[2] for attribute in row.why.get("attributes", {})))


def show(found: list[SimilarListing]) -> None:
    if not found:
        out.print("No listing matches these filters.")
        return
    mixed = len({row.catalogue for row in found}) > 1
    print_table(
        f"{len(found)} similar listings ({found[0].how})",
        ["score", "listing", *(["catalogue"] if mixed else []), "title", "category", "shared"],
        [
            [f"{r.score:.3f}", r.external_id, *([r.catalogue] if mixed else []), r.title, r.category, shared(r)]
            for r in found
        ],
    )
