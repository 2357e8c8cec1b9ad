from decimal import Decimal

import pytest

from api.pages import wording
from db.states import PhotoState, Reason


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (Decimal("1499.00"), "INR", "1,499 INR"),
        (Decimal("14.90"), "EUR", "14.90 EUR"),
        (Decimal("0.50"), None, "0.50"),
        (None, "EUR", None),
    ],
)
def test_a_price_reads_as_the_seller_wrote_it(amount: Decimal | None, currency: str | None, words: str | None) -> None:
    assert wording.price(amount, currency) == words


@pytest.mark.parametrize(("score", "words"), [(0.0, "1 %"), (0.004, "1 %"), (0.555, "56 %"), (0.9999, "99 %")])
def test_no_score_reads_as_certainty(score: float, words: str) -> None:
    assert wording.percent(score) == words


def test_every_reason_and_every_state_that_is_not_well_has_words() -> None:
    assert all(wording.reason(reason).endswith((".", ")")) for reason in Reason)
    assert set(wording.STATES) == set(PhotoState) - {PhotoState.ENRICHED}


def test_a_card_shows_colour_and_pattern_first_then_what_is_surest() -> None:
    assert wording.for_a_card(["fit", "usage", "pattern", "colour"], 2) == ["colour", "pattern"]
    assert wording.for_a_card(["usage", "fit", "colour"], 2) == ["colour", "usage"]
    assert wording.for_a_card([], 2) == []


def test_an_import_that_is_over_says_how_much_there_is_to_look_at() -> None:
    assert wording.import_state("done") == "Done"
    assert wording.import_state("done", faults=1234) == "Done, 1,234 to look at"
    assert wording.import_state("running", faults=3) == "Looking at photos"
