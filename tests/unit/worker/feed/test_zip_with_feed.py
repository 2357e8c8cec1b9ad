"""One zip may hold a feed and the photos that it names; what such a zip could do beyond that is refused."""

import gzip
import struct
import zipfile
from pathlib import Path

import pytest

from worker.feed import (
    EmptyFeed,
    FeedError,
    FeedFormat,
    SeveralFeeds,
    UnknownFeedFormat,
    UnpacksTooLarge,
    UnreadableFeed,
    content,
    open_feed,
)
from worker.photos import open_photos

CSV = b"id,title,image\n1,Dress,1.jpg\n2,Skirt,photos/2.jpg\n"
PHOTOS = {"photos/1.jpg": b"one", "photos/2.jpg": b"two"}


def _zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.zip"


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("feed.csv", CSV, FeedFormat.TABLE),
        ("export/feed.CSV", CSV, FeedFormat.TABLE),
        ("feed.tsv.gz", gzip.compress(CSV.replace(b",", b"\t"), mtime=0), FeedFormat.TABLE),
        ("a.json", b'[{"id": 1, "title": "Dress", "image": "1.jpg"}, {"id": 2, "image": "2"}]', FeedFormat.JSON),
    ],
)
def test_feed_and_photos_come_out_of_one_zip(
    path: Path, tmp_path: Path, name: str, data: bytes, found: FeedFormat
) -> None:
    _zip(path, {**PHOTOS, name: data, "readme.txt": b"hello"})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with open_feed(path, scratch=scratch) as feed:
        assert feed.format is found
        assert f"({name} in the zip, with photos beside it)" in feed.described
        rows = list(feed.rows())
        assert feed.photos_path == path
        photos = open_photos(feed.photos_path)
        read = [photos.read(photo) for row in rows for name in row.photos if (photo := photos.find(name))]
        photos.close()
    assert read == [b"one", b"two"]
    assert list(scratch.iterdir()) == []


def test_a_zipped_feed_without_photos_is_a_feed_like_any_other(path: Path) -> None:
    with open_feed(_zip(path, {"feed.csv": CSV})) as feed:
        assert (feed.format, feed.photos_path) == (FeedFormat.TABLE, None)
        assert len(list(feed.rows())) == 2


def test_photos_alone_are_their_own_photos(path: Path, tmp_path: Path) -> None:
    with open_feed(_zip(path, PHOTOS)) as feed:
        assert (feed.format, feed.photos_path) == (FeedFormat.PHOTOS, path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "1.jpg").write_bytes(b"one")
    with open_feed(tmp_path / "folder") as feed:
        assert (feed.format, feed.photos_path) == (FeedFormat.PHOTOS, tmp_path / "folder")


def test_several_feeds_are_an_error_that_names_them(path: Path) -> None:
    _zip(path, {**PHOTOS, "feed.csv": CSV, "old/feed.jsonl": b"{}"})
    with pytest.raises(SeveralFeeds, match=r"shop\.zip holds several .*: feed\.csv, old/feed\.jsonl\. Leave one"):
        open_feed(path)


@pytest.mark.parametrize("name", ["../feed.csv", "/feed.csv", "..\\feed.csv", "a/../../feed.csv", "C:/feed.csv"])
def test_members_that_climb_out_are_not_there(path: Path, name: str) -> None:
    with open_feed(_zip(path, {**PHOTOS, name: CSV})) as feed:
        assert feed.format is FeedFormat.PHOTOS
    with pytest.raises(EmptyFeed):
        open_feed(_zip(path, {name: CSV}))


def test_a_bomb_is_refused_and_leaves_nothing(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "RATIO_FREE_BYTES", 1 << 20)
    _zip(path, {"feed.csv": CSV + bytes(8 << 20)})
    with pytest.raises(UnpacksTooLarge, match=r"feed\.csv in .*shop\.zip unpacks to"):
        open_feed(path, scratch=tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_member_that_lies_about_its_size_is_refused(path: Path) -> None:
    data = _zip(path, {"feed.csv": CSV * 1_000}).read_bytes()
    size = len(CSV) * 1_000
    path.write_bytes(data.replace(struct.pack("<I", size), struct.pack("<I", 50)))
    with pytest.raises(UnreadableFeed, match="CRC"):
        open_feed(path)


def test_a_damaged_or_encrypted_member_is_refused(path: Path) -> None:
    data = bytearray(_zip(path, {"feed.csv": CSV}, zipfile.ZIP_STORED).read_bytes())
    data[60] ^= 1
    path.write_bytes(data)
    with pytest.raises(UnreadableFeed, match="CRC"):
        open_feed(path)
    data = bytearray(_zip(path, {"feed.csv": CSV}).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(UnreadableFeed, match="encrypted"):
        open_feed(path)


def test_nothing_is_unpacked_twice(path: Path, tmp_path: Path) -> None:
    inner = _zip(tmp_path / "inner.zip", {"feed.csv": CSV}).read_bytes()
    with pytest.raises(UnknownFeedFormat, match="a zip in a zip"):
        open_feed(_zip(path, {"feed.csv": inner}))


def test_errors_name_the_member_and_the_zip(path: Path) -> None:
    with pytest.raises(FeedError, match=r"labels\.csv in .*shop\.zip has no column that names its listings"):
        open_feed(_zip(path, {**PHOTOS, "labels.csv": b"word,count\na,1\n"}))


def test_an_excel_file_is_still_told_from_a_zip(path: Path) -> None:
    with pytest.raises(UnreadableFeed, match="as a spreadsheet"):
        open_feed(_zip(path, {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"}))
