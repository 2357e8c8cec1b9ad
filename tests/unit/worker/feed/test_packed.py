"""A feed packed with gzip or zstd reads as it would unpacked; one that is damaged or a bomb ends with a typed error."""

import gzip
import hashlib
import json
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from worker.feed import DamagedFeed, FeedFormat, UnknownFeedFormat, UnpacksTooLarge, content, open_feed

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Read = Callable[..., Any]

PACKERS = {"gzip": gzip.compress, "zstd": zstd.compress}
# Titles that do not pack well: a file cut in its middle has whole rows before the cut.
LISTINGS = [{"id": str(n), "title": hashlib.sha512(b"%d" % n).hexdigest()} for n in range(3_000)]
CSV = "id,title\n" + "".join(f"{row['id']},{row['title']}\n" for row in LISTINGS)
JSON_LINES = "".join(json.dumps(row) + "\n" for row in LISTINGS)
XML = (
    '<rss xmlns:g="http://base.google.com/ns/1.0"><channel>'
    + "".join(f"<item><g:id>{row['id']}</g:id><g:title>{row['title']}</g:title></item>" for row in LISTINGS)
    + "</channel></rss>"
)
JSON = json.dumps(LISTINGS)
TEXTS = pytest.mark.parametrize("text", [CSV, JSON_LINES, XML, JSON], ids=["csv", "json_lines", "xml", "json"])


@pytest.fixture(params=PACKERS)
def pack(request: pytest.FixtureRequest) -> Callable[[bytes], bytes]:
    return PACKERS[request.param]


@TEXTS
def test_a_packed_feed_has_the_rows_of_the_unpacked_one(read: Read, pack: Callable[[bytes], bytes], text: str) -> None:
    plain, packed = read(text), read(pack(text.encode()))
    assert packed.rows == plain.rows
    assert plain.ids == [row["id"] for row in LISTINGS]
    assert packed.described == f"{plain.described}, packed with {'gzip' if pack is gzip.compress else 'zstd'}"


def test_packed_parts_one_behind_the_other_are_one_feed(read: Read, pack: Callable[[bytes], bytes]) -> None:
    assert read(pack(b"id,title\n1,a\n") + pack(b"2,b\n")).ids == ["1", "2"]


@TEXTS
def test_a_cut_file_gives_its_whole_rows_and_then_says_where_it_is_damaged(
    read: Read, pack: Callable[[bytes], bytes], text: str
) -> None:
    whole = read(text)
    packed = pack(text.encode())
    cut = read(packed[: len(packed) * 3 // 4])
    assert isinstance(cut.error, DamagedFeed)
    assert 500 < len(cut.rows) < len(whole.rows)
    assert cut.rows == whole.rows[: len(cut.rows)]
    assert f" {cut.rows[-1].line}: " in str(cut.error)


def test_a_wrong_checksum_is_told_after_the_rows(read: Read) -> None:
    packed = bytearray(gzip.compress(b"id\n1\n2\n"))
    packed[-8] ^= 1
    found = read(bytes(packed))
    assert found.ids == ["1", "2"]
    assert isinstance(found.error, DamagedFeed)


@pytest.mark.parametrize("garbage", [b"\x1f\x8b\x08garbage", b"\x28\xb5\x2f\xfdgarbage"])
def test_what_cannot_be_unpacked_at_all_is_damaged_at_its_beginning(read: Read, garbage: bytes) -> None:
    with pytest.raises(DamagedFeed, match="past its beginning"):
        read(garbage)


def test_what_is_packed_itself_is_not_packed_again(read: Read, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1]}), tmp_path / "feed.parquet")
    for inner in ((tmp_path / "feed.parquet").read_bytes(), gzip.compress(b"id\n1\n"), b"PK\x03\x04rest"):
        with pytest.raises(UnknownFeedFormat, match="unpack it first"):
            read(pack(inner))


def test_a_bomb_is_refused_in_bounded_memory(
    read: Read, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One letter grows 1,030 times under gzip and far more under zstd."""
    monkeypatch.setattr(content, "RATIO_FREE_BYTES", 16 << 20)
    bomb = pack(b"id,title\n1,a\n") + pack(b"x" * (32 << 20))
    assert len(bomb) < 50_000
    tracemalloc.start()
    found = read(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.ids == ["1"]
    assert isinstance(found.error, UnpacksTooLarge)
    assert "unpack it" in str(found.error)
    assert peak < 24 << 20


def test_no_feed_unpacks_to_more_than_a_feed_may_have(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MAX_FEED_BYTES", 100_000)
    with pytest.raises(UnpacksTooLarge):
        read(gzip.compress(CSV.encode()))


def test_a_packed_feed_is_recognised_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "feed.csv").write_bytes(zstd.compress(CSV.encode()))
    with open_feed(tmp_path / "feed.csv") as feed:
        assert feed.format is FeedFormat.TABLE
