"""One product of Shopify's CSV, put together out of its rows: its images in order, what its variants say, if it sells.

What a variant says otherwise than the first is kept in the listing's metadata as `variants`, a JSON array; the
alternative texts of its images as `alt_texts`, a JSON object by photo.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from math import inf

from db.comparing import IDENTITY, continues
from db.listings import ListingData
from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker.feed.cells import photo_references
from worker.feed.columns import SYNONYMS, simplified
from worker.feed.rows import MAX_METADATA_CHARS, MAX_PHOTOS, MAX_REFERENCE_BYTES
from worker.feed.shopify_columns import ShopifyColumns, is_of_variants

VARIANTS = "variants"
ALT_TEXTS = "alt_texts"
_MAX_ALT_CHARS = MAX_METADATA_CHARS // MAX_PHOTOS  # with its photo, as JSON: those of all photos fit into one cell
_MAX_ROWS = 3_000  # Shopify allows 2,048 variants and 250 images; more rows of one handle are not held back
_SELLS_ON = frozenset(("continue", "true", "yes"))


class Product:
    """The rows of one product, taken in as they come."""

    def __init__(self, first: FeedRow | RowRejection, names: ShopifyColumns) -> None:
        self._names = names
        self._of_images = (names.position, names.alt_text)
        self._images: list[tuple[float, tuple[str, ...]]] = []
        self._variant_images: list[str] = []
        self._alt_texts: dict[str, str] = {}
        self._left_out = 0
        self._in_stock = False
        self._variants: list[str] = []
        self._variants_chars = 0
        self._others: list[FeedRow | RowRejection] = []
        self._first = self._with_images(first)
        if isinstance(self._first, FeedRow):
            self._in_stock = self._sells(self._first.listing.metadata)

    def take(self, row: FeedRow | RowRejection) -> bool:
        """Takes the row in if it is one of this product's; False where another begins with it."""
        if self._handle is None or len(self._others) >= _MAX_ROWS:
            return False
        if isinstance(row, RowRejection):
            if row.external_id not in (None, self._handle):
                return False
            self._others.append(row)
            return True
        if row.listing.external_id != self._handle or not self._is_continued_by(row.listing):
            return False
        self._others.append(self._taken(row))
        return True

    def rows(self) -> list[FeedRow | RowRejection]:
        """The rows taken in, in their order: the first has become the listing, the others continue it."""
        if isinstance(self._first, RowRejection):
            return [self._first, *self._others]
        return [self._whole(self._first), *self._others]

    @property
    def _handle(self) -> str | None:
        return self._first.external_id if isinstance(self._first, RowRejection) else self._first.listing.external_id

    def _is_continued_by(self, listing: ListingData) -> bool:
        if isinstance(self._first, RowRejection):
            return listing.title is None  # it has no face of its own, and must not become a listing without one
        return continues(self._first.listing, listing)

    def _taken(self, row: FeedRow) -> FeedRow | RowRejection:
        if isinstance(self._first, RowRejection):
            detail = f"the first row of its product, line {self._first.line}, was rejected"
            return _rejection(row, self._first.column, self._first.reason, detail)
        more = self._said_otherwise(row.listing, self._first.listing)
        text = _json(more)
        if self._variants_chars + len(text) > MAX_METADATA_CHARS:
            detail = f"the variants of {self._handle} have more than {MAX_METADATA_CHARS} characters together"
            return _rejection(row, "", RejectionReason.TOO_LONG, detail)
        checked = self._with_images(row)
        if isinstance(checked, RowRejection):
            return checked
        if more:
            self._variants.append(text)
            self._variants_chars += len(text) + 2
        if self._is_variant(row.listing):
            self._in_stock = self._in_stock or self._sells(row.listing.metadata)
        said = {name: getattr(row.listing, name) for name in IDENTITY}
        return FeedRow(line=row.line, listing=ListingData(external_id=row.listing.external_id, **said), photos=())

    def _with_images(self, row: FeedRow | RowRejection) -> FeedRow | RowRejection:
        """Notes the row's images; rejects it where a reference or an alternative text is longer than it may be."""
        if isinstance(row, RowRejection):
            return row
        said = row.listing.metadata
        cell = said.get(self._names.variant_image, "")
        of_variant = photo_references(cell) if cell else []
        if any(len(name.encode()) > MAX_REFERENCE_BYTES for name in of_variant):
            detail = f"a reference of more than {MAX_REFERENCE_BYTES} bytes"
            return _rejection(row, self._names.variant_image, RejectionReason.TOO_LONG, detail)
        alt_text = said.get(self._names.alt_text, "")
        alt_texts = dict.fromkeys(row.photos[:1], alt_text) if alt_text else {}
        if len(_json(alt_texts)) > _MAX_ALT_CHARS:
            detail = f"more than {_MAX_ALT_CHARS} characters with the photo that it is of"
            return _rejection(row, self._names.alt_text, RejectionReason.TOO_LONG, detail)
        self._alt_texts = alt_texts | self._alt_texts
        position = said.get(self._names.position, "")
        self._images.append((int(position) if position.isdecimal() and len(position) < 10 else inf, row.photos))
        self._variant_images += of_variant
        self._left_out += row.photos_left_out
        return row

    def _said_otherwise(self, listing: ListingData, first: ListingData) -> dict[str, str]:
        """What a further row says of its variant by column, or by field, and the first row does not say so."""
        fields = {name: getattr(listing, name) for name in ("price", "currency", "colour", "size")}
        differing = {name: str(value) for name, value in fields.items() if value not in (None, getattr(first, name))}
        differing |= {
            name: cell
            for name, cell in listing.metadata.items()
            if name not in self._of_images and first.metadata.get(name) != cell
        }
        return differing | self._left_empty(listing, first)

    def _left_empty(self, listing: ListingData, first: ListingData) -> dict[str, str]:
        """What the first variant says of itself and a further one does not: it has no bar code, or counts no stock."""
        if not self._is_variant(listing):
            return {}
        lacking = first.metadata.keys() - listing.metadata.keys()
        return dict.fromkeys((name for name in lacking if is_of_variants(name)), "")

    def _whole(self, first: FeedRow) -> FeedRow:
        """The first row with what all of them say."""
        in_order = sorted(self._images, key=lambda image: image[0])
        photos = dict.fromkeys(name for _, names in in_order for name in names) | dict.fromkeys(self._variant_images)
        kept = tuple(photos)[:MAX_PHOTOS]
        return FeedRow(
            line=first.line,
            listing=self._listing(first.listing, kept),
            photos=kept,
            photos_left_out=self._left_out + len(photos) - len(kept),
        )

    def _listing(self, said: ListingData, photos: Collection[str]) -> ListingData:
        names = self._names
        metadata = {name: cell for name, cell in said.metadata.items() if name not in self._of_images}
        if self._variants:
            metadata[VARIANTS] = f"[{', '.join(self._variants)}]"
        if alt_texts := {photo: text for photo, text in self._alt_texts.items() if photo in photos}:
            metadata[ALT_TEXTS] = _json(alt_texts)
        return replace(
            said,
            colour=said.colour or self._option("colour", said.metadata),
            size=said.size or self._option("size", said.metadata),
            seller_category=said.seller_category or said.metadata.get(names.category),
            available=said.available and ("available" in names.taken or (self._is_shown(said) and self._in_stock)),
            metadata=metadata,
        )

    def _option(self, field: str, metadata: Mapping[str, str]) -> str | None:
        """The first variant's value of the option that is called as the field is."""
        for name, value in self._names.options:
            if simplified(metadata.get(name, "")) in SYNONYMS[field]:
                return metadata.get(value)
        return None

    def _is_shown(self, first: ListingData) -> bool:
        status = first.metadata.get(self._names.status, "active").casefold()
        published = first.metadata.get(self._names.published, "true").casefold()
        return status == "active" and published not in ("false", "no", "0")

    def _is_variant(self, listing: ListingData) -> bool:
        """Whether a further row is a variant rather than one more image."""
        columns = (self._names.sku, *(value for _, value in self._names.options))
        return listing.price is not None or any(listing.metadata.get(name) for name in columns)

    def _sells(self, metadata: Mapping[str, str]) -> bool:
        """Whether a variant can be bought: stock is not counted, some is left, or it sells without any."""
        if self._names.tracker and not metadata.get(self._names.tracker):
            return True
        if metadata.get(self._names.policy, "").casefold() in _SELLS_ON:
            return True
        try:
            return float(metadata.get(self._names.quantity, 1)) > 0
        except ValueError:
            return True


def _json(said: Mapping[str, str]) -> str:
    return json.dumps(said, ensure_ascii=False, sort_keys=True)


def _rejection(row: FeedRow, column: str, reason: RejectionReason, detail: str) -> RowRejection:
    return RowRejection(line=row.line, column=column, reason=reason, detail=detail, external_id=row.listing.external_id)
