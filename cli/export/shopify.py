"""Shopify's product CSV: rows under one handle, the first tells of the product, each of a variant and an image."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from cli.export.google import gender_of
from cli.export.shopify_columns import ProductColumns
from cli.export.writer import CsvLines, Writer
from db.found import FoundListing
from db.found_table import FoundTable
from db.found_text import text_of
from worker.feed.columns import simplified
from worker.feed.product import ALT_TEXTS, VARIANTS

SELLS_ON = frozenset(("continue", "true", "yes"))
HIDDEN = frozenset(("false", "no", "0"))
NAME, VALUE = "Option{} name", "Option{} value"


class ShopifyWriter(Writer):
    """Rows of products. What was seen goes into Type, Google Shopping / Gender and Tags, as `colour:Red`."""

    def __init__(self, lines: CsvLines, table: FoundTable) -> None:
        super().__init__()
        self._lines = lines
        self._groups = tuple(table.groups)
        self._words = {simplified(group) for group in table.groups}  # these become tags
        self._columns = ProductColumns.for_keys(table.keys)
        lines.write(self._columns.header.values())

    def write(self, listing: FoundListing, marketplace_category: str | None) -> None:
        if not listing.title:
            self.missing["Title"] += 1
        first = self._first(listing, marketplace_category)
        variants = [first, *self._further(listing, first)]
        if not listing.available:
            variants = [sold_out(variant, first) for variant in variants]
        for variant, image in zip_longest(variants, self._images(listing)):
            row = {"URL handle": listing.external_id, **(variant or {}), **(image or {})}
            if row.get("Variant image URL") not in listing.photos:
                row["Variant image URL"] = ""
            self._lines.write(row.get(name, "") for name in self._columns.header)

    def finish(self) -> None:
        self._lines.flush()

    def _first(self, listing: FoundListing, marketplace_category: str | None) -> dict[str, str]:
        """The first row: what the seller says, and what was found where that is empty."""
        said = self._said(listing)
        fields = {
            "Title": listing.title,
            "Vendor": listing.brand,
            "Price": None if listing.price is None else str(listing.price),
            "Type": listing.seller_category or listing.sure_category,
            "Product category": marketplace_category or said.get("Product category"),
            "Google Shopping / Gender": listing.gender or gender_of(listing.best("gender")),
            "Tags": self._tags(said.get("Tags", ""), listing),
        }
        if listing.seller_category and listing.seller_category == said.get("Product category"):
            fields["Type"] = listing.sure_category  # the seller left Type empty
        row = said | {name: text for name, text in fields.items() if text}
        return row | self._options(row, listing)

    def _said(self, listing: FoundListing) -> dict[str, str]:
        """The metadata that have a column; what has none is counted."""
        said: dict[str, str] = {}
        for key, value in listing.metadata.items():
            name = self._columns.name_of(key)
            if name and name not in said:
                said[name] = text_of(value)
            elif key not in (VARIANTS, ALT_TEXTS) and simplified(key) not in self._words:
                self.left_out[key] += 1
        self.left_out.update(name for name in ("currency", "seller") if getattr(listing, name))
        return said

    def _tags(self, said: str, listing: FoundListing) -> str:
        """The seller's tags, and `group:value` of what is known: the seller's word goes before what was seen."""
        words = {simplified(key): text_of(value) for key, value in listing.metadata.items()}
        elsewhere = {name for name in ("colour", "gender") if getattr(listing, name)}
        elsewhere |= {simplified(key) for key in listing.metadata if self._columns.name_of(key)}
        seen: list[str] = []
        for group in self._groups:
            if simplified(group) not in elsewhere:
                word = words.get(simplified(group), "").replace(",", " ")
                values = [word] if word else [value for value, _ in listing.attributes.get(group, ())]
                seen += [f"{group}:{value}" for value in values]
        known = {tag.strip().casefold() for tag in said.split(",")}
        return ", ".join(filter(None, [said, *(tag for tag in seen if tag.casefold() not in known)]))

    def _options(self, row: Mapping[str, str], listing: FoundListing) -> dict[str, str]:
        """A product that has no options gets its colour and size as such: the one place that Shopify has for them."""
        said = {"Color": listing.colour, "Size": listing.size}
        values = {row.get(VALUE.format(n)) for n in (1, 2, 3)}
        if any(values):
            self.left_out.update(name.lower() for name, value in said.items() if value and value not in values)
            return {}
        given = [(name, value) for name, value in said.items() if value]
        return {
            column.format(place): text
            for place, option in enumerate(given, start=1)
            for column, text in zip((NAME, VALUE), option, strict=True)
        }

    def _images(self, listing: FoundListing) -> list[dict[str, str]]:
        """The photos in their order, each with the alternative text that is kept of it."""
        told = parsed(listing.metadata.get(ALT_TEXTS))
        if not isinstance(told, dict):
            self.left_out.update({ALT_TEXTS} & listing.metadata.keys())
            told = {}
        return [
            {"Product image URL": photo, "Image position": str(place)}
            | ({"Image alt text": text_of(told[photo])} if photo in told else {})
            for place, photo in enumerate(listing.photos, start=1)
        ]

    def _further(self, listing: FoundListing, first: Mapping[str, str]) -> Iterator[dict[str, str]]:
        """The variants behind the first: what is not said of one is as it is in the first."""
        told = variants_of(listing.metadata.get(VARIANTS))
        if told is None:
            self.left_out.update({VARIANTS} & listing.metadata.keys())
            return
        alike = {name: first[name] for name in self._columns.of_variants if name in first}
        for variant in told:
            row = dict(alike)
            for key, text in variant.items():
                if name := "Price" if key == "price" else self._columns.name_of(key):
                    row[name] = text
                else:
                    self.left_out[f"{VARIANTS}: {key}"] += 1
            yield row


def variants_of(text: object) -> Sequence[Mapping[str, str]] | None:
    """The variants that `worker.feed.product` kept of a product; None where the metadata are something else."""
    told = parsed(text)
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        return None
    return [{key: text_of(value) for key, value in one.items()} for one in told]


def parsed(text: object) -> Any:
    """What the metadata hold as JSON; None where they hold none."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None


def sold_out(variant: Mapping[str, str], first: Mapping[str, str]) -> dict[str, str]:
    """A variant of what cannot be had: where the product is not hidden anyway, none of it is left."""
    shown = first.get("Status", "active").casefold() == "active"
    if not shown or first.get("Published on online store", "true").casefold() in HIDDEN:
        return dict(variant)
    policy, quantity = variant.get("Continue selling when out of stock", ""), variant.get("Inventory quantity", "")
    return {
        **variant,
        "Inventory tracker": variant.get("Inventory tracker") or "shopify",
        "Inventory quantity": quantity if quantity and not is_some(quantity) else "0",
        "Continue selling when out of stock": "deny" if policy.casefold() in SELLS_ON else policy or "deny",
    }


def is_some(quantity: str) -> bool:
    try:
        return float(quantity) > 0
    except ValueError:
        return True
