"""What makes a whole feed unusable; a bad row is data (`RowRejection`). The docstring is the message.

FeedError
├── UnreadableFeed
├── EmptyFeed
├── UnknownFeedFormat
├── DamagedFeed
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
    """{feed} is {what}. modiste reads CSV, JSON Lines and Parquet, and a folder or zip of photos."""


class DamagedFeed(FeedError):
    """{feed} cannot be read past row {row}: {reason}."""


class TooManyColumns(FeedError):
    """{feed} has {count} columns; {limit} is the most. Is it one line of text rather than a table?"""


class NoIdColumn(FeedError):
    """{feed} has no column that names its listings. Say which with --map external_id=COLUMN; it has: {columns}."""


class NoSuchColumn(FeedError):
    """--map {field}={column}: {feed} has no column {column!r}; it has: {columns}."""


class NoSuchField(FeedError):
    """--map {field}={column}: there is no field {field!r}; the fields are: {fields}."""


def listed(columns: tuple[str, ...]) -> str:
    """Column names for a message, at most forty of them, each cut to forty characters."""
    shown = ", ".join(repr(name[:40])[1:-1] for name in columns[:40])
    return f"{shown} and {len(columns) - 40} more" if len(columns) > 40 else shown or "none"
