"""Feeds in every format become the same rows, and what is wrong with one is said with line, column and reason."""

import json
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.listings import ListingData
from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker.feed import (
    EmptyFeed,
    FeedError,
    FeedFormat,
    NoIdColumn,
    NoSuchColumn,
    NoSuchField,
    TooManyColumns,
    UnknownFeedFormat,
    UnreadableFeed,
    open_feed,
)

HEADER = "SKU,Product Name,Price,Currency,Color,image_link,additional_image_link,Fabric\n"
LINE = 'A1,"Dress, red",649,INR,Red,https://x/1.jpg,"https://x/2.jpg,https://x/1.jpg",Cotton\n'
LISTING = ListingData(
    external_id="A1",
    title="Dress, red",
    price=Decimal(649),
    currency="INR",
    colour="Red",
    metadata={"Fabric": "Cotton"},
)
ROW = FeedRow(line=2, listing=LISTING, photos=("https://x/1.jpg", "https://x/2.jpg"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feed"


def _rows(path: Path, content: str | bytes | None = None, **mapping: str) -> list[FeedRow | RowRejection]:
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with open_feed(path, mapping=mapping) as feed:
        return list(feed.rows())


def _reasons(rows: list[FeedRow | RowRejection]) -> list[tuple[int, str, RejectionReason]]:
    return [(row.line, row.column, row.reason) for row in rows if isinstance(row, RowRejection)]


def _lines_of_good(rows: list[FeedRow | RowRejection]) -> list[int]:
    return [row.line for row in rows if isinstance(row, FeedRow)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_table_is_read_in_any_usual_encoding(path: Path, encoding: str) -> None:
    (row,) = _rows(path, HEADER.encode(encoding) + LINE.replace("Cotton", "Böhmisch").encode(encoding)
                   if encoding not in ("utf-16", "utf-8-sig")
                   else (HEADER + LINE.replace("Cotton", "Böhmisch")).encode(encoding))  # fmt: skip
    assert isinstance(row, FeedRow)
    assert row.listing.metadata == {"Fabric": "Böhmisch"}
    assert row.photos == ROW.photos


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_found(path: Path, delimiter: str, end: str) -> None:
    rows = _rows(path, delimiter.join(["id", "name", "colour"]) + end + delimiter.join(["1", '"a b"', "Red"]) + end)
    listing = ListingData(external_id="1", title="a b", colour="Red")
    assert rows == [FeedRow(line=2, listing=listing, photos=())]


def test_csv_json_lines_and_parquet_give_the_same_row(path: Path) -> None:
    values = {
        "SKU": "A1", "Product Name": "Dress, red", "Price": 649, "Currency": "INR", "Color": "Red",
        "image_link": "https://x/1.jpg", "additional_image_link": ["https://x/2.jpg", "https://x/1.jpg"],
        "Fabric": "Cotton",
    }  # fmt: skip
    assert _rows(path, HEADER + LINE) == [ROW]
    (from_json,) = _rows(path, json.dumps(values) + "\n")
    pq.write_table(pa.Table.from_pylist([values]), path)
    (from_parquet,) = _rows(path)
    assert (from_json, from_parquet) == tuple(FeedRow(line=1, listing=LISTING, photos=ROW.photos) for _ in "ab")


def test_the_mapping_says_which_column_became_what(path: Path) -> None:
    path.write_text(HEADER + LINE)
    with open_feed(path) as feed:
        assert feed.format is FeedFormat.TABLE
        assert feed.columns[:2] == ("SKU", "Product Name")
        assert feed.mapping.fields == {
            "external_id": "SKU", "title": "Product Name", "price": "Price", "currency": "Currency", "colour": "Color",
        }  # fmt: skip
        assert feed.mapping.photos == ("image_link", "additional_image_link")
        assert feed.mapping.metadata == ("Fabric",)


def test_the_better_synonym_takes_the_field_and_the_other_is_kept(path: Path) -> None:
    (row,) = _rows(path, "sku,product_id,articleType,category\ns,p,Shirts,Men\n")
    assert row == FeedRow(
        line=2,
        listing=ListingData(
            external_id="s", seller_category="Men", metadata={"product_id": "p", "articleType": "Shirts"}
        ),
        photos=(),
    )


def test_an_explicit_mapping_wins(path: Path) -> None:
    (row,) = _rows(path, "id,name,label_text,cover\n1,a,b,c.jpg\n", title="Label Text", photos="cover")
    assert row == FeedRow(
        line=2, listing=ListingData(external_id="1", title="b", metadata={"name": "a"}), photos=("c.jpg",)
    )


def test_a_file_name_may_be_id_and_photo(path: Path) -> None:
    (row,) = _rows(path, "image,category\nx.webp,Hat\n", external_id="image")
    assert row == FeedRow(line=2, listing=ListingData(external_id="x.webp", seller_category="Hat"), photos=("x.webp",))


def test_mistakes_in_the_mapping_say_what_there_is(path: Path) -> None:
    path.write_text(HEADER)
    with pytest.raises(NoSuchColumn, match="no column 'titel'; it has: SKU, Product Name"):
        open_feed(path, mapping={"title": "titel"})
    with pytest.raises(NoSuchField, match="no field 'headline'; the fields are: external_id, title"):
        open_feed(path, mapping={"headline": "SKU"})


def test_line_numbers_count_quoted_line_breaks_and_blank_lines(path: Path) -> None:
    rows = _rows(path, 'id,title\n1,"a\nb\nc"\n\n2,d\n,e\n3,f\n')
    assert _lines_of_good(rows) == [2, 6, 8]
    assert _reasons(rows) == [(7, "id", RejectionReason.MISSING_ID)]


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        (",t,1,INR,in stock", "id", RejectionReason.MISSING_ID),
        ("1,t,-1,INR,yes", "price", RejectionReason.BAD_PRICE),
        ("1,t,nan,INR,yes", "price", RejectionReason.BAD_PRICE),
        ("1,t,1,rupees,yes", "currency", RejectionReason.BAD_CURRENCY),
        ("1,t,1 EUR,INR,yes", "currency", RejectionReason.BAD_CURRENCY),
        ("1,t,1,INR,perhaps", "availability", RejectionReason.BAD_AVAILABILITY),
        (f"{'1' * 256},t,1,INR,yes", "id", RejectionReason.TOO_LONG),
        (f"1,{'t' * 2001},1,INR,yes", "title", RejectionReason.TOO_LONG),
        ("1,a\0b,1,INR,yes", "title", RejectionReason.CONTROL_CHARACTERS),
        ("1,a\x1bb,1,INR,yes", "title", RejectionReason.CONTROL_CHARACTERS),
        ("1,t,1,INR", "", RejectionReason.WRONG_NUMBER_OF_COLUMNS),
        ("1,t,1,INR,yes,more", "", RejectionReason.WRONG_NUMBER_OF_COLUMNS),
        ("1,t,1,INR,yes" + ",x" * 10_000, "", RejectionReason.WRONG_NUMBER_OF_COLUMNS),
    ],
)
def test_a_bad_row_is_rejected_and_the_rest_goes_on(
    path: Path, cells: str, column: str, reason: RejectionReason
) -> None:
    rows = _rows(path, f"id,title,price,currency,availability\n0,ok,1,INR,yes\n{cells}\n2,ok,2,INR,no\n")
    assert _reasons(rows) == [(3, column, reason)]
    assert _lines_of_good(rows) == [2, 4]


def test_a_rejection_names_the_listing_where_it_can(path: Path) -> None:
    (row,) = _rows(path, "id,price\nA7,cheap\n")
    assert isinstance(row, RowRejection)
    assert row.external_id == "A7"
    assert "'cheap'" in row.detail


def test_a_line_of_broken_utf8_is_rejected_alone(path: Path) -> None:
    rows = _rows(path, "id,title\n1,Kleid für\n2,Größe\n".encode() + b"3,\xff\xfe\n4,d\n")
    assert _reasons(rows) == [(4, "title", RejectionReason.BAD_ENCODING)]
    assert _lines_of_good(rows) == [2, 3, 5]


def test_an_open_quote_costs_its_own_line_only(path: Path) -> None:
    rows = _rows(path, 'id,title\n1,a\n2,"open\n' + "".join(f"{n},x\n" for n in range(3, 30_000)))
    assert [line for line, _, _ in _reasons(rows)] == [3]
    assert len(_lines_of_good(rows)) == 29_998


def test_trailing_delimiters_are_no_columns(path: Path) -> None:
    rows = _rows(path, "id,title,,\n1,a,,\n2,b,,\n")
    assert _lines_of_good(rows) == [2, 3]


def test_a_line_without_end_is_rejected_in_bounded_memory(path: Path) -> None:
    rows = _rows(path, "id,title\n1," + "x" * 5_000_000 + "\n2,b\n")
    assert [line for line, _, _ in _reasons(rows)] == [2]
    assert _lines_of_good(rows) == [3]
    rows = _rows(path, '{"id": 1}\n{"id": "' + "x" * 5_000_000 + '"}\n{"id": 2}\n')
    assert _reasons(rows) == [(2, "", RejectionReason.TOO_LONG)]


@pytest.mark.parametrize("line", ["[1]", "7", "nonsense", '{"id": ', "[" * 100_000, '{"id": NaN', "9" * 5000])
def test_a_json_line_that_is_no_object_is_rejected(path: Path, line: str) -> None:
    rows = _rows(path, f'{{"id": 1}}\n{line}\n{{"id": 2}}\n')
    assert _reasons(rows) == [(2, "", RejectionReason.NOT_AN_OBJECT)]


def test_escaped_nul_and_half_surrogates_in_json_are_rejected(path: Path) -> None:
    rows = _rows(
        path, '{"id": "1", "title": "\\u0000"}\n{"id": "2", "title": "\\ud800"}\n{"id": "3", "title": "\\u00e9"}\n'
    )
    assert [reason for _, _, reason in _reasons(rows)] == [
        RejectionReason.CONTROL_CHARACTERS,
        RejectionReason.BAD_ENCODING,
    ]


def test_a_json_key_first_seen_late_finds_its_field(path: Path) -> None:
    lines = [json.dumps({"id": n}) for n in range(300)] + ['{"id": 300, "name": "late", "year": 2015}']
    last = _rows(path, "\n".join(lines))[-1]
    assert isinstance(last, FeedRow)
    assert (last.listing.title, last.listing.metadata) == ("late", {"year": "2015"})


def test_ids_that_pandas_made_floats_are_whole_again(path: Path) -> None:
    pq.write_table(pa.table({"id": pa.array([10000.0, None]), "data": pa.array([b"x", b"y"])}), path)
    rows = _rows(path)
    assert isinstance(rows[0], FeedRow)
    assert rows[0].listing == ListingData(external_id="10000")
    assert _reasons(rows) == [(2, "id", RejectionReason.MISSING_ID)]


def test_no_more_than_twenty_photos_are_kept_and_the_rest_counted(path: Path) -> None:
    (row,) = _rows(path, "id,images\n1," + "|".join(f"{n}.jpg" for n in range(25)) + "\n")
    assert isinstance(row, FeedRow)
    assert (len(row.photos), row.photos_left_out) == (20, 5)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_photos_alone_are_a_feed(tmp_path: Path, kind: str) -> None:
    names = ["a/1.jpg", "b/1.jpg", "b/2.png", "readme.txt"]
    for name in names:
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(b"x")
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
            for name in names:
                archive.write(tmp_path / "photos" / name, name)
    rows = _rows(tmp_path / ("photos" if kind == "folder" else "photos.zip"))
    found = [(row.line, row.listing.external_id, row.photos) for row in rows if isinstance(row, FeedRow)]
    assert found == [(1, "a/1", ("a/1.jpg",)), (2, "b/1", ("b/1.jpg",)), (3, "2", ("b/2.png",))]


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", EmptyFeed, "is empty"),
        (b"\n\n  \n", EmptyFeed, "is empty"),
        (b"name,colour\nx,y\n", NoIdColumn, "it has: name, colour"),
        (b"BZh91AY", UnknownFeedFormat, "unpack it first"),
        (b"\xff\xd8\xff\xe0rest", UnknownFeedFormat, "a JPEG photo"),
        (b"id,\x01\x02\n", UnknownFeedFormat, "not text"),
        (b"id" + b",x" * 3000, TooManyColumns, "3001 columns"),
        (b"PAR1 and then nothing", UnreadableFeed, "as Parquet"),
        (b"PK\x03\x04 and then nothing", UnreadableFeed, "zip"),
    ],
)
def test_a_feed_that_cannot_be_used_says_why(path: Path, content: bytes, error: type[FeedError], says: str) -> None:
    path.write_bytes(content)
    with pytest.raises(error, match=says):
        open_feed(path)


