"""Whatever the bytes are, what comes of a feed is rows, typed rejections, or a FeedError; memory stays bounded."""

import gzip
import io
import json
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker.feed import FeedError, FeedFormat, TooManyColumns, open_feed

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Read = Callable[..., Any]

LISTINGS = [{"id": f"A{n}", "title": f"Kleid für {n}", "price": "1.299,00 €", "image": f"{n}.jpg"} for n in range(6)]


def _table(delimiter: str, encoding: str = "utf-8") -> bytes:
    lines = [list(LISTINGS[0]), *([f'"{cell}"' for cell in row.values()] for row in LISTINGS)]
    return "".join(f"{delimiter.join(line)}\r\n" for line in lines).encode(encoding)


def _xml() -> bytes:
    items = "".join(
        "".join(f"<g:{k}>{v}</g:{k}>" for k, v in row.items()).join(("<item>", "</item>")) for row in LISTINGS
    )
    return (
        f'<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0"><channel>{items}</channel></rss>'.encode()
    )


def _shopify() -> bytes:
    lines = ["Handle,Title,Option1 Name,Option1 Value,Variant Price,Image Src,Image Position,Variant Image,Status"]
    for n in range(4):
        lines += [
            f"p{n},Dress,Size,M,9.99,https://x/{n}.jpg,2,,active",
            f"p{n},,,L,9.99,https://x/0.jpg,1,https://x/v.jpg,",
        ]
    return "\n".join(lines).encode()


def _parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(LISTINGS), file)
    return file.getvalue()


