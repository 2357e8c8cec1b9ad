"""Prices, currencies and availability as sellers write them. Knows text, not columns or rows."""

import re
from decimal import ROUND_HALF_EVEN, Decimal

_CENT = Decimal("0.01")
_MAX_PRICE = Decimal(10) ** 12
_PLAIN_PRICE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)
_AMOUNT = re.compile(r"[0-9](?:[0-9.,'\s]*[0-9])?(?:[.,]-{1,2})?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:[.,' ][0-9]{2,3})*[.,' ][0-9]{3}")
_CODE = re.compile(r"[A-Za-z]{3}")

_SYMBOLS = {
    "₹": "INR", "rs": "INR", "rs.": "INR", "€": "EUR", "£": "GBP", "$": "USD", "us$": "USD", "¥": "JPY",
    "zł": "PLN", "₺": "TRY", "₩": "KRW", "₽": "RUB", "₫": "VND", "฿": "THB", "r$": "BRL", "kč": "CZK",
    "a$": "AUD", "c$": "CAD", "₴": "UAH", "₪": "ILS", "₦": "NGN", "₱": "PHP",
}  # fmt: skip

# What several currencies are written with.
_SHARED_SYMBOLS = ("$", "£", "¥", "rs")

_AVAILABLE = frozenset(
    (
        "instock", "available", "yes", "true", "y", "t", "1", "preorder", "backorder", "limitedavailability",
        "lowstock", "onlineonly", "instoreonly", "active", "onsale", "presale", "madetoorder",
    )
)  # fmt: skip
_UNAVAILABLE = frozenset(
    (
        "outofstock", "unavailable", "notavailable", "no", "false", "n", "f", "0", "soldout", "sold", "discontinued",
        "oos", "inactive", "reserved",
    )
)  # fmt: skip
# Those that say more than that: when it can be had, where, or that it never will be again.
_SAYS_MORE = frozenset(
    (
        "preorder", "presale", "backorder", "madetoorder", "limitedavailability", "lowstock", "onlineonly",
        "instoreonly", "discontinued", "reserved",
    )
)  # fmt: skip


def parse_price(text: str) -> tuple[Decimal, str | None]:
    """Amount (two decimals at most) and the currency written beside it, if any; raises ValueError.

    Reads 649, 1,299.00, 1.299,00, 12,50, ₹649, 649 INR, 1 299,00 kr. A comma before exactly three digits groups
    thousands; a point before three digits is a decimal point, as programs write it.
    """
    if _PLAIN_PRICE.fullmatch(text):
        return Decimal(text), None
    found = _AMOUNT.search(text)
    if found is None or text[: found.start()].rstrip().endswith(("-", "−", "(")):
        raise ValueError("not an amount, or below zero")
    amount = _amount(re.sub(r"[.,]-{1,2}$", "", found.group()))
    around = f"{text[: found.start()]} {text[found.end() :]}".strip()
    return amount, _currency_beside(around) if around else None


def names_currency(price: str, code: str) -> bool:
    """Whether a price that was read with a currency beside it names that and no other: a bare $ may be anyone's."""
    text = price.casefold()
    return code.casefold() in text or not any(symbol in text for symbol in _SHARED_SYMBOLS)


def parse_currency(text: str) -> str:
    """ISO 4217 code in upper case from a code or a symbol; raises ValueError."""
    symbol = _SYMBOLS.get(text.casefold())
    if symbol is not None:
        return symbol
    if _CODE.fullmatch(text) and text.isascii():
        return text.upper()
    raise ValueError("neither a three-letter currency code nor a known symbol")


def parse_availability(text: str) -> tuple[bool, bool]:
    """Whether a listing can be had, and whether the text says more than that, as `preorder` does; raises ValueError.

    Reads the words of Google's feeds and of schema.org, yes and no, a stock count.
    """
    word = availability_word(text)
    if word in _AVAILABLE or word in _UNAVAILABLE:
        return word in _AVAILABLE, word in _SAYS_MORE
    try:
        return float(text) > 0, False
    except ValueError:
        raise ValueError("neither available nor unavailable: write in_stock or out_of_stock") from None


def availability_word(text: str) -> str:
    """Its letters and digits in lower case, without the address that schema.org puts before them."""
    return "".join(char for char in text.rpartition("/")[2].casefold() if char.isalnum())


def _currency_beside(text: str) -> str:
    try:
        return parse_currency(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} beside the amount is no currency") from None


def _amount(text: str) -> Decimal:
    plain = _with_decimal_point("".join(text.replace("'", " ").split()), spaced=text)
    amount = Decimal(plain)
    if amount >= _MAX_PRICE:
        raise ValueError("larger than a price can be")
    return amount.quantize(_CENT, rounding=ROUND_HALF_EVEN) if "." in plain else amount


def _with_decimal_point(text: str, *, spaced: str) -> str:
    """Digits with at most one point; raises ValueError for what is two numbers or a date."""
    last_point, last_comma = text.rfind("."), text.rfind(",")
    if " " in spaced and not _GROUPED.fullmatch(re.split(r"[.,]", spaced.replace("\u00a0", " "))[0]):
        raise ValueError("more than one number")
    if last_point >= 0 and last_comma >= 0:
        mark, group = (".", ",") if last_point > last_comma else (",", ".")
        whole, _, rest = text.rpartition(mark)
        return _joined(whole, group, rest)
    if last_comma >= 0:
        groups = text.split(",")
        return _joined(text, ",", "") if len(groups) > 2 or len(groups[-1]) == 3 else text.replace(",", ".")
    if text.count(".") > 1:
        return _joined(text, ".", "")
    return text


def _joined(whole: str, group: str, rest: str) -> str:
    digits = whole.replace(group, "")
    if not digits.isdecimal() or (group in whole and not _GROUPED.fullmatch(whole)):
        raise ValueError("its thousands are grouped oddly")
    return f"{digits}.{rest}" if rest else digits
