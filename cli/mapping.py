"""Says which column of a feed was taken for what, before anything is written: a column that nobody recognised is no
fault of the feed, and must not pass in silence either."""

from cli.errors import UsageError
from cli.output import err
from worker.feed import ColumnMapping, Feed, FeedFormat
from worker.photos import Photos

# What a shop's feed usually has: worth a word where no column was taken for it.
EXPECTED = ("title", "price")


def say_columns(feed: Feed, photos: Photos | None) -> None:
    """Prints what the feed was recognised as, and the mapping.

    Raises UsageError where photos were given and no column names any.
    """
    if feed.format is FeedFormat.PHOTOS:
        return
    mapping = feed.mapping
    taken = [f"{field} ← {column}" for field, column in mapping.fields.items()]
    taken.append(f"photos ← {', '.join(mapping.photos) or '(no column)'}")
    err.print(f"Feed: {feed.described}", soft_wrap=True, markup=False)
    err.print(f"Columns: {', '.join(taken)}", soft_wrap=True, markup=False)
    if mapping.metadata:
        err.print(f"Kept as metadata: {', '.join(mapping.metadata)}", soft_wrap=True, markup=False)
    warn_of_missing(mapping, photos_given=photos is not None)


def warn_of_missing(mapping: ColumnMapping, *, photos_given: bool) -> None:
    others = ", ".join(mapping.metadata) or "none"
    if not mapping.photos and photos_given:
        raise UsageError(
            f"photos were given, but no column names them. Say which with --map photos=COLUMN; left are: {others}"
        )
    missing = [field for field in EXPECTED if field not in mapping.fields] + ([] if mapping.photos else ["photos"])
    if missing and mapping.metadata:
        err.print(
            f"[yellow]No column was taken for {' or '.join(missing)}.[/] --map FIELD=COLUMN says which it is.",
            soft_wrap=True,
        )
