"""Reading feeds: tables, spreadsheets, JSON, XML, Parquet, or nothing but photos, become rows. Knows no database."""

from worker.feed.columns import ColumnMapping
from worker.feed.errors import (
    DamagedFeed,
    EmptyFeed,
    FeedError,
    NoIdColumn,
    NoSuchColumn,
    NoSuchField,
    SeveralFeeds,
    TooManyColumns,
    UnknownFeedFormat,
    UnpacksTooLarge,
    UnreadableFeed,
)
from worker.feed.feed import Feed, open_feed
from worker.feed.recognise import FeedFormat
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
    "SeveralFeeds",
    "TooManyColumns",
    "UnknownFeedFormat",
    "UnpacksTooLarge",
    "UnreadableFeed",
    "feed_name",
    "fetch_feed",
    "open_feed",
]
