"""What Google Merchant calls the things that a listing has, and what is filled in where its seller left it empty.

Attributes and their values are those of Google's product data specification. What a feed of Google's brought as
metadata goes out again; what is no attribute of Google's stays at home: it may be nobody else's business.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from db.found import FoundListing
from db.found_text import text_of
from worker.feed.columns import SYNONYMS, simplified
from worker.feed.values import availability_word

# What every listing is asked for; the others that modiste knows; then all that a seller may have given besides.
NEEDED = ("id", "title", "description", "link", "image_link", "availability", "price")
KNOWN = (
    "additional_image_link", "google_product_category", "product_type", "brand", "color", "gender", "material",
    "pattern", "size",
)  # fmt: skip
OTHERS = (
    "item_group_id", "gtin", "mpn", "identifier_exists", "condition", "age_group", "size_type", "size_system", "adult",
    "multipack", "is_bundle", "sale_price", "sale_price_effective_date", "availability_date", "expiration_date",
    "cost_of_goods_sold", "unit_pricing_measure", "unit_pricing_base_measure", "installment", "subscription_cost",
    "loyalty_points", "loyalty_program", "auto_pricing_min_price", "maximum_retail_price", "mobile_link",
    "canonical_link", "link_template", "mobile_link_template", "ads_redirect", "lifestyle_image_link", "video_link",
    "virtual_model_link", "short_title", "structured_title", "structured_description", "product_highlight",
    "product_detail", "certification", "energy_efficiency_class", "min_energy_efficiency_class",
    "max_energy_efficiency_class", "product_length", "product_width", "product_height", "product_weight",
    "custom_label_0", "custom_label_1", "custom_label_2", "custom_label_3", "custom_label_4", "promotion_id",
    "external_seller_id", "excluded_destination", "included_destination", "shopping_ads_excluded_country", "pause",
    "shipping", "carrier_shipping", "free_shipping_threshold", "shipping_label", "shipping_weight", "shipping_length",
    "shipping_width", "shipping_height", "ships_from_country", "handling_cutoff_time", "min_handling_time",
    "max_handling_time", "minimum_order_value", "transit_time_label", "return_policy_label", "tax", "tax_category",
    "store_code", "quantity", "pickup_method", "pickup_sla",
)  # fmt: skip
# Those that fields of a listing are, so that metadata of such a name may have to stand back.
FIELDS = ("id", "title", "image_link", "price", "brand", "size", "color")
# What Google calls whether a listing can be had, by the seller's word for it.
AVAILABILITY: Mapping[str, str] = {
    "instock": "in_stock",
    "outofstock": "out_of_stock",
    "preorder": "preorder",
    "presale": "preorder",
    "backorder": "backorder",
}
# As metadata spells them: letters and digits. The last three are what Shopify calls them.
ATTRIBUTE_OF: Mapping[str, str] = {
    **{simplified(name): name for name in (*NEEDED, *KNOWN, *OTHERS)},
    "bodyhtml": "description",
    "barcode": "gtin",
    "variantbarcode": "gtin",
}
# The first parts of Google's own categories that clothes and what goes with them are in.
TAXONOMY = ("Apparel & Accessories", "Luggage & Bags", "Sporting Goods", "Baby & Toddler", "Health & Beauty")
GENDERS: Mapping[str, str] = {
    word: gender
    for gender, words in {
        "male": ("men", "mens", "man", "male", "boys", "boy"),
        "female": ("women", "womens", "woman", "female", "ladies", "girls", "girl"),
        "unisex": ("unisex",),
    }.items()
    for word in words
}
SPELLINGS = {"color": ("colour", "color"), "pattern": ("pattern",), "material": ("material", "fabric")}


class Attributes:
    """Turns listings into Google's attributes, and counts what is missing in them and what has no place there."""

    def __init__(self, missing: Counter[str], left_out: Counter[str]) -> None:
        self._missing, self._left_out = missing, left_out

    def of(self, listing: FoundListing, marketplace_category: str | None) -> dict[str, str]:
        """Texts by attribute. What the seller said stays, but where the marketplace has its own category for it."""
        said = self._said(listing)
        own, product_type = said.get("google_product_category"), said.get("product_type", listing.seller_category)
        if not own and product_type and product_type.startswith(TAXONOMY):
            own, product_type = product_type, None
        found = {
            "availability": availability_of(said.get("availability"), available=listing.available),
            "google_product_category": marketplace_category or own,
            "product_type": product_type or listing.sure_category,
            "color": listing.colour or said.get("color") or _seen(listing, "color"),
            "gender": gender_of(listing.gender or said.get("gender") or listing.best("gender")),
            "pattern": said.get("pattern") or _seen(listing, "pattern"),
            "material": said.get("material") or _seen(listing, "material"),
        }
        values = {name: text for name, text in (self._fields(listing) | found).items() if text}
        values |= {name: text for name, text in said.items() if name not in values}
        self._missing.update(name for name in NEEDED if name not in values)
        self._left_out.update(name for name in FIELDS if said.get(name, values.get(name)) != values.get(name))
        return values

    def _said(self, listing: FoundListing) -> dict[str, str]:
        """The metadata that are attributes of Google's."""
        said: dict[str, str] = {}
        for key, value in listing.metadata.items():
            attribute, text = meant(key, text_of(value))
            if attribute is None or attribute in said:
                self._left_out[key] += 1
            else:
                said[attribute] = text
        if listing.seller:
            self._left_out["seller"] += 1
        return said

    @staticmethod
    def _fields(listing: FoundListing) -> dict[str, str | None]:
        price = None if listing.price is None else f"{listing.price} {listing.currency or ''}".rstrip()
        return {
            "id": listing.external_id,
            "title": listing.title,
            "image_link": listing.photos[0] if listing.photos else None,
            "price": price,
            "brand": listing.brand,
            "size": listing.size,
        }


def attribute_of(key: str) -> str | None:
    """The attribute that a metadata key is. One with its parts, `shipping(country:price)`, stays as it is."""
    name, parted, _ = key.partition("(")
    return ATTRIBUTE_OF.get(simplified(key)) or (key if parted and simplified(name) in ATTRIBUTE_OF else None)


def meant(key: str, text: str) -> tuple[str | None, str]:
    """The attribute that a word of the seller's is, and how Google spells it; None for what Google has no word for."""
    attribute = attribute_of(key)
    if attribute != "availability" and (attribute or simplified(key) not in SYNONYMS["available"]):
        return attribute, text
    word = AVAILABILITY.get(availability_word(text))
    return ("availability", word) if word else (None, text)


def availability_of(word: str | None, *, available: bool) -> str:
    """The seller's word while it is true: what was withdrawn since is out of stock, whatever it was said to be."""
    if not available:
        return "out_of_stock"
    return word if word and word != "out_of_stock" else "in_stock"


def gender_of(word: str | None) -> str | None:
    """Google knows three; another word goes out as it is."""
    return GENDERS.get(simplified(word), word) if word else None


def _seen(listing: FoundListing, attribute: str) -> str | None:
    return next((value for group in SPELLINGS[attribute] if (value := listing.best(group))), None)


def columns_for(keys: Sequence[str]) -> dict[str, str]:
    """The attributes of a table and how its header spells them: as the feed did that brought them."""
    given = {key: attribute for key in keys if (attribute := attribute_of(key))}
    spelled = {attribute: key for key, attribute in given.items() if simplified(attribute) == simplified(key)}
    wanted = dict.fromkeys((*NEEDED, *KNOWN, *(name for name in OTHERS if name in given.values()), *given.values()))
    return {name: spelled.get(name, name) for name in wanted}