@pytest.mark.parametrize("source", ["/no/such/feed.csv", "ftp://host/x", "file:///etc/passwd", "zip::http://x/y"])
def test_sources_that_are_not_there_or_not_allowed_are_refused(source: str) -> None:
    with pytest.raises(UnreadableFeed):
        open_feed(source)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "feed.csv").write_text(HEADER + LINE)
    handler = partial(type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": _silent}), directory=tmp_path / "www")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/feed.csv?token=secret"
    server.shutdown()
    thread.join()
    server.server_close()


def _silent(*_: object) -> None:
    return


def test_a_feed_comes_over_http_and_leaves_nothing_behind(served: str, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with open_feed(served, allow_hosts=["127.0.0.1"], scratch=scratch) as feed:
        assert list(feed.rows()) == [ROW]
        assert "secret" not in feed.name
    assert list(scratch.iterdir()) == []


def test_a_feed_on_a_private_host_is_refused_unless_allowed(served: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFeed, match="MODISTE_ALLOW_HOSTS"):
        open_feed(served, scratch=tmp_path)


def test_a_feed_comes_from_object_storage() -> None:
    import fsspec

    fsspec.filesystem("memory").pipe_file("/bucket/feed.csv", (HEADER + LINE).encode())
    with open_feed("memory://bucket/feed.csv") as feed:
        assert list(feed.rows()) == [ROW]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.lists(st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20), max_size=20))
def test_what_a_csv_writer_wrote_is_read_back(path: Path, ids: list[str]) -> None:
    import csv

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([["id", "title"], *([text, f'{text}\n"x"'] for text in ids)])
    with open_feed(path) as feed:
        good = [row.listing.external_id for row in feed.rows() if isinstance(row, FeedRow)]
    assert good == [text.strip() for text in ids if text.strip()]
