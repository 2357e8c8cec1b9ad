"""What a client hands in with an import: a feed or its URL, a zip of photos, columns of fields. Checked and kept."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from uuid import uuid4

from fastapi import UploadFile

from api.errors import BadImport, EmptyUpload
from db.listings import ListingData
from store import Area, Store

FIELDS = (*(field.name for field in fields(ListingData) if field.name != "metadata"), "photos")
NAME_CHARS = 200


def columns_of(given: Sequence[str]) -> dict[str, str]:
    """`FIELD=COLUMN` entries as a mapping. Raises `BadImport`."""
    columns = {}
    for entry in given:
        field, equals, column = (part.strip() for part in entry.partition("="))
        if not (field and equals and column) or "\0" in entry:
            raise BadImport(f"map takes FIELD=COLUMN, for example title=product_name, not {entry[:100]!r}")
        if field not in FIELDS:
            near = get_close_matches(field.lower(), FIELDS, n=1)
            advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(FIELDS)}"
            raise BadImport(f"map: there is no field {field[:100]!r}; {advice}")
        columns[field] = column
    return columns


def checked_url(url: str) -> str:
    """A feed's URL. Over HTTP neither files of the server nor object stores with its credentials are read."""
    try:
        parts = urlsplit(url)
        given = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        given = False
    if not given or len(url) > 2000 or not url.isprintable():
        raise BadImport("feed_url takes an http:// or https:// URL without credentials")
    return url


def name_of(feed: UploadFile | None, url: str | None) -> str:
    """What messages call the feed: the file's own name, or the URL without its query."""
    if url is not None:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"[:NAME_CHARS]
    name = PurePosixPath(((feed and feed.filename) or "feed").replace("\\", "/")).name
    return "".join(char for char in name if char.isprintable())[:NAME_CHARS] or "feed"


@contextmanager
def kept(store: Store, *uploads: UploadFile | None) -> Iterator[list[str | None]]:
    """Puts uploads among the store's feeds and gives their names; where the block fails, they are removed again.

    Raises `EmptyUpload`.
    """
    names: list[str | None] = []
    try:
        names.extend(keep(store, upload) if upload is not None else None for upload in uploads)
        yield names
    except BaseException:  # also where the client hangs up: nobody else knows these names
        for name in filter(None, names):
            store.remove(Area.FEEDS, name)
        raise


def keep(store: Store, upload: UploadFile) -> str:
    """Names are random: whoever plans an import removes its file, and the same feed may be handed in twice."""
    if not upload.size:
        raise EmptyUpload(name=(upload.filename or "")[:100])
    name = uuid4().hex
    spooled = upload.file
    spooled.rollover()  # type: ignore[attr-defined]  # a SpooledTemporaryFile: on disk from here on, however small
    spooled.seek(0)
    # The file has no name of its own; this one spares a second copy of what may be gigabytes.
    store.write_file(Area.FEEDS, name, Path(f"/dev/fd/{spooled.fileno()}"))
    return name
