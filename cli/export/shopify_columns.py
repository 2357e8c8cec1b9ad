"""The columns of Shopify's product CSV, in both of its spellings, and which metadata are among them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from worker.feed.columns import simplified
from worker.feed.shopify_columns import is_of_variants

# Each as the current template spells it, and as the older one does.
TEMPLATE: tuple[tuple[str, str], ...] = (
    ("Title", "Title"),
    ("URL handle", "Handle"),
    ("Description", "Body (HTML)"),
    ("Vendor", "Vendor"),
    ("Product category", "Product Category"),
    ("Type", "Type"),
    ("Tags", "Tags"),
    ("Published on online store", "Published"),
    ("Status", "Status"),
    ("SKU", "Variant SKU"),
    ("Barcode", "Variant Barcode"),
    ("Option1 name", "Option1 Name"),
    ("Option1 value", "Option1 Value"),
    ("Option1 Linked To", "Option1 Linked To"),
    ("Option2 name", "Option2 Name"),
    ("Option2 value", "Option2 Value"),
    ("Option2 Linked To", "Option2 Linked To"),
    ("Option3 name", "Option3 Name"),
    ("Option3 value", "Option3 Value"),
    ("Option3 Linked To", "Option3 Linked To"),
    ("Price", "Variant Price"),
    ("Compare-at price", "Variant Compare At Price"),
    ("Cost per item", "Cost per item"),
    ("Charge tax", "Variant Taxable"),
    ("Tax code", "Variant Tax Code"),
    ("Unit price total measure", "Unit Price Total Measure"),
    ("Unit price total measure unit", "Unit Price Total Measure Unit"),
    ("Unit price base measure", "Unit Price Base Measure"),
    ("Unit price base measure unit", "Unit Price Base Measure Unit"),
    ("Inventory tracker", "Variant Inventory Tracker"),
    ("Inventory quantity", "Variant Inventory Qty"),
    ("Continue selling when out of stock", "Variant Inventory Policy"),
    ("Weight value (grams)", "Variant Grams"),
    ("Weight unit for display", "Variant Weight Unit"),
    ("Requires shipping", "Variant Requires Shipping"),
    ("Fulfillment service", "Variant Fulfillment Service"),
    ("Product image URL", "Image Src"),
    ("Image position", "Image Position"),
    ("Image alt text", "Image Alt Text"),
    ("Variant image URL", "Variant Image"),
    ("Gift card", "Gift Card"),
    ("SEO title", "SEO Title"),
    ("SEO description", "SEO Description"),
    ("Google Shopping / Google product category", "Google Shopping / Google Product Category"),
    ("Google Shopping / Gender", "Google Shopping / Gender"),
    ("Google Shopping / Age group", "Google Shopping / Age Group"),
    ("Google Shopping / Manufacturer part number (MPN)", "Google Shopping / MPN"),
    ("Google Shopping / Ad group name", "Google Shopping / AdWords Grouping"),
    ("Google Shopping / Ads labels", "Google Shopping / AdWords Labels"),
    ("Google Shopping / Condition", "Google Shopping / Condition"),
    ("Google Shopping / Custom product", "Google Shopping / Custom Product"),
    *((f"Google Shopping / Custom label {n}", f"Google Shopping / Custom Label {n}") for n in range(5)),
)
# A shop's own columns that a product has; those of variants `worker.feed` knows.
METAFIELD = re.compile(r".+\(product\.metafields\..+\)", re.IGNORECASE)
MEANT: Mapping[str, str] = {simplified(text): new for new, old in TEMPLATE for text in (old, new)}


@dataclass(frozen=True, kw_only=True)
class ProductColumns:
    """The columns of one file by their current name, the shop's own last, and how the header spells each."""

    header: Mapping[str, str]

    @classmethod
    def for_keys(cls, keys: Sequence[str]) -> "ProductColumns":
        """A catalogue that came in the older spelling goes out in it, and is known again."""
        both = [(new, old) for new, old in TEMPLATE if simplified(new) != simplified(old)]
        names = [simplified(key) for key in keys]
        newer, older = (sum(map({simplified(pair[which]) for pair in both}.__contains__, names)) for which in (0, 1))
        header = {new: old if older > newer else new for new, old in TEMPLATE}
        for key, name in zip(keys, names, strict=True):
            column = MEANT.get(name)
            if column is not None and simplified(header[column]) == name:
                header[column] = key
            elif column is None and (METAFIELD.fullmatch(key) or is_of_variants(key)):
                header[key] = key
        return cls(header=header)

    def name_of(self, key: str) -> str | None:
        """The column that a metadata key is; None where there is none."""
        return MEANT.get(simplified(key)) or (key if key in self.header else None)

    @cached_property
    def of_variants(self) -> tuple[str, ...]:
        """Columns that a further variant has as well."""
        return tuple(name for name in self.header if is_of_variants(name))
