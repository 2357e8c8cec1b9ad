import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import make_app
from db.batches import PhotoToPlan
from db.engine import transaction
from db.listings import ListingData
from db.plans import claim_plan
from db.states import Reason
from store import Area, Store

FEED = b"id,what\n1,Tee\n"


@pytest.fixture
def feeds(store: Store) -> Iterator[Any]:
    """Names of the files in the store's feeds, which are empty before and after."""
    yield lambda: list(store.names(Area.FEEDS))
    for name in store.names(Area.FEEDS):
        store.remove(Area.FEEDS, name)


def begin(client: TestClient, feed: bytes | None = FEED, name: str = "feed.csv", **fields: Any) -> Any:
    photos = fields.pop("photos", None)
    files = {"feed": (name, feed)} if feed is not None else {}
    files |= {"photos": ("p.zip", photos)} if photos is not None else {}
    return client.post("/v1/imports", data=fields, files=files or {"nothing": ("x", b"")})


def test_a_feed_is_taken_in_for_a_worker_to_plan(client: TestClient, shop: Any, store: Store, feeds: Any) -> None:
    answer = begin(
        client,
        catalogue="taken",
        map=["title=what", "photos=pic"],
        photos=b"PK..",
        full="true",
        withdraw_share_max="0.5",
        refetch="true",
    )
    assert answer.status_code == 202, answer.text
    begun = answer.json()
    assert answer.headers["location"] == f"/v1/imports/{begun['id']}"
    assert (begun["catalogue"], begun["feed"], begun["lane"], begun["state"]) == (
        "taken",
        "feed.csv",
        "bulk",
        "planning",
    )
    with transaction(shop.engine) as connection:
        lease = claim_plan(connection, begun["id"], lease_s=60)
    assert lease is not None
    assert lease.handed_in.columns == {"title": "what", "photos": "pic"}
    assert (begun["full"], begun["refetch"], lease.refetch) == (True, True, True)
    assert shop.one("SELECT withdraw_share_max FROM modiste.import WHERE id = :id", id=begun["id"]) == 0.5
    assert store.read(Area.FEEDS, str(lease.handed_in.feed_file)) == FEED
    assert store.read(Area.FEEDS, str(lease.handed_in.photos_file)) == b"PK.."
    assert client.get(answer.headers["location"]).json()["seconds_left"] is None


def test_a_feed_may_lie_at_a_url(client: TestClient, shop: Any) -> None:
    answer = begin(client, None, feed_url="https://shop.example/feed.csv?sig=secret")
    assert (answer.status_code, answer.json()["feed"]) == (202, "https://shop.example/feed.csv")
    assert "secret" not in answer.text
    with transaction(shop.engine) as connection:
        lease = claim_plan(connection, answer.json()["id"], lease_s=60)
    assert lease is not None
    assert lease.handed_in.feed_url == "https://shop.example/feed.csv?sig=secret"


@pytest.mark.parametrize(
    ("feed", "fields", "says"),
    [
        (None, {}, "either a file in the field feed, or feed_url"),
        (FEED, {"feed_url": "https://shop.example/f.csv"}, "either a file"),
        (None, {"feed_url": "file:///etc/passwd"}, "http:// or https://"),
        (None, {"feed_url": "/etc/passwd"}, "http:// or https://"),
        (None, {"feed_url": "s3://bucket/feed.csv"}, "http:// or https://"),
        (None, {"feed_url": "https://user:pass@shop.example/f.csv"}, "without credentials"),
        (None, {"feed_url": "https://[bad/f.csv"}, "http:// or https://"),
        (FEED, {"map": "title"}, "map takes FIELD=COLUMN"),
        (FEED, {"map": "titel=what"}, "did you mean title?"),
        (FEED, {"catalogue": " "}, "catalogue (body)"),
        (FEED, {"catalogue": "a\0"}, "catalogue (body)"),
        (FEED, {"withdraw_share_max": "20"}, "withdraw_share_max (body)"),
        (b"", {}, "has no bytes"),
        (FEED, {"photos": b""}, "has no bytes"),
    ],
)
def test_what_cannot_be_imported_is_refused_and_nothing_is_kept(
    client: TestClient, shop: Any, feeds: Any, feed: bytes | None, fields: dict[str, Any], says: str
) -> None:
    before = shop.one("SELECT count(*) FROM modiste.import")
    answer = begin(client, feed, **fields)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    assert says in answer.json()["detail"]
    assert shop.one("SELECT count(*) FROM modiste.import") == before
    assert feeds() == []


def test_a_feeds_name_is_no_path(client: TestClient, feeds: Any) -> None:
    assert begin(client, name="../../etc/passwd").json()["feed"] == "passwd"
    assert begin(client, name="C:\\feeds\\mine.csv").json()["feed"] == "mine.csv"


@pytest.fixture(scope="module")
def finished(shop: Any) -> int:
    """An import with every outcome, one photo in quarantine and one enriched; some texts would be formulas."""
    import_id: int = shop.begin(catalogue="done")
    photos = [
        PhotoToPlan(
            external_id="=1+1", position=0, source="https://u:p@img.example/a.jpg", validator=None,
            reason=Reason.NOT_FOUND, detail="@img.example answered 404",
        ),
        PhotoToPlan(external_id="b", position=0, source="b.jpg", validator=None),
    ]  # fmt: skip
    _, shards = shop.write(
        import_id,
        listings=[ListingData(external_id="=1+1"), ListingData(external_id="b")],
        photos=photos,
        catalogue="done",
    )
    with transaction(shop.engine) as connection:
        connection.exec_driver_sql(
            "INSERT INTO modiste.import_row VALUES (%s, 900, '-x', 'rejected', 'price', 'bad_price', %s)",
            (import_id, '+cheap, "very"'),
        )
        connection.exec_driver_sql(
            "INSERT INTO modiste.import_row (import_id, line, external_id, outcome, changed)"
            " VALUES (%s, 800, 'c', 'changed', '{=price,metadata.season}')",
            (import_id,),
        )
        connection.exec_driver_sql(
            "INSERT INTO modiste.listing (catalogue, external_id, row_hash, withdrawn_in)"
            " VALUES ('done', 'gone', '', %s)",
            (import_id,),
        )
        connection.exec_driver_sql("UPDATE modiste.import SET rows_rejected = 1 WHERE id = %s", (import_id,))
    shop.finish(shop.take(shards[0]))
    shop.end_planning(import_id)
    return import_id


