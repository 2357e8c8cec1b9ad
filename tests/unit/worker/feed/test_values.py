"""Currencies, availability and photo cells as sellers write them."""

import pytest

from worker.feed.cells import cell_text, photo_references, photo_text
from worker.feed.values import parse_availability, parse_currency


def test_currencies_are_codes_or_symbols() -> None:
    assert [parse_currency(text) for text in ("inr", "€", "Rs.")] == ["INR", "EUR", "INR"]
    for text in ("rupees", "12", "ééé"):
        with pytest.raises(ValueError, match="currency code"):
            parse_currency(text)


@pytest.mark.parametrize("text", ["in stock", "in_stock", "http://schema.org/InStock", "Yes", "true", "1", "7"])
def test_available_words(text: str) -> None:
    assert parse_availability(text) == (True, False)


@pytest.mark.parametrize(
    "text", ["out of stock", "out_of_stock", "OutOfStock", "no", "FALSE", "0", "0.0", "-2", "Sold out"]
)
def test_unavailable_words(text: str) -> None:
    assert parse_availability(text) == (False, False)


@pytest.mark.parametrize(
    ("text", "available"),
    [
        ("preorder", True),
        ("https://schema.org/BackOrder", True),
        ("Limited availability", True),
        ("reserved", False),
        ("Discontinued", False),
    ],
)
def test_words_that_say_more_than_whether_it_can_be_had(text: str, available: bool) -> None:
    assert parse_availability(text) == (available, True)


def test_other_words_say_nothing_of_availability() -> None:
    with pytest.raises(ValueError, match="in_stock or out_of_stock"):
        parse_availability("maybe")


@pytest.mark.parametrize(
    ("cell", "references"),
    [
        ("10000.jpg", ["10000.jpg"]),
        ("red dress.jpg", ["red dress.jpg"]),
        ("a.jpg, b.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg b.png", ["a.jpg", "b.png"]),
        ("red dress.jpg|blue dress.jpg", ["red dress.jpg", "blue dress.jpg"]),
        ("dress, red.jpg", ["dress, red.jpg"]),
        ("https://x/a.jpg,https://x/b.jpg", ["https://x/a.jpg", "https://x/b.jpg"]),
        ("https://x/a.jpg | https://x/b.jpg", ["https://x/a.jpg", "https://x/b.jpg"]),
        ("https://x/w_300,h_300/a.jpg", ["https://x/w_300,h_300/a.jpg"]),
        ("https://x/a.jpg https://x/b.jpg", ["https://x/a.jpg", "https://x/b.jpg"]),
    ],
)
def test_a_photo_cell_is_split_where_references_end(cell: str, references: list[str]) -> None:
    assert photo_references(cell) == references


def test_json_values_become_the_text_of_a_table() -> None:
    values = [None, True, 7, 10000.0, 1.5, float("nan"), ["a"], {"b": 1}]
    assert [cell_text(value) for value in values] == ["", "true", "7", "10000", "1.5", "", '["a"]', '{"b": 1}']
    assert photo_text([{"url": "https://x/a.jpg"}, "b c.jpg", None]) == "https://x/a.jpg\nb c.jpg"
