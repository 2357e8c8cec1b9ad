"""Which column of a feed means which field of a listing. Names are compared without case, spaces and underscores."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.feed.errors import NoIdColumn, NoSuchColumn, NoSuchField, listed

# Best name first: where a feed has several, the first takes the field and the others become metadata.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "external_id": (
        "externalid", "listingid", "id", "sku", "productid", "itemid", "articleid", "offerid", "variantid",
        "articlenumber", "productcode", "itemcode", "productsku", "skuid", "asin", "productnumber", "handle",
    ),
    "title": (
        "title", "name", "producttitle", "productname", "productdisplayname", "itemname", "displayname",
        "listingtitle", "itemtitle",
    ),
    "brand": ("brand", "brandname", "manufacturer", "vendor", "label", "designer"),
    "price": ("price", "currentprice", "unitprice", "sellingprice", "variantprice", "listprice", "mrp", "amount"),
    "currency": ("currency", "currencycode", "pricecurrency"),
    "gender": ("gender", "targetgender", "sex"),
    "colour": ("colour", "color", "basecolour", "basecolor", "colourname", "colorname", "maincolour", "maincolor"),
    "size": ("size", "sizename", "sizes"),
    "seller": (
        "seller", "sellername", "vendorname", "merchant", "merchantname", "shop", "shopname", "store", "storename",
        "supplier", "sellerid",
    ),
    "seller_category": (
        "sellercategory", "category", "producttype", "articletype", "categoryname", "productcategory",
        "categorypath", "type", "subcategory", "googleproductcategory",
    ),
    "available": (
        "available", "availability", "instock", "isavailable", "stockstatus", "stock", "quantity", "inventory",
    ),
}  # fmt: skip

PHOTOS = "photos"
_PHOTO_COLUMN = re.compile(
    r"(?:(?P<further>additional|extra|alt|second|secondary|other|more|gallery)|main|primary|product|item|default|variant)*"
    r"(?:image|photo|picture|img|pic)s?(?:link|url|src|path|file|filename|name)?s?"
)
_LONE_PHOTO_COLUMNS = frozenset(("filename", "filepath"))


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnMapping:
    """Field → column, the columns that name photos (main one first), and those kept as metadata."""

    fields: Mapping[str, str]
    photos: tuple[str, ...]
    metadata: tuple[str, ...]

    def with_column(self, name: str) -> "ColumnMapping":
        """The mapping once a JSON object brings a key not seen before."""
        field = next((field for field, names in SYNONYMS.items() if simplified(name) in names), None)
        if field is not None and field not in self.fields:
            return ColumnMapping(fields={**self.fields, field: name}, photos=self.photos, metadata=self.metadata)
        if is_photo_column(name):
            return ColumnMapping(fields=self.fields, photos=(*self.photos, name), metadata=self.metadata)
        return ColumnMapping(fields=self.fields, photos=self.photos, metadata=(*self.metadata, name))


def simplified(name: str) -> str:
    """Letters and digits in lower case, Google's `g:` prefix left off."""
    return "".join(char for char in name.casefold().removeprefix("g:") if char.isalnum())


def is_photo_column(name: str) -> bool:
    """Whether the name says that photos are named here: image, photo_url_2, additional_image_link …"""
    bare = re.sub(r"[0-9]", "", simplified(name))
    return bare in _LONE_PHOTO_COLUMNS or _PHOTO_COLUMN.fullmatch(bare) is not None


def match_columns(feed: str, columns: Sequence[str], explicit: Mapping[str, str]) -> ColumnMapping:
    """The mapping of a feed's columns; `explicit` is field → column and wins.

    Raises NoIdColumn, and NoSuchColumn or NoSuchField for a part of `explicit` that fits nothing.
    """
    chosen = {field_meant(field, column): column for field, column in explicit.items()}
    photos = _explicit_photos(feed, columns, chosen.pop(PHOTOS, None))
    fields = {field: _column(feed, field, column, columns) for field, column in chosen.items()}
    taken = {*fields.values(), *(photos or ())}
    free = [column for column in columns if column not in taken]
    fields |= _by_synonym(free, fields)
    if "external_id" not in fields:
        raise NoIdColumn(feed=feed, columns=listed(tuple(columns)))
    if photos is None:
        photos = _photo_columns([name for name in free if name not in fields.values()])
        # A feed that only names files may be mapped with external_id=image: the name is the id and the photo.
        photos = photos or _photo_columns(list(fields.values()))
    used = {*fields.values(), *photos}
    metadata = tuple(name for name in columns if name not in used)
    return ColumnMapping(fields=fields, photos=photos, metadata=metadata)


def _by_synonym(columns: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    of_name: dict[str, str] = {}
    for column in columns:
        of_name.setdefault(simplified(column), column)
    found: dict[str, str] = {}
    for field, names in SYNONYMS.items():
        best = next((of_name[name] for name in names if name in of_name), None)
        if field not in known and best is not None:
            found[field] = best
    return found


def _photo_columns(columns: Sequence[str]) -> tuple[str, ...]:
    found = [name for name in columns if is_photo_column(name)]
    return tuple(sorted(found, key=_is_further))


def _is_further(name: str) -> bool:
    match = _PHOTO_COLUMN.fullmatch(re.sub(r"[0-9]", "", simplified(name)))
    return match is not None and match["further"] is not None


def field_meant(name: str, column: str) -> str:
    """The field meant by the left side of --map: its name or any of its synonyms; raises NoSuchField."""
    simple = simplified(name)
    for field, names in SYNONYMS.items():
        if simple == simplified(field) or simple in names:
            return field
    if simple == PHOTOS or is_photo_column(name):
        return PHOTOS
    raise NoSuchField(field=name, column=column, fields=", ".join((*SYNONYMS, PHOTOS)))


def _column(feed: str, field: str, name: str, columns: Sequence[str]) -> str:
    """The feed's own spelling of a column; raises NoSuchColumn."""
    if name in columns:
        return name
    alike = [column for column in columns if simplified(column) == simplified(name)]
    if len(alike) == 1:
        return alike[0]
    raise NoSuchColumn(feed=feed, field=field, column=name, columns=listed(tuple(columns)))


def _explicit_photos(feed: str, columns: Sequence[str], names: str | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    return tuple(_column(feed, PHOTOS, name.strip(), columns) for name in names.split(",") if name.strip())
