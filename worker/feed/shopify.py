"""Shopify's product CSV, of both generations: a product is a listing, its further rows are its variants and images.

A product's rows stand next to each other under one handle, and all but the first leave its title empty.
"""

from collections.abc import Iterator, Mapping, Sequence

from db.rows import FeedRow, RowRejection
from worker.feed.columns import PHOTOS, ColumnMapping, field_meant, simplified
from worker.feed.product import Product
from worker.feed.records import Table
from worker.feed.shopify_columns import ShopifyColumns
from worker.feed.tables import TableFeed

# Two of these beside a handle and a title are no chance.
_SIGNS = frozenset(
    (
        "bodyhtml", "option1name", "option1value", "variantsku", "variantprice", "variantinventoryqty", "imagesrc",
        "imageposition", "publishedononlinestore", "productimageurl", "variantimageurl",
    )
)  # fmt: skip
# Where Shopify has several columns that mean a field, or none that says so by its name.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "external_id": ("handle", "urlhandle"),
    "price": ("variantprice", "price"),
    "gender": ("googleshoppinggender",),
    "seller_category": ("type", "productcategory"),
    PHOTOS: ("imagesrc", "productimageurl"),
}


def is_shopify(columns: Sequence[str], explicit: Mapping[str, str]) -> bool:
    """Whether these are Shopify's columns. Who maps the id otherwise wants no products put together: a plain table."""
    if any(field_meant(field, column) == "external_id" for field, column in explicit.items()):
        return False
    names = {simplified(name) for name in columns}
    return "title" in names and not names.isdisjoint(_FIELDS["external_id"]) and len(names & _SIGNS) >= 2


class ShopifyFeed:
    """A feed of products. Every row of the file is a row of it: the first of a product makes the listing."""

    def __init__(self, table: Table, explicit: Mapping[str, str]) -> None:
        self._table = TableFeed(table, {**_known_fields(table.columns), **explicit})
        self.columns = table.columns
        self._names = ShopifyColumns.among(table.columns, taken=frozenset(self._table.mapping.fields))

    @property
    def mapping(self) -> ColumnMapping:
        """What the columns are taken for, those included that mean something only in Shopify's feeds."""
        found, names = self._table.mapping, self._names
        variant_image = (names.variant_image,) if names.variant_image in found.metadata else ()
        used = {*variant_image, names.position}
        return ColumnMapping(
            fields={**found.fields, **names.computed()},
            photos=(*found.photos, *variant_image),
            metadata=tuple(name for name in found.metadata if name not in used),
        )

    def rows(self) -> Iterator[FeedRow | RowRejection]:
        """Every row after the header, in the file's order; the photos of a product stand in its first."""
        product: Product | None = None
        for row in self._table.rows():
            if product is None or not product.take(row):
                if product is not None:
                    yield from product.rows()
                product = Product(row, self._names)
        if product is not None:
            yield from product.rows()


def _known_fields(columns: Sequence[str]) -> dict[str, str]:
    of_name = {simplified(column): column for column in columns}
    best = {field: next((of_name[name] for name in names if name in of_name), None) for field, names in _FIELDS.items()}
    return {field: column for field, column in best.items() if column is not None}
