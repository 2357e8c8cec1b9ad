from __future__ import annotations

import json
import pickle
import zipfile
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainer.errors import MalformedError, SourceError
from trainer.sources import Faults, SourceSpec, open_source, read_source

SPEC = SourceSpec(name="shop", table="shop.csv", licence="drawn")


def write(folder: Path, text: str, name: str = "shop.csv") -> Path:
    (folder / name).write_bytes(text.encode())
    return folder


def faults_of(spec: SourceSpec, folder: Path) -> list[str]:
    faults = Faults()
    read_source(spec, folder, faults)
    return [str(fault).removeprefix(f"{folder}/") for fault in faults.found]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_csv_is_read_by_the_delimiter_of_its_header_with_or_without_a_byte_order_mark(
    tmp_path: Path, delimiter: str, start: str
) -> None:
    lines = [delimiter.join(line) for line in (["photo", "category", "colour"], ["a.jpg", "Shirt", "Red"])]
    rows = open_source(SPEC, write(tmp_path, start + "\r\n".join(lines) + "\r\n\r\n")).rows
    assert [dict(row.words) for row in rows] == [{"photo": "a.jpg", "category": "Shirt", "colour": "Red"}]


def test_several_values_and_null_are_the_same_in_every_format(tmp_path: Path) -> None:
    write(tmp_path, 'photo,category,detail,size\na.jpg,Shirt,"Zip;Bow",3\nb.jpg,,,\n')
    values = [
        {"photo": "a.jpg", "category": "Shirt", "detail": ["Zip", "Bow"], "size": 3.0},
        {"photo": "b.jpg", "category": None, "detail": None, "size": float("nan")},
    ]
    write(tmp_path, "\n".join(json.dumps(value) for value in values).replace("NaN", "null"), "shop.jsonl")
    pq.write_table(pa.Table.from_pylist(values), tmp_path / "shop.parquet")
    tables = [
        [dict(row.words) for row in open_source(replace(SPEC, table=f"shop.{kind}"), tmp_path).rows]
        for kind in ("csv", "jsonl", "parquet")
    ]
    assert tables[0][0]["detail"] == "Zip;Bow"
    assert tables[0] == tables[1] == tables[2]


def test_a_field_that_a_json_line_leaves_out_is_unlabelled(tmp_path: Path) -> None:
    write(tmp_path, '{"photo": "a.jpg", "category": "Shirt"}\n\n{"photo": "b.jpg"}\n', "shop.jsonl")
    rows = open_source(replace(SPEC, table="shop.jsonl"), tmp_path).rows
    assert [(row.line, row.words["category"]) for row in rows] == [(1, "Shirt"), (3, "")]


def test_photos_that_a_parquet_file_holds_itself_are_no_words(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"photo": ["a.jpg"], "category": ["Shirt"], "bytes": [b"\xff\xd8"]}), tmp_path / "s.parquet"
    )
    assert open_source(replace(SPEC, table="s.parquet"), tmp_path).rows[0].words.keys() == {"photo", "category"}


def test_a_box_stands_in_one_column_or_in_four(tmp_path: Path) -> None:
    write(tmp_path, 'photo,category,box\na,Shirt,1 2 30 40.5\nb,Shirt,"1,2,30,40.5"\nc,Shirt,\n')
    one = [row.box for row in open_source(replace(SPEC, box="box"), tmp_path).rows]
    write(tmp_path, "photo,category,l,t,r,b\na,Shirt,1,2,30,40.5\nb,Shirt,1,2,30,40.5\nc,Shirt,,,,\n")
    four = [row.box for row in open_source(replace(SPEC, box=["l", "t", "r", "b"]), tmp_path).rows]
    assert one == four == [(1, 2, 30, 40.5), (1, 2, 30, 40.5), None]


def test_every_malformed_line_is_named_at_once_with_its_column(tmp_path: Path) -> None:
    spec = replace(SPEC, box="box", split="split", role="role", splits={"val": "dev"})
    lines = [
        "photo,category,box,split,role",
        "a,Shirt,1 2 3 4,train,",
        ",Shirt,1 2 3 4,train,",
        "b,Shirt",
        "c,Shirt,1 2 3,train,",
        'd,"Sh"irt,,,',
        "e,Shirt,9 2 3 4,validation,asked",
        "f,Shirt,,val,query",
    ]
    assert faults_of(spec, write(tmp_path, "\n".join(lines))) == [
        "shop.csv, line 3, column photo: it is empty; every row names its photo",
        "shop.csv, line 4: it has more or fewer fields than the header: 2, not 5",
        "shop.csv, line 5, column box: '1 2 3' is no box; four numbers are needed, x1 y1 x2 y2 in pixels",
        "shop.csv, line 6: it cannot be split into fields (',' expected after '\"')",
        "shop.csv, line 7, column split: 'validation' is no split; write train, dev or test, or translate it with "
        "`splits` in the recipe",
        "shop.csv, line 7, column role: 'asked' is no role; write query, gallery or nothing",
        "shop.csv, line 7, column box: the box '9 2 3 4' is empty; x2 must be right of x1, and y2 below y1",
    ]
    assert [row.line for row in read_source(spec, tmp_path, Faults()).rows] == [2, 8]


