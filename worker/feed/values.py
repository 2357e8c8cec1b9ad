"""Currencies and availability as sellers write them. Knows text, not columns or rows."""

import re

_CODE = re.compile(r"[A-Za-z]{3}")

_SYMBOLS = {
    "₹": "INR", "rs": "INR", "rs.": "INR", "€": "EUR", "£": "GBP", "$": "USD", "us$": "USD", "¥": "JPY",
    "zł": "PLN", "₺": "TRY", "₩": "KRW", "₽": "RUB", "₫": "VND", "฿": "THB", "r$": "BRL", "kč": "CZK",
    "a$": "AUD", "c$": "CAD", "₴": "UAH", "₪": "ILS", "₦": "NGN", "₱": "PHP",
}  # fmt: skip

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