def test_progress_and_counters_add_up(client: TestClient, finished: int) -> None:
    found = client.get(f"/v1/imports/{finished}").json()
    assert found["rows"] == {"total": 3, "new": 2, "changed": 0, "unchanged": 0, "continued": 0, "rejected": 1}
    assert {name: n for name, n in found["photos"].items() if n} == {
        "total": 2, "enriched": 1, "quarantined": 1, "inferred": 1,
    }  # fmt: skip
    assert (found["state"], found["progress"], found["seconds_left"]) == ("done", 1.0, 0.0)


def test_the_rate_of_a_finished_import_is_its_average(client: TestClient, finished: int) -> None:
    found = client.get(f"/v1/imports/{finished}").json()
    assert found["photos_per_s"] == pytest.approx(2 / found["running_s"])


def test_time_left_is_what_is_pending_at_the_rate_of_the_last_minute(client: TestClient, shop: Any) -> None:
    import_id, shards = shop.plan("t1", "t2", "t3", "t4", photos_per_shard=1)
    shop.finish(shop.take(shards[0]))
    found = client.get(f"/v1/imports/{import_id}").json()
    assert found["progress"] == 0.25
    assert found["seconds_left"] == pytest.approx(3 / found["photos_per_s"])


def test_imports_are_listed_newest_first_page_by_page(client: TestClient, finished: int) -> None:
    everything = [i["id"] for i in client.get("/v1/imports?limit=200").json()["imports"]]
    assert everything == sorted(everything, reverse=True)
    met: list[int] = []
    query: dict[str, Any] = {"limit": 3}
    while query.get("after", "") is not None:
        page = client.get("/v1/imports", params=query).json()
        met += [i["id"] for i in page["imports"]]
        query["after"] = page["next"]
    assert met == everything
    assert [i["id"] for i in client.get("/v1/imports?catalogue=done&state=done").json()["imports"]] == [finished]
    assert client.get("/v1/imports?colour=red").status_code == 422


def table(answer: Any) -> list[list[str]]:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8"), answer.text
    return list(csv.reader(io.StringIO(answer.text)))


def test_the_report_tells_every_row_and_runs_no_formula(
    client: TestClient, finished: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.row_reports.PAGE", 2)
    head, *rows, changed, rejected, withdrawn = table(client.get(f"/v1/imports/{finished}/report"))
    assert head == ["line", "external_id", "outcome", "changed", "column", "reason", "detail"]
    assert [(row[1], row[2]) for row in rows] == [("'=1+1", "new"), ("b", "new")]
    assert changed == ["800", "c", "changed", "'=price; metadata.season", "", "", ""]
    assert rejected == ["900", "'-x", "rejected", "", "price", "bad_price", '\'+cheap, "very"']
    assert withdrawn == ["", "gone", "withdrawn", "", "", "", ""]


def test_the_report_is_told_page_by_page_and_by_outcome(client: TestClient, finished: int) -> None:
    met: list[tuple[int | None, str]] = []
    query: dict[str, Any] = {"format": "json", "limit": 2}
    while query.get("after", "") is not None:
        page = client.get(f"/v1/imports/{finished}/report", params=query).json()
        met += [(row["line"], row["outcome"]) for row in page["rows"]]
        query["after"] = page["next"]
    assert [outcome for _, outcome in met] == ["new", "new", "changed", "rejected", "withdrawn"]
    assert met[2:] == [(800, "changed"), (900, "rejected"), (None, "withdrawn")]
    for outcome in ("changed", "withdrawn"):
        asked = client.get(f"/v1/imports/{finished}/report", params={"format": "json", "outcome": outcome}).json()
        assert [row["outcome"] for row in asked["rows"]] == [outcome]
    (changed,) = client.get(f"/v1/imports/{finished}/report?format=json&outcome=changed").json()["rows"]
    assert changed["changed"] == ["=price", "metadata.season"]


def test_the_quarantine_tells_each_photo_as_json_and_csv(client: TestClient, finished: int) -> None:
    (photo,) = client.get(f"/v1/imports/{finished}/quarantine").json()["photos"]
    assert (photo["external_id"], photo["source"]) == ("=1+1", "https://img.example/a.jpg")
    assert photo["reason"] == "not_found"
    head, row = table(client.get(f"/v1/imports/{finished}/quarantine?format=csv"))
    assert dict(zip(head, row, strict=True)) == {name: str(value) for name, value in photo.items()} | {
        "external_id": "'=1+1",
        "detail": "'@img.example answered 404",
    }


@pytest.mark.parametrize("tail", ["", "/report", "/quarantine", "/quarantine?format=csv"])
def test_an_unknown_import_is_a_problem(client: TestClient, tail: str) -> None:
    answer = client.get(f"/v1/imports/999999{tail}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_an_upload_over_the_limit_is_refused(shop: Any, store: Store, place: Any, feeds: Any) -> None:
    with TestClient(make_app(place.settings(shop, store, max_upload_bytes=1000))) as client:
        answer = begin(client, b"x" * 100_000)
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")
    assert feeds() == []
