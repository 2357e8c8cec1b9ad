"""What makes a whole feed unusable; a bad row is data (`RowRejection`). The docstring is the message.

FeedError
├── UnreadableFeed
├── EmptyFeed
├── UnknownFeedFormat
├── SeveralFeeds
├── DamagedFeed
├── UnpacksTooLarge
├── TooManyColumns
├── NoIdColumn
├── NoSuchColumn
└── NoSuchField
"""


class FeedError(Exception):
    """The feed cannot be used."""

    def __init__(self, message: str | None = None, /, **details: object) -> None:
        super().__init__(message if message is not None else (self.__doc__ or "").format(**details))


class UnreadableFeed(FeedError):
    """{feed} cannot be read: {reason}."""


class EmptyFeed(FeedError):
    """{feed} is empty. A feed has a line of column names and a line for each listing."""


class UnknownFeedFormat(FeedError):
    """{feed} is {what}. modiste reads CSV, TSV, JSON and JSON Lines, Google Merchant XML (these also packed with gzip \
or zstd), Parquet, spreadsheets of Excel and LibreOffice, and a folder or zip of photos, also with the feed beside \
them."""


class SeveralFeeds(FeedError):
    """{feed} holds several files that may be the feed: {names}. Leave one in it, or unpack it and give the feed, with \
--photos the folder of the photos."""


class DamagedFeed(FeedError):
    """{feed} cannot be read past {where}: {reason}."""


class UnpacksTooLarge(FeedError):
    """{feed} unpacks to {size:,} bytes and more, out of {packed:,}: more than is read. If it is what it should be, \
unpack it and give the file itself."""


class TooManyColumns(FeedError):
    """{feed} has {count} columns; {limit} is the most. Is it one line of text rather than a table?"""


class NoIdColumn(FeedError):
    """{feed} has no column that names its listings. Say which one does, as external_id=COLUMN (--map, or \
the page's field Columns); it has: {columns}."""


class NoSuchColumn(FeedError):
    """--map {field}={column}: {feed} has no column {column!r}; it has: {columns}."""


class NoSuchField(FeedError):
    """--map {field}={column}: there is no field {field!r}; the fields are: {fields}."""


class BrokenOff(Exception):
    """A feed's bytes make no sense from here on. `Feed` makes a DamagedFeed of it, which names the last good row."""


def listed(columns: tuple[str, ...]) -> str:
    """Column names for a message, at most forty of them, each cut to forty characters."""
    shown = ", ".join(repr(name[:40])[1:-1] for name in columns[:40])
    return f"{shown} and {len(columns) - 40} more" if len(columns) > 40 else shown or "none"
