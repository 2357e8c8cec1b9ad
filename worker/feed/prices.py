"""Prices as sellers write them: the decimal mark, and what stands beside. Knows text, not columns or rows."""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import NamedTuple

from worker.feed.values import parse_currency

_CENT = Decimal("0.01")
_MAX_PRICE = Decimal(10) ** 12
_PLAIN = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)
_AMOUNT = re.compile(r"[0-9](?:[0-9.,'\u2019\s]*[0-9])?(?:[.,]-{1,2})?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:[.,' ][0-9]{2,3})*[.,' ][0-9]{3}")
# A thousand and something, or a number below a thousand to three decimals: 2.499 and 2,499.
_EITHER = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}", re.ASCII)

# What several currencies are written with.
_SHARED_SYMBOLS = ("$", "£", "¥", "rs")


class Mark(StrEnum):
    """What stands before decimals."""

    POINT = "."
    COMMA = ","


class Price(NamedTuple):
    """`currency`: the one written beside the amount. `mark`: which decimal mark the text shows, where it shows one."""

    amount: Decimal
    currency: str | None
    mark: Mark | None


def parse_price(text: str, mark: Mark | None = None) -> Price:
    """An amount to two decimals; raises ValueError. `mark`: the one of the feed's other prices, where that is known.

    Reads 649, 1,299.00, 1.299,00, 12,50, ₹649, 649 INR, 1 299,00 kr. `1,299` is a thousand and something unless other
    prices have a comma before their decimals; `1.299` is what other prices say, and refused where none says anything.
    """
    if plain := _PLAIN.fullmatch(text):
        return Price(Decimal(text), None, Mark.POINT if plain[1] else None)
    found = _AMOUNT.search(text)
    if found is None or text[: found.start()].rstrip().endswith(("-", "−", "(")):
        raise ValueError("not an amount, or below zero")
    amount, shown = _amount(re.sub(r"[.,]-{1,2}$", "", found.group()), mark)
    around = f"{text[: found.start()]} {text[found.end() :]}".strip()
    return Price(amount, _currency_beside(around) if around else None, shown)


def names_currency(price: str, code: str) -> bool:
    """Whether a price that was read with a currency beside it names that and no other: a bare $ may be anyone's."""
    text = price.casefold()
    return code.casefold() in text or not any(symbol in text for symbol in _SHARED_SYMBOLS)


def _amount(text: str, mark: Mark | None) -> tuple[Decimal, Mark | None]:
    spaced = re.sub(r"['\u2019]", " ", text)
    plain, shown = _with_decimal_point("".join(spaced.split()), mark, spaced=spaced)
    amount = Decimal(plain)
    if amount >= _MAX_PRICE:
        raise ValueError("larger than a price can be")
    return amount.quantize(_CENT, rounding=ROUND_HALF_EVEN) if "." in plain else amount, shown


def _with_decimal_point(text: str, mark: Mark | None, *, spaced: str) -> tuple[str, Mark | None]:
    """Digits with at most one point, and the mark that shows; raises ValueError for what is two numbers or a date."""
    points, commas = text.count("."), text.count(",")
    if " " in spaced and not _GROUPED.fullmatch(re.split(r"[.,]", spaced.replace("\u00a0", " "))[0]):
        raise ValueError("more than one number")
    if points and commas:
        shown = Mark.POINT if text.rfind(".") > text.rfind(",") else Mark.COMMA
        whole, _, rest = text.rpartition(shown)
        return _joined(whole, "," if shown is Mark.POINT else ".", rest), shown
    if points + commas > 1:
        shown = Mark.POINT if commas else Mark.COMMA
        return _joined(text, "," if commas else ".", ""), shown
    if _EITHER.fullmatch(text) and not spaced.count(" "):
        return _either(text, mark), None
    if commas and len(text.partition(",")[2]) == 3 and mark is not Mark.COMMA:
        return _joined(text, ",", ""), None
    return text.replace(",", "."), Mark.COMMA if commas else Mark.POINT if points else None


def _either(text: str, mark: Mark | None) -> str:
    """What may be thousands or decimals, as other prices of the feed have it."""
    used = Mark.COMMA if "," in text else Mark.POINT
    if (mark is None and used is Mark.POINT) or mark is used is Mark.COMMA:
        whole = text.replace(used, "")
        raise ValueError(f"it may be {whole} or {Decimal(text.replace(',', '.')):.2f}: write it as one of these")
    return text if mark is used else text.replace(used, "")


def _joined(whole: str, group: str, rest: str) -> str:
    digits = whole.replace(group, "")
    if not digits.isdecimal() or (group in whole and not _GROUPED.fullmatch(whole)):
        raise ValueError("its thousands are grouped oddly")
    return f"{digits}.{rest}" if rest else digits


def _currency_beside(text: str) -> str:
    try:
        return parse_currency(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} beside the amount is no currency") from None