def _workbook() -> bytes:
    """Not compressed, so that more than checksums is spoiled."""
    packed, stored = io.BytesIO(), io.BytesIO()
    with xlsxwriter.Workbook(packed, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, cells in enumerate([list(LISTINGS[0]), *(list(row.values()) for row in LISTINGS)]):
            sheet.write_row(number, 0, cells)
    with zipfile.ZipFile(packed) as archive, zipfile.ZipFile(stored, "w") as other:
        for name in archive.namelist():
            other.writestr(name, archive.read(name))
    return stored.getvalue()


def _zip(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
        archive.writestr("1.jpg", b"photo")
    return file.getvalue()


LINES = "\n".join(json.dumps(row) for row in LISTINGS).encode()
VALID = {
    "csv": _table(","),
    "tsv": _table("\t", "utf-16"),
    "json_lines": LINES,
    "json": json.dumps(LISTINGS, indent=1).encode(),
    "wrapped": json.dumps({"total": 6, "products": LISTINGS}).encode(),
    "xml": _xml(),
    "shopify": _shopify(),
    "parquet": _parquet(),
    "workbook": _workbook(),
    "gzip": gzip.compress(_table(",")),
    "zstd": zstd.compress(LINES),
    "zip": _zip("feed.csv", _table(";")),
}
_SPLICES = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [b'"', b",", b"\n", b"\r", b"\0", b"\xff\xfe", b"\xc3", b"{", b"[", b"]}", b"\\ud800", b"\\u0000", b"-9e999",
         b"<", b"</item>", b"<!DOCTYPE x>", b"&#0;", b"&x;", b"]]>", b"PAR1", b"PK\x03\x04", b"\x1f\x8b\x08",
         b"\x28\xb5\x2f\xfd", b"NaN", b"9" * 5_000, b"[" * 3_000, b"<a>" * 60, b"Handle,Title,Variant SKU,Image Src\n"]
    ),
)  # fmt: skip


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A feed of some format, cut off perhaps, with other bytes in place of some of its own."""
    data = VALID[draw(st.sampled_from(sorted(VALID)))]
    data = data[: draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(_SPLICES) + data[at + draw(st.integers(0, 12)) :]
    return data


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "feed"


@pytest.mark.parametrize("name", VALID)
def test_what_is_mutated_below_is_a_feed(path: Path, name: str) -> None:
    path.write_bytes(VALID[name])
    with open_feed(path) as feed:
        assert feed.format is not FeedFormat.PHOTOS
        rows = list(feed.rows())
    assert len(rows) >= 6
    assert all(isinstance(row, FeedRow) for row in rows)


@settings(max_examples=350, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=st.one_of(_mutated(), st.lists(_SPLICES, max_size=20).map(b"".join)))
def test_any_bytes_give_rows_rejections_or_a_feed_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    rows: list[FeedRow | RowRejection] = []
    try:
        with open_feed(path, scratch=path.parent) as feed:
            for row in feed.rows():
                rows.append(row)  # noqa: PERF402 - what came before an error is looked at too
    except FeedError:
        pass
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))
    for row in rows:
        if isinstance(row, FeedRow):
            assert "\0" not in repr(row.listing)
            json.dumps([row.listing.external_id, row.listing.title, *row.listing.metadata.values(), *row.photos],
                       ensure_ascii=False).encode()  # fmt: skip


ENDLESS = 48 << 20
BOUND = 40 << 20


def _endless(head: bytes, piece: bytes, tail: bytes) -> Iterator[bytes]:
    yield head
    yield from (piece * 1_000 for _ in range(ENDLESS // len(piece) // 1_000))
    yield tail


@pytest.mark.parametrize(
    ("head", "piece", "tail"),
    [
        (b"id,title\n1,a\n2,", b"x", b"\n3,c\n"),
        (b'id,title\n1,a\n2,"', b"x", b'"\n3,c\n'),
        (b"id,title\n1,a\n2", b",", b"\n3,c\n"),
        (b'{"id": 1}\n{"id": "', b"x", b'"}\n{"id": 3}\n'),
        (b'[{"id": 1}, {"id": "', b"x", b'"}, {"id": 3}]'),
        (b'[{"id": 1}, {"id": [', b'"a long enough text",', b'1]}, {"id": 3}]'),
        (b"<rss><item><id>1</id></item><item><id>", b"x", b"</id></item></rss>"),
        (b"<rss><item><id>1</id></item><item a='", b"x", b"'></item></rss>"),
    ],
    ids=["line", "quote", "cells", "json line", "json text", "json array", "xml text", "xml attribute"],
)
def test_what_does_not_end_takes_no_memory(tmp_path: Path, head: bytes, piece: bytes, tail: bytes) -> None:
    """Packed, so that it is the readers and not the file that would hold it."""
    with gzip.open(tmp_path / "feed", "wb", compresslevel=1) as file:
        file.writelines(_endless(head, piece, tail))
    tracemalloc.start()
    good, bad = 0, 0
    try:
        with open_feed(tmp_path / "feed") as feed:
            for row in feed.rows():
                good, bad = good + isinstance(row, FeedRow), bad + isinstance(row, RowRejection)
    except FeedError:
        bad += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert good >= 1
    assert bad >= 1
    assert peak < BOUND


def test_rows_of_ten_thousand_columns_are_rejected_and_headers_refused(read: Read) -> None:
    wide = "1" + ",x" * 9_999
    found = read(f"id,title\n{wide}\n2,b\n")
    assert found.rejected == [(2, "", RejectionReason.WRONG_NUMBER_OF_COLUMNS)]
    assert found.ids == ["2"]
    keys = json.dumps({f"k{n}": n for n in range(10_000)})
    for row in (f'{{"id": 1}}\n{keys}\n{{"id": 2}}', f'[{{"id": 1}}, {keys}, {{"id": 2}}]'):
        with pytest.raises(TooManyColumns, match="2000 is the most"):
            read(row)
    with pytest.raises(TooManyColumns):
        read("id" + ",x" * 9_999 + "\n")


def test_keys_that_come_late_may_not_bring_too_many_columns_either(read: Read) -> None:
    objects = [{"id": n} for n in range(300)] + [{f"k{n}": n for n in range(10_000)}, {"id": 301}]
    found = read("\n".join(map(json.dumps, objects)))
    assert found.rejected == [(301, "", RejectionReason.WRONG_NUMBER_OF_COLUMNS)]
    assert len(found.good) == 301


@pytest.mark.parametrize("control", ["\0", "\x01", "\x1b", "\x7f"])
def test_control_characters_cost_their_row_in_every_format(read: Read, control: str) -> None:
    bad = f"a{control}b"
    for text in (
        f"id,title\n1,{bad}\n2,ok\n",
        json.dumps({"id": "1", "title": bad}) + '\n{"id": "2"}\n',
        json.dumps([{"id": "1", "title": bad}, {"id": "2"}]),
        f"Handle,Title,Variant SKU,Image Src\n1,{bad},,\n2,ok,,\n",
    ):
        found = read(text)
        assert found.ids == ["2"]
        assert [reason for _, _, reason in found.rejected] == [RejectionReason.CONTROL_CHARACTERS]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("\\u0000", RejectionReason.CONTROL_CHARACTERS), ("a\\ud800", RejectionReason.BAD_ENCODING)],
    ids=["a NUL", "half a surrogate pair"],
)
def test_a_name_that_no_database_takes_costs_its_row(read: Read, name: str, reason: RejectionReason) -> None:
    bad = f'{{"id": "2", "{name}": "x"}}'
    for text in (f'{{"id": "1"}}\n{bad}\n{{"id": "3"}}', f'[{{"id": "1"}}, {bad}, {{"id": "3"}}]'):
        found = read(text)
        assert found.ids == ["1", "3"]
        assert found.rejected == [(2, "", reason)]


def test_a_parquet_column_with_such_a_name_is_refused_in_words(read: Read, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["1"], "a\x01": ["x"]}), tmp_path / "feed")
    with pytest.raises(FeedError, match="control character"):
        read(tmp_path / "feed")


def test_parquet_with_times_finer_than_python_has_is_read(read: Read, tmp_path: Path) -> None:
    columns = {
        "id": ["1"],
        "time": pa.array([1_001], pa.time64("ns")),
        "span": pa.array([90 * 10**9 + 1], pa.duration("ns")),
        "seen": pa.array([[1_001]], pa.list_(pa.timestamp("ns"))),
        "supply": pa.array([{"at": 1_001}], pa.struct([("at", pa.timestamp("ns"))])),
    }
    pq.write_table(pa.table(columns), tmp_path / "feed")
    (row,) = read(tmp_path / "feed").good
    assert row.listing.metadata == {
        "time": "00:00:00.000001",
        "span": "0:01:30",
        "seen": '["1970-01-01 00:00:00.000001"]',
        "supply": '{"at": "1970-01-01 00:00:00.000001"}',
    }


def test_parquet_with_a_year_that_python_has_not_is_a_feed_error(read: Read, tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"id": ["1"], "seen": pa.array([[2**60]], pa.list_(pa.timestamp("us")))}), tmp_path / "feed"
    )
    found = read(tmp_path / "feed")
    assert found.good == []
    assert isinstance(found.error, FeedError)