def test_an_error_lists_twenty_faults_and_says_how_many_there_are(tmp_path: Path) -> None:
    write(tmp_path, "photo,category\n" + ",Shirt\n" * 30)
    with pytest.raises(MalformedError, match=r"30 faults\.(?s:.*)line 21, column(?s:.*)and 10 more") as refused:
        open_source(SPEC, tmp_path)
    assert "line 22," not in str(refused.value)


def test_bytes_that_are_not_utf8_are_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_bytes("photo,category\na,Füße\n".encode() + "b,Füße\n".encode("latin-1"))
    assert faults_of(SPEC, tmp_path) == ["shop.csv, line 3: it is not UTF-8; save the table as UTF-8"]


def test_lines_that_are_no_json_object_are_named(tmp_path: Path) -> None:
    text = '{"photo": "a", "category": "x"}\n{"photo":\n["b"]\n{"photo": "c", "category": {"a": 1}}\n'
    found = faults_of(replace(SPEC, table="shop.jsonl"), write(tmp_path, text, "shop.jsonl"))
    assert [fault.partition(":")[0] for fault in found] == [
        "shop.jsonl, line 2",
        "shop.jsonl, line 3",
        "shop.jsonl, line 4, column category",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("photo,category\n", "it has no rows"),
        ("", "line 1: no column photo, category; there are none"),
        ("photo,photo\na,b\n", "line 1: the header names 'photo' twice"),
        ("foto,category\na,b\n", "line 1: no column photo; there are foto, category"),
    ],
)
def test_a_table_without_rows_or_columns_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        open_source(SPEC, write(tmp_path, text))


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        open_source(replace(SPEC, table="shop.parquet"), write(tmp_path, "photo,category", "shop.parquet"))


def test_of_two_files_of_one_name_in_a_zip_neither_is_taken_for_the_other(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for name in ("one/a.jpg", "two/a.jpg", "two/b.jpg"):
            archive.writestr(name, name)
    read = open_source(replace(SPEC, photos="photos.zip"), write(tmp_path, "photo,category\na.jpg,x\n")).read
    assert (read("one/a.jpg"), read("b.jpg")) == (b"one/a.jpg", b"two/b.jpg")
    with pytest.raises(KeyError):
        read("a.jpg")


def test_a_member_that_is_broken_is_an_error_of_the_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.jpg", b"A" * 99)
    whole = (tmp_path / "photos.zip").read_bytes()
    (tmp_path / "photos.zip").write_bytes(whole.replace(b"AAAA", b"ABBA", 1))
    read = open_source(replace(SPEC, photos="photos.zip"), write(tmp_path, "photo,category\na.jpg,x\n")).read
    with pytest.raises(OSError, match="CRC"):
        read("a.jpg")


def test_a_zip_is_read_by_forked_processes_without_mixing_photos_up(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for number in range(40):
            archive.writestr(f"{number}.jpg", bytes([number]) * 200_000)
    read = open_source(replace(SPEC, photos="photos.zip"), write(tmp_path, "photo,category\na.jpg,x\n")).read
    names = [f"{number}.jpg" for number in range(40)] * 3
    read("0.jpg")
    with get_context("fork").Pool(3, initializer=_keep, initargs=(read,)) as pool:
        assert pool.map(_first_byte, names) == [int(name.removesuffix(".jpg")) for name in names]
    assert pickle.loads(pickle.dumps(read))("7.jpg")[:1] == b"\x07"


_kept: dict[str, Any] = {}


def _keep(read: Any) -> None:
    _kept["read"] = read


def _first_byte(name: str) -> int:
    content = _kept["read"](name)
    return int(content[0]) if len(set(content)) == 1 else -1


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"kind": "deepfashion"}, "kind 'deepfashion' is none of table, deepfashion-category, deepfashion-inshop"),
        ({"table": ""}, "table is missing"),
        ({"photo": ""}, "photo is empty"),
        ({"box": ["x", "y"]}, "box is one column, or four"),
        ({"splits": {"val": "validation"}}, r"splits say \['validation'\]"),
        ({"dev_share": 0.6, "test_share": 0.4}, "dev_share and test_share leave nothing to train on"),
    ],
)
def test_a_source_that_contradicts_itself_is_refused(part: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=f"source 'shop': {says}"):
        replace(SPEC, **part)
