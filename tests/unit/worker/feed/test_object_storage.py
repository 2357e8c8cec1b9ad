"""Feeds on s3://, read from a real S3 server on this machine. What is wrong is said, and no secret with it."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
import s3fs

from worker.feed import UnreadableFeed, open_feed

CSV = b"id,title\n1,Dress\n2,Skirt\n"
KEY, SECRET = "AKIAEXAMPLE", "verysecret"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket that is reached by what an operator sets, and nothing else of AWS."""
    from moto.server import ThreadedMotoServer  # takes seconds to load

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        storage = fsspec.filesystem("s3", skip_instance_cache=True)
        storage.mkdir("shop")
        storage.pipe_file("shop/feeds/feed.csv", CSV)
        storage.pipe_file("shop/feeds/feed.csv.gz", gzip.compress(CSV))
        s3fs.S3FileSystem.clear_instance_cache()
        yield "s3://shop/feeds"
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.mark.parametrize("name", ["feed.csv", "feed.csv.gz"])
def test_a_feed_comes_from_s3_and_leaves_nothing_behind(bucket: str, tmp_path: Path, name: str) -> None:
    with open_feed(f"{bucket}/{name}", scratch=tmp_path) as feed:
        assert [row.listing.external_id for row in feed.rows()] == ["1", "2"]  # type: ignore[union-attr]
        assert feed.name == f"{bucket}/{name}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["s3://shop/feeds/none.csv", "s3://no-such-bucket/feed.csv"])
def test_what_is_not_there_is_said(bucket: str, url: str) -> None:
    with pytest.raises(UnreadableFeed, match=url):
        open_feed(url)


def test_a_query_is_not_repeated(bucket: str) -> None:
    with pytest.raises(UnreadableFeed) as raised:
        open_feed("s3://shop/feeds/feed.csv?versionId=hidden")
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize("url", [f"s3://{KEY}:{SECRET}@shop/feed.csv", f"s3://{KEY}%3A{SECRET}@shop/feed.csv"])
def test_a_url_with_credentials_is_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(UnreadableFeed, match="AWS_ACCESS_KEY_ID") as raised:
        open_feed(url)
    assert SECRET not in str(raised.value)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("endpoint", [f"http://{KEY}:{SECRET}@127.0.0.1:9", f"http://127.0.0.1:9/?sig={SECRET}"])
def test_an_endpoint_that_cannot_be_reached_gives_no_secret_away(
    bucket: str, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(UnreadableFeed, match=f"{bucket}/feed.csv cannot be read: ") as raised:
        open_feed(f"{bucket}/feed.csv")
    s3fs.S3FileSystem.clear_instance_cache()
    assert SECRET not in str(raised.value)
    assert KEY not in str(raised.value)
