"""Where a feed lies, and how it comes to this machine's disk: a path, http(s):// behind the guard, object storage."""

import re
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import fsspec

from worker.feed.content import MAX_FEED_BYTES
from worker.feed.errors import UnreadableFeed
from worker.photos import FetchError, PhotoFetcher
from worker.photos.urls import parse_url, public_name

_DEADLINE_S = 3600.0
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)
# Only these: others of fsspec's drivers reach the disk or unguarded hosts, and a URL may come from a stranger.
_OBJECT_STORES = frozenset(("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"))


def feed_name(source: str | Path) -> str:
    """The feed's name for messages; no credentials, no query."""
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        try:
            return public_name(parse_url(source))
        except FetchError:
            return "the feed's URL"
    return str(source) if isinstance(source, Path) or "://" not in source else _without_secrets(source)


def on_disk(source: str | Path, *, allow_hosts: Iterable[str], scratch: Path | None, cleanup: ExitStack) -> Path:
    """A path to the feed on this machine's disk; what had to be fetched goes when `cleanup` closes.

    `scratch` is the folder for what is fetched (the system's own where None). Raises UnreadableFeed.
    """
    if isinstance(source, Path) or "://" not in source:
        path = Path(source).expanduser()
        if not path.exists():
            raise UnreadableFeed(feed=source, reason="there is no such file or folder")
        return path
    folder = cleanup.enter_context(tempfile.TemporaryDirectory(dir=scratch, prefix="modiste-feed-"))
    target = Path(folder, "feed")
    if source.partition("://")[0].lower() in ("http", "https"):
        fetch_feed(source, target, allow_hosts=allow_hosts)
    else:
        _copy(source, target)
    return target


def fetch_feed(url: str, target: Path, *, allow_hosts: Iterable[str]) -> None:
    """Fetches an http(s):// feed behind the guard; raises UnreadableFeed."""
    fetcher = PhotoFetcher(allow_hosts=allow_hosts, max_bytes=MAX_FEED_BYTES, deadline_s=_DEADLINE_S)
    try:
        with fetcher, target.open("wb") as file:
            fetcher.download(url, file)
    except FetchError as error:
        raise UnreadableFeed(feed=feed_name(url), reason=error) from error


def _copy(url: str, target: Path) -> None:
    name = feed_name(url)
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in _OBJECT_STORES or "::" in url:
        raise UnreadableFeed(feed=name, reason=f"{scheme}:// is not read; use a path, http(s):// or s3://")
    if "@" in rest.partition("/")[0] and not scheme.lower().startswith("abfs"):  # there it is container@account
        reason = "it carries credentials; give them in the environment, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise UnreadableFeed(feed=name, reason=reason)
    try:
        fs, path = fsspec.core.url_to_fs(url)
        fs.get_file(path, str(target))
    except Exception as error:  # drivers raise their own kinds (botocore's are no OSError)
        raise UnreadableFeed(feed=name, reason=_reason(error)) from error


def _reason(error: Exception) -> str:
    """What a driver says, on one line; the URLs in it may be an endpoint's and carry what is nobody's business."""
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return _URL.sub(lambda url: _without_secrets(url.group()), said)[:300]


def _without_secrets(url: str) -> str:
    scheme, separator, rest = url.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"
