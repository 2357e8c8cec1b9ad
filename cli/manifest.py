"""The table that a catalogue becomes for the trainer: its columns, and a row a photo. Knows no file and no database."""

import json
from collections.abc import Sequence
from typing import Any

from db.training import TrainingPhoto

# What the manifest says of every photo; then a column for each key of the listings' metadata.
COLUMNS = (
    "photo", "category", "seller_category", "colour", "gender", "size", "brand", "product", "external_id", "title",
)  # fmt: skip
# Metadata that joins the same cut in other colours or prints, most telling first.
PRODUCT_KEYS = ("style_group", "item_group", "item_group_id")


def name_of(sha256: str) -> str:
    """The photo's file; half of a SHA-256 is enough to tell a million photos apart. The bytes say what kind it is."""
    return f"{sha256[:32]}.jpg"


def words_of(photo: TrainingPhoto, keys: Sequence[str]) -> list[str]:
    """A row of the manifest. What is not known is an empty cell. A person's word comes before the seller's."""
    said = photo.metadata
    group = next((said[key] for key in PRODUCT_KEYS if said.get(key)), None)
    cells = [
        name_of(photo.sha256),
        photo.category,
        photo.seller_category,
        photo.corrections.get("colour", photo.colour),
        photo.corrections.get("gender", photo.gender),
        photo.size,
        photo.brand,
        group or f"listing:{photo.external_id}",
        photo.external_id,
        photo.title,
        *(photo.corrections.get(key, said.get(key)) for key in keys),
    ]
    return [_cell(value) for value in cells]


def columns_of(keys: Sequence[str]) -> tuple[str, ...]:
    """The header; a key that has the name of a column of ours is called as in filters, `metadata.KEY`."""
    return (*COLUMNS, *(f"metadata.{key}" if key in COLUMNS else key for key in keys))


def _cell(value: Any) -> str:
    """Metadata are texts; what another program wrote there as numbers or lists is told as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
