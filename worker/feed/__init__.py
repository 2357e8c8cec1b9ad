"""Reading feeds: a table, JSON Lines, Parquet, or nothing but photos, becomes a stream of rows. Knows no database."""

from worker.feed.columns import ColumnMapping
from worker.feed.errors import (
    DamagedFeed,
    EmptyFeed,
    FeedError,
    NoIdColumn,
    NoSuchColumn,
    NoSuchField,
    TooManyColumns,
    UnknownFeedFormat,
    UnreadableFeed,
)
from worker.feed.feed import Feed, FeedFormat, open_feed
from worker.feed.source import feed_name, fetch_feed

__all__ = [
    "ColumnMapping",
    "DamagedFeed",
    "EmptyFeed",
    "Feed",
    "FeedError",
    "FeedFormat",
    "NoIdColumn",
    "NoSuchColumn",
    "NoSuchField",
    "TooManyColumns",
    "UnknownFeedFormat",
    "UnreadableFeed",
    "feed_name",
    "fetch_feed",
    "open_feed",
]
