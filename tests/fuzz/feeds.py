"""Feeds of every format, encoding and packing, and ways to spoil them."""

import datetime as dt
import gzip
import io
import json
import struct
import zipfile
from decimal import Decimal
from functools import cache

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from tests.unit.worker.feed.test_hostile import VALID

TABLE = VALID["csv"].decode()
ODD = [
    {"id": 1, "title": "a", "price": 1.5, "available": True, "images": ["a.jpg", {"src": "b.jpg"}], "x": None},
    {"id": "2", "price": "NaN", "tags": ["a", ["b"]], "variants": [{"sku": 1}], "\u00e9": {"k": {"k": 1}}},
    {"id": 3, "price": 1e300, "available": 0, "image": {"url": "c.jpg"}, "title": "\U0001f457"},
]


@cache
def seeds() -> dict[str, bytes]:
    """By name; those of test_hostile.py and more."""
    return {
        **VALID,
        "bom": b"\xef\xbb\xbf" + TABLE.encode(),
        "utf-16-be": b"\xfe\xff" + TABLE.encode("utf-16-be"),
        "utf-16 without bom": TABLE.encode("utf-16-le"),
        "utf-32": TABLE.encode("utf-32"),
        "latin-1": TABLE.replace("€", "EUR").encode("latin-1"),
        "mixed newlines": b"id,title\r1,a\n2,b\r\n3,c\n\r4,d",
        "one name twice": b"id,title,title,,id\n1,a,b,c,d\n2,e,f,g,h\n",
        "quotes": b'id;title;price\n"1";"a ""b"" c";"1,50"\n"2";"two\nlines";3\n3;un"even;4\n',
        "bars": b"sku|name|picture_url|stock\nA1|x|https://x/a.jpg, https://x/b.jpg|5\nA2|y|c.jpg;d.jpg|0\n",
        "odd json": json.dumps(ODD).encode(),
        "odd lines": "\n".join(map(json.dumps, ODD)).encode(),
        "utf-16 json": json.dumps(ODD, ensure_ascii=False).encode("utf-16"),
        "gzip xml": gzip.compress(VALID["xml"]),
        "atom": b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id><title>a</title><link href="http://x/1"/>'
        b"<link href='http://x/2'/></entry><entry><id>2</id><title><![CDATA[b]]></title></entry></feed>",
        "parquet types": parquet_of_all_types(),
        "zip of photos": zipped({"a/1.jpg": b"one", "a/2.png": b"two" * 900, "b/1.jpg": b"three"}),
        "zip of both": zipped({"feed.csv": TABLE.encode(), "1.jpg": b"one", "p/2.jpg": b"two" * 900}),
    }  # fmt: skip


