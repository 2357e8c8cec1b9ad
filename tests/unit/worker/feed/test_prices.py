"""Prices as sellers write them, alone and among others of their feed."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from db.states import RejectionReason
from worker.feed.prices import Mark, names_currency, parse_price

Read = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("649", "649", None),
        ("0", "0", None),
        ("19.99", "19.99", None),
        ("1,299.00", "1299.00", None),
        ("1.299,00", "1299.00", None),
        ("1,29,900.50", "129900.50", None),
        ("1,299", "1299", None),
        ("1.299.000", "1299000", None),
        ("12,50", "12.50", None),
        ("12,5", "12.5", None),
        ("1 299,00", "1299.00", None),
        ("1\u00a0299", "1299", None),
        ("1'299.00", "1299.00", None),
        ("1\u2019299.00 CHF", "1299.00", "CHF"),
        ("1299.000", "1299.00", None),
        ("0.999", "1.00", None),
        ("19.989999", "19.99", None),
        ("₹649", "649", "INR"),
        ("Rs. 649", "649", "INR"),
        ("649 INR", "649", "INR"),
        ("usd 12", "12", "USD"),
        ("$1,299.00", "1299.00", "USD"),
        ("12,50 €", "12.50", "EUR"),
        ("129,-", "129", None),
    ],
)
def test_a_price_is_read(text: str, amount: str, currency: str | None) -> None:
    assert parse_price(text)[:2] == (Decimal(amount), currency)


@pytest.mark.parametrize(
    "text",
    [
        "-5",
        "−5",
        "$-5",
        "(5.00)",
        "NaN",
        "inf",
        "-inf",
        "free",
        "1e5",
        "12 34",
        "2024-01-05",
        "1.2.3",
        "2.499",
        "EUR 12.345",
        "1.299 €",
        "9" * 20,
        "5 to 9",
    ],
)
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any message
        parse_price(text)


@pytest.mark.parametrize(
    ("text", "mark", "amount"),
    [
        ("2.499", Mark.POINT, "2.50"),
        ("2.499", Mark.COMMA, "2499"),
        ("2,499", Mark.POINT, "2499"),
        ("2,499", None, "2499"),
    ],
)
def test_what_may_be_thousands_or_decimals_is_what_the_feeds_other_prices_say(
    text: str, mark: Mark | None, amount: str
) -> None:
    assert parse_price(text, mark) == (Decimal(amount), None, None)


def test_what_no_other_price_decides_is_refused_and_not_guessed() -> None:
    with pytest.raises(ValueError, match=r"it may be 2499 or 2\.50: write it as one of these"):
        parse_price("2.499")
    with pytest.raises(ValueError, match=r"it may be 2499 or 2\.50"):
        parse_price("2,499", Mark.COMMA)


@pytest.mark.parametrize(
    ("text", "mark"),
    [("19.99", Mark.POINT), ("1,299.00", Mark.POINT), ("1,299,000", Mark.POINT), ("1299.0000", Mark.POINT),
     ("12,5", Mark.COMMA), ("1.299,00 €", Mark.COMMA), ("1.299.000", Mark.COMMA), ("649", None), ("1,299", None)],
)  # fmt: skip
def test_a_price_shows_its_decimal_mark_or_none(text: str, mark: Mark | None) -> None:
    assert parse_price(text).mark is mark


def test_a_table_is_read_in_its_own_style(read: Read) -> None:
    german = read("id;price\nA;2.499\nB;1.299,00\nC;2.499\nD;899,00\n")
    assert german.rejected == [(2, "price", RejectionReason.BAD_PRICE)]
    assert [str(row.listing.price) for row in german.good] == ["1299.00", "2499", "899.00"]
    english = read("id,price\nA,9.99\nB,2.499\n")
    assert [str(row.listing.price) for row in english.good] == ["9.99", "2.50"]


def test_a_number_of_json_has_a_point_before_its_decimals(read: Read) -> None:
    assert [row.listing.price for row in read('{"id": 1, "price": 2.499}\n').good] == [Decimal("2.50")]


@pytest.mark.parametrize(
    ("price", "code", "names"),
    [
        ("1.299,00 €", "EUR", True), ("₹649", "INR", True), ("649 usd", "USD", True), ("$12", "USD", False),
        ("£5", "GBP", False), ("Rs. 649", "INR", False), ("12 kr", "SEK", True),
    ],
)  # fmt: skip
def test_a_price_names_a_currency_unless_its_sign_is_several_ones(price: str, code: str, names: bool) -> None:
    assert names_currency(price, code) is names
