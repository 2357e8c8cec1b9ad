"""The row that a photo becomes: which words are the truth, and whose product it is."""

from typing import Any

import pytest

from cli.manifest import columns_of, words_of
from db.training import TrainingPhoto

SHA = "0123456789abcdef" * 4


def row_of(*keys: str, **said: Any) -> dict[str, str]:
    values: dict[str, Any] = dict.fromkeys(("title", "brand", "gender", "colour", "size", "seller_category"), None)
    photo = TrainingPhoto(**{**values, "sha256": SHA, "external_id": "A1", "corrections": {}, "metadata": {}, **said})
    return dict(zip(columns_of(keys), words_of(photo, keys), strict=True))


def test_a_photo_is_named_by_half_its_sha256_and_what_is_not_known_is_empty() -> None:
    row = row_of("season")
    assert row["photo"] == f"{SHA[:32]}.jpg"
    assert row["external_id"] == "A1"
    assert {row[name] for name in ("category", "colour", "gender", "size", "brand", "title", "season")} == {""}


def test_what_a_person_corrected_counts_before_the_seller_s_word() -> None:
    row = row_of(seller_category="Top", colour="Red", corrections={"category": "Blouse", "colour": "Blue"})
    assert row["colour"] == "Blue"
    assert row_of("sleeve", metadata={"sleeve": "Long"}, corrections={"sleeve": None})["sleeve"] == ""
    assert (row["category"], row["seller_category"]) == ("Blouse", "Top")
    assert row_of(seller_category="Top")["category"] == "Top"


@pytest.mark.parametrize(
    ("metadata", "product"),
    [
        ({"style_group": "S1", "item_group": "I1"}, "S1"),
        ({"item_group": "I1"}, "I1"),
        ({"style_group": "", "item_group_id": "G1"}, "G1"),
        ({}, "listing:A1"),
    ],
)
def test_a_product_is_the_seller_s_group_of_styles_else_the_listing(metadata: dict[str, str], product: str) -> None:
    assert row_of(metadata=metadata)["product"] == product


def test_metadata_are_columns_and_never_take_the_name_of_one_of_ours() -> None:
    row = row_of("category", "pockets", "season", metadata={"category": "their own", "season": "Été", "pockets": 2})
    assert row["metadata.category"] == "their own"
    assert (row["season"], row["pockets"], row["category"]) == ("Été", "2", "")
