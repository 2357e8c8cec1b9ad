"""Shopify's columns that mean something beyond the row they stand in, by the names of either generation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from worker.feed.columns import simplified

_OF_VARIANTS = frozenset(
    (
        "sku", "variantsku", "barcode", "variantbarcode", "variantbarcodes", "option1value", "option2value",
        "option3value", "price", "variantprice", "compareatprice", "variantcompareatprice", "costperitem", "chargetax",
        "varianttaxable", "taxcode", "varianttaxcode", "unitpricetotalmeasure", "unitpricetotalmeasureunit",
        "unitpricebasemeasure", "unitpricebasemeasureunit", "inventorytracker", "variantinventorytracker",
        "inventoryquantity", "variantinventoryqty", "continuesellingwhenoutofstock", "variantinventorypolicy",
        "weightvaluegrams", "variantgrams", "weightunitfordisplay", "variantweightunit", "requiresshipping",
        "variantrequiresshipping", "fulfillmentservice", "variantfulfillmentservice", "variantimage", "variantimageurl",
    )
)  # fmt: skip
_OF_VARIANTS_TOO = re.compile(
    r".+\(variant\.metafields\..+\)|(?:included|price|compare[- ]at price) / .+", re.IGNORECASE
)
_OPTIONS = ("colour", "size")


def is_of_variants(column: str) -> bool:
    """Whether each variant speaks for itself there, in either generation: what it leaves empty is empty."""
    return simplified(column) in _OF_VARIANTS or _OF_VARIANTS_TOO.fullmatch(column) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopifyColumns:
    """Such columns of a feed; empty where it has none. `taken`: fields that are mapped to columns of their own, and so
    are not worked out."""

    sku: str
    position: str
    alt_text: str
    variant_image: str
    status: str
    published: str
    tracker: str
    quantity: str
    policy: str
    category: str
    options: tuple[tuple[str, str], ...]
    taken: frozenset[str]

    @classmethod
    def among(cls, columns: Sequence[str], *, taken: frozenset[str]) -> "ShopifyColumns":
        """Finds them by the names of either generation."""
        of_name = {simplified(column): column for column in columns}

        def find(*names: str) -> str:
            return next((of_name[name] for name in names if name in of_name), "")

        return cls(
            sku=find("variantsku", "sku"),
            position=find("imageposition"),
            alt_text=find("imagealttext"),
            variant_image=find("variantimage", "variantimageurl"),
            status=find("status"),
            published=find("published", "publishedononlinestore"),
            tracker=find("variantinventorytracker", "inventorytracker"),
            quantity=find("variantinventoryqty", "inventoryquantity"),
            policy=find("variantinventorypolicy", "continuesellingwhenoutofstock"),
            category=find("productcategory"),
            options=tuple((find(f"option{n}name"), find(f"option{n}value")) for n in (1, 2, 3)),
            taken=taken,
        )

    def computed(self) -> dict[str, str]:
        """Field → what it is worked out from, in words for a person."""
        found = {field: f"the option {field}" for field in _OPTIONS if any(name for name, _ in self.options)}
        if said := [name for name in (self.status, self.published, self.quantity) if name]:
            found["available"] = " and ".join(said)
        return {field: text for field, text in found.items() if field not in self.taken}