def parquet_of_all_types() -> bytes:
    day = dt.datetime(2024, 5, 17, 12, 30, tzinfo=dt.UTC)
    table = pa.table(
        {
            "id": pa.array([1, 2, 3]),
            "title": pa.array(["a", None, "\u00e9"]).dictionary_encode(),
            "price": pa.array([Decimal("1.50"), None, Decimal("12.00")]),
            "available": pa.array([True, False, None]),
            "image": pa.array([["a.jpg"], [], None]),
            "weight": pa.array([1.5, float("nan"), float("inf")]),
            "half": pa.array([1.5, 2.5, None], pa.float16()),
            "day": pa.array([day.date(), None, day.date()]),
            "at": pa.array([day, None, day], pa.timestamp("ns", tz="Europe/Berlin")),
            "time": pa.array([1, 2, None], pa.time64("ns")),
            "span": pa.array([1, None, 10**12], pa.duration("ns")),
            "seller": pa.array([{"name": "x", "n": 1}, None, {"name": None, "n": 2}]),
            "tags": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
            "raw": pa.array([b"\xff", None, b""]),
            "nothing": pa.nulls(3),
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


PIECES = [
    b'"', b'""', b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\0", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf",
    b"\xc3", b"\xed\xa0\x80",
    b"\x85", b"\x1a", b"\x7f", b"{", b"}", b"[", b"]", b"[]", b"{}", b":", b"\\", b"\\ud800", b"\\u0000",
    b"\\udc00x", b"null", b"true", b"NaN",
    b"Infinity", b"-Infinity", b"-9e999", b"1e400", b"0.1e-400", b"9" * 400, b"9" * 5_000, b"-0", b"1.2.3,4",
    b"1,,2", b"1'2'3", b"$", b"(5)",
    b"INR EUR", b"\xe2\x82\xac", b"\xd9\xa1\xd9\xa2", b"[" * 3_000, b'{"a":' * 3_000, b"<", b">", b"</item>",
    b"<item>", b"<entry/>", b"<!--",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"&#0;", b"&#xD800;", b"]]>", b"<a>" * 60,
    b'<?xml version="1.0" encoding="utf-7"?>',
    b'encoding="x"', b' xmlns:g="http://base.google.com/ns/1.0"', b"PAR1", b"PK\x03\x04", b"PK\x01\x02",
    b"PK\x05\x06", b"PK\x06\x06",
    b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"id", b"title", b"price", b"image",
    b"Handle,Title,Variant SKU,Image Src\n", b"x" * 300, b"x" * 3_000,
    b"https://[::1/a.jpg ", b"../../etc/passwd", b"a.jpg,b.jpg|c.jpg", b'"id"', b'{"id":"1"}',
    b'\n{"id":"7","a\\ud800":1}',
    b'\n{"id":"8","\\u0000":"x"}', b',"\\ud800\\ud800":[]', b"modiste_", b"2024-13-45",
    *[struct.pack("<I", n) for n in (0, 1, 2**31 - 1, 2**32 - 1)],
]  # fmt: skip

json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=12),
        st.sampled_from(["\ud800", "a\0", "9" * 300, "1.299,00 €", "$5", "in stock", "https://x/a.jpg b.jpg"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip
names = st.one_of(
    st.sampled_from(["id", "sku", "title", "price", "currency", "image", "images", "available", "brand", "variants"]),
    st.text(st.characters(), max_size=8),
    st.sampled_from(["\ud800", "\0", "a\x01b", "", " ", "column 2", "id (2)", "x" * 300]),
)
objects = st.lists(st.dictionaries(names, json_values, max_size=6), min_size=1, max_size=8)


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """A feed with up to five faults, cut off perhaps, or packed after that."""
    feeds = seeds()
    known = sorted(feeds)
    data = bytearray(feeds[draw(st.sampled_from(known))])
    for _ in range(draw(st.integers(1, 5))):
        kind, at = draw(st.integers(0, 7)), draw(st.integers(0, 65_535))
        place = (at * (len(data) + 1)) >> 16
        if kind <= 2:
            data[place:place] = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=12)))
        elif kind == 3:
            piece = draw(st.sampled_from(PIECES))
            data[place : place + len(piece)] = piece
        elif kind == 4:
            del data[place : place + draw(st.integers(1, 60))]
        elif kind == 5:
            data[place:place] = data[place : place + draw(st.integers(1, 300))]
        elif kind == 6:
            other = feeds[draw(st.sampled_from(known))]
            data = data[:place] + other[(draw(st.integers(0, 65_535)) * len(other)) >> 16 :]
        elif data:
            data[place % len(data)] ^= 1 << draw(st.integers(0, 7))
    if draw(st.integers(0, 5)) == 0:
        del data[draw(st.integers(0, 65_535)) * len(data) >> 16 :]
    return gzip.compress(bytes(data), 1) if draw(st.integers(0, 11)) == 0 else bytes(data)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Right JSON with any values and keys."""
    found = draw(objects)
    form = draw(st.integers(0, 2))
    if form == 0:
        return "\n".join(map(json.dumps, found)).encode()
    return json.dumps(
        found if form == 1 else {"n": 1, "products": found}, indent=draw(st.sampled_from([None, 1]))
    ).encode()


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Delimited text of any cells, in any encoding it can be said in."""
    cell = st.one_of(
        st.sampled_from(
            ["", " ", '"', '""', '"a', 'a"b', "1,5", "a\nb", "=1+1", "1e9", "-5", "yes", "5 EUR", "x" * 256]
        ),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    )
    header = draw(st.lists(names, min_size=1, max_size=6))
    rows = draw(st.lists(st.lists(cell, min_size=0, max_size=7), max_size=12))
    between, newline = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = newline.join(between.join(row) for row in [header, *rows])
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252"]))
    return text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")


file_names = st.one_of(
    st.sampled_from(
        ["1.jpg", "a/1.jpg", "../1.jpg", "/etc/passwd.jpg", "..\\x.jpg", "C:/x.jpg", "a//b.jpg", "./a.jpg", "a\x01.jpg",
         ".hidden.jpg", "__MACOSX/1.jpg", "feed.csv", "b/feed.csv", "feed.json.gz", "x" * 300 + ".jpg", "é.jpg",
         ".jpg", "a/"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1,
    max_size=12).map(lambda name: f"{name}.jpg"),
)  # fmt: skip


# Made once: a strategy is kept by what it was made of, and these are three megabytes.
MEMBERS = st.sampled_from([b"", b"photo", TABLE.encode(), b"\0" * (3 << 20), b"PK\x03\x04", b"id\n1\n"])


@st.composite
def zips(draw: st.DrawFn) -> bytes:
    """A zip of any names, sizes, methods and flags; what its directory says of its files is spoiled at times."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in draw(st.lists(file_names, max_size=6)):
            member = zipfile.ZipInfo(name)
            member.external_attr = draw(st.sampled_from([0, 0, 0, 0o120777, 0o100644, 0o010644, 0o040755])) << 16
            member.compress_type = draw(st.sampled_from([0, 8, 8, 8, 12]))  # lzma's writer takes 100 MB; see below
            content = draw(MEMBERS)
            if len(content) > 1 << 20 and draw(st.integers(0, 9)):
                content = content[:1000]
            archive.writestr(member, content)
    data = bytearray(out.getvalue())
    starts = (
        [at for at in range(len(data) - 4) if data[at : at + 4] in (b"PK\1\2", b"PK\5\6", b"PK\3\4")]
        if len(data) < 9_999
        else []
    )
    for _ in range(draw(st.integers(0, 3))):
        if starts:
            at = draw(st.sampled_from(starts)) + draw(st.integers(4, 46))
            size = draw(st.sampled_from([1, 2, 4]))
            number = draw(st.sampled_from([0, 1, 9, 14, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]))
            data[at : at + size] = (number & (256**size - 1)).to_bytes(size, "little")
    if draw(st.integers(0, 7)) == 0:
        del data[draw(st.integers(0, 65_535)) * len(data) >> 16 :]
    return bytes(data)
