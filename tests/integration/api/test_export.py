import csv
import io
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import export

IDS = ["red", "pink", "blue", "shirt", "sold", "a/b c?d", "bare"]


def test_a_catalogue_is_streamed_with_what_was_found(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ROWS_A_PAGE", 3)
    answer = client.get("/v1/catalogues/shop/export")
    assert answer.headers["content-type"] == "application/jsonl"
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [row["external_id"] for row in rows] == IDS
    red, bare = rows[0], rows[-1]
    assert (red["price"], red["category"], red["model_version"], red["season"]) == (999.99, "Dress", "v1", "Summer")
    assert (rows[4]["available"], bare["category"]) == (False, None)
    assert bare["photos"] == ["https://img.example/bare.jpg?w=2&X-Amz-Signature=***"]


def test_a_spreadsheet_gets_the_same_rows_with_a_column_for_each_metadata(client: TestClient) -> None:
    answer = client.get("/v1/catalogues/shop/export?format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["external_id"] for row in rows] == IDS
    assert (rows[0]["photos"], rows[0]["available"], rows[0]["made in"]) == ("red/0\nred/1", "true", "Portugal")


def test_only_what_changed_comes_after_the_cursor(client: TestClient, shop: Any) -> None:
    shop.rows("UPDATE modiste.listing SET updated_at = now() - interval '1 day'")
    shop.rows("UPDATE modiste.listing_summary SET changed_at = now() - interval '1 day'")
    cursor = client.get("/v1/catalogues/shop/export").headers["Modiste-Cursor"]
    shop.rows("UPDATE modiste.listing SET updated_at = now() WHERE external_id = 'pink'")
    changes = client.get("/v1/catalogues/shop/export", params={"changes_since": cursor})
    assert [json.loads(line)["external_id"] for line in changes.text.splitlines()] == ["pink"]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/catalogues/spring/export", 404, "there is no catalogue spring; there are other, shop"),
        ("/v1/catalogues/shop/export?changes_since=x", 422, "'x' is no cursor of an export"),
        ("/v1/catalogues/shop/export?changed_since=x", 422, "did you mean changes_since?"),
    ],
)
def test_what_cannot_be_exported_is_a_problem(client: TestClient, path: str, status: int, says: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]
