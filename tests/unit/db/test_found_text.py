from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from db.found_text import guarded, json_line, text_of, unguarded


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-x", "@x", "\tx", "\rx", "-2+3", "'=1+1", "''-5x", "'-5"])
def test_a_guarded_text_is_no_formula_and_can_be_had_back(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["", "Dress", "-5", "+4.5", "-1,299.00", "'tis", "a=b", "'"])
def test_other_texts_and_numbers_stay_as_they_are(text: str) -> None:
    assert (guarded(text), unguarded(text)) == (text, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("a", "a"),
        (True, "true"),
        (Decimal("12.50"), "12.50"),
        (0.9, "0.9"),
        (["a", "b"], "a\nb"),
        ({"a": "ü"}, '{"a": "ü"}'),
        (datetime(2026, 11, 23, 12, tzinfo=timezone(timedelta(hours=5))), "2026-11-23T07:00:00Z"),
    ],
)
def test_every_value_has_a_text(value: object, text: str) -> None:
    assert text_of(value) == text


def test_a_line_of_json_holds_numbers_and_moments() -> None:
    record = {"price": Decimal("12.50"), "at": datetime(2026, 11, 23, tzinfo=UTC), "title": "ü\n"}
    assert json_line(record) == '{"price": 12.5, "at": "2026-11-23T00:00:00Z", "title": "ü\\n"}\n'.encode()
