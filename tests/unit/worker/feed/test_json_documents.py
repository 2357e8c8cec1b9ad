"""One JSON document is read as JSON Lines would be: an array of objects, or an object that wraps one."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from db.states import RejectionReason
from worker.feed import DamagedFeed, EmptyFeed, NoIdColumn, UnknownFeedFormat
from worker.feed.rows import MAX_LINE_CHARS

Read = Callable[..., Any]

OBJECTS = [
    {"id": 1, "title": "Kleid für dich", "price": 649.0, "images": ["https://x/1.jpg", "https://x/2.jpg"]},
    {"id": "2", "price": "1.299,00 €", "tags": {"a": [1, 2.5]}, "image": {"src": "https://x/3.jpg"}, "n": 10**30},
    {"id": 3, "title": None, "in_stock": False, "weight": 0.1},
]


@pytest.mark.parametrize(
    "document",
    [
        json.dumps(OBJECTS),
        json.dumps(OBJECTS, indent=2),
        json.dumps({"products": OBJECTS}),
        json.dumps({"total": 3, "meta": {"page": [1, 2]}, "products": OBJECTS, "next": None}, indent=1),
        json.dumps({"data": {"products": OBJECTS}}),
    ],
    ids=["array", "indented", "wrapped", "beside others", "deeper"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_document_has_the_rows_of_json_lines(read: Read, document: str, encoding: str) -> None:
    of_lines = read("".join(f"{json.dumps(row)}\n" for row in OBJECTS))
    found = read(document.encode(encoding))
    assert of_lines.described == "JSON Lines"
    assert found.described == "one JSON document"
    assert found.rows == of_lines.rows
    assert [row.line for row in found.rows] == [1, 2, 3]


def test_long_documents_are_read_across_every_boundary(read: Read) -> None:
    rows = [{"id": n, "title": "x" * (n * 7919 % 100_000)} for n in range(100)]
    found = read(json.dumps(rows, indent=3))
    assert [len(row.listing.metadata.get("title", "") or row.listing.title or "") for row in found.good] == [
        len(row["title"])
        for row in rows
        if len(row["title"]) <= 2_000  # type: ignore[arg-type]
    ]
    assert len(found.rows) == 100


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ('{"id": 1, "variants": [{"sku": "a"}]}', "JSON Lines"),
        ('{"id": 1, "images": [{"src": "a.jpg"}]}\n', "JSON Lines"),
        ('{"id": 1, "variants": [{"id": 5}]}\n{"id": 2, "variants": [{"id": 6}]}', "JSON Lines"),
        ('{"products": [{"id": 1}]}', "one JSON document"),
        ('{"products": [{"id": 1}]}\n', "one JSON document"),
        ('{"products": [\n{"id": 1}\n]}', "one JSON document"),
    ],
)
def test_an_object_that_may_be_a_listing_is_a_line_and_no_document(read: Read, line: str, kind: str) -> None:
    found = read(line)
    assert found.described == kind
    assert found.ids[0] == "1"


def test_what_is_no_object_is_rejected_by_its_number(read: Read) -> None:
    found = read('[{"id": 1}, 7, [{"id": 2}], null, {"id": 3}]')
    assert found.ids == ["1", "3"]
    assert found.rejected == [(number, "", RejectionReason.NOT_AN_OBJECT) for number in (2, 3, 4)]


def test_bad_values_cost_their_row_only(read: Read) -> None:
    bad = b'{"id": "1", "title": "\xff"}, {"id": "2", "title": "\\u0000"}, '
    found = read(b"[" + bad + '{"id": "3", "title": "für"}, {"price": "zwölf €"}]'.encode())
    assert found.ids == ["3"]
    assert found.rejected == [
        (1, "title", RejectionReason.BAD_ENCODING),
        (2, "title", RejectionReason.CONTROL_CHARACTERS),
        (4, "id", RejectionReason.MISSING_ID),
    ]


def test_two_arrays_of_objects_are_an_error_that_names_them(read: Read) -> None:
    with pytest.raises(UnknownFeedFormat, match=r"several arrays of objects \('products', 'shop.staff'\)"):
        read('{"products": [{"id": 1}],\n"shop": {"staff": [{"id": 2}]}}')


def test_a_second_array_far_behind_is_told_and_not_read(read: Read) -> None:
    rows = ",".join(f'{{"id": {n}, "text": "{"x" * 90_000}"}}' for n in range(60))
    found = read(f'{{"products": [{rows}], "staff": [{{"id": "s1"}}, {{"id": "s2"}}]}}')
    assert len(found.good) == 60
    assert found.rejected == [(61, "", RejectionReason.NOT_AN_OBJECT)]
    assert "'staff'" in found.rows[-1].detail


@pytest.mark.parametrize(
    ("document", "good", "says"),
    [
        ('[{"id": 1}, {"id": 2}', 2, "ends before ','"),
        ('[{"id": 1}, {"id": 2', 1, "no JSON from there on"),
        ('[{"id": 1}, {"id": 2} {"id": 3}]', 2, "',' is missing before '{'"),
        ('[{"id": 1}, {"id": 2,}]', 1, "no JSON from there on"),
        ('[{"id": 1}]]', 1, "is over and ']' follows"),
        ('[{"id": 1},\n{id: 2}]', 1, "no JSON from there on"),
        ('[{"id": 1}, ' + "[" * 100_000, 1, "no JSON from there on"),
        ('{"a": [{"id": 1}], 5: 6}', 1, "a key is to be a text"),
    ],
)
def test_a_document_that_breaks_off_gives_the_rows_before(read: Read, document: str, good: int, says: str) -> None:
    found = read(document)
    assert len(found.rows) == good
    assert isinstance(found.error, DamagedFeed)
    assert f"past row {good}: " in str(found.error)
    assert says in str(found.error)


def test_a_value_without_end_is_damage_in_bounded_memory(read: Read) -> None:
    found = read('[{"id": 1}, {"id": "' + "x" * 5_000_000 + '"}]')
    assert found.ids == ["1"]
    assert f"more than {MAX_LINE_CHARS} characters" in str(found.error)


def test_documents_without_listings_say_so(read: Read) -> None:
    with pytest.raises(EmptyFeed):
        read(" [ ]\n")
    with pytest.raises(NoIdColumn, match="it has: name"):
        read('[{"name": 1}]')
    with pytest.raises(NoIdColumn, match="it has: total, products"):
        read('{"total": 0, "products": []}')
