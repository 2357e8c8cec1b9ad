"""Imports stopped, let go on and followed over HTTP. What that means for their shards is tested beside the tables."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.forecasts import Forecast, RowsForecast
from db.enrichments import Outcome
from db.listings import ListingData
from db.states import Reason
from store import Area, Store


@pytest.fixture
def planned(shop: Any) -> Iterator[Callable[..., tuple[int, list[int]]]]:
    """Plans imports into a catalogue of their own, with photos by URL; gone afterwards."""
    begun: list[int] = []

    def plan(*names: str) -> tuple[int, list[int]]:
        import_id = shop.begin(catalogue="controlled")
        begun.append(import_id)
        _, shards = shop.write(
            import_id,
            listings=[ListingData(external_id=name) for name in names],
            photos=[shop.photo(name, f"https://u:secret@img.example/{name}.jpg") for name in names],
            catalogue="controlled",
            photos_per_shard=1,
        )
        shop.end_planning(import_id)
        return import_id, shards

    yield plan
    shop.rows("DELETE FROM modiste.listing WHERE catalogue = 'controlled'")
    shop.rows("DELETE FROM modiste.import WHERE id = ANY (:ids)", ids=begun)


def test_what_an_import_would_do_is_asked_before_it_is_started(client: TestClient, shop: Any) -> None:
    begun = client.post(
        "/v1/imports",
        files={"feed": ("f.csv", b"external_id,image\nA1,https://img.example/1.jpg\n", "text/csv")},
        data={"catalogue": "controlled", "preview": "true"},
    ).json()
    place = f"/v1/imports/{begun['id']}"
    early = client.get(f"{place}/forecast")
    assert (early.status_code, early.json()["title"]) == (409, "No forecast")
    assert client.get("/v1/imports/999999/forecast").status_code == 404
    told = dict.fromkeys(Forecast.model_fields, 0) | {
        "rows": dict.fromkeys(RowsForecast.model_fields, 1), "hosts": {"img.example": 1}, "refusal": None,
        "rejected": [], "columns": {"external_id": "sku"}, "metadata": ["season"],
    }  # fmt: skip
    shop.rows(
        """UPDATE modiste.plan SET forecast = CAST(:told AS jsonb) WHERE import_id = :id;
           UPDATE modiste.import SET state = 'previewed' WHERE id = :id""",
        id=begun["id"], told=json.dumps(told),
    )  # fmt: skip
    assert client.get(f"{place}/forecast").json()["hosts"] == {"img.example": 1}
    assert [one["id"] for one in client.get("/v1/imports?state=previewed").json()["imports"]] == [begun["id"]]
    assert [line for line in client.get(f"{place}/events").text.splitlines() if line.startswith("event")] == [
        "event: progress", "event: done",
    ]  # fmt: skip
    assert client.post(f"{place}/resume").json()["state"] == "planning"
    assert client.get(f"{place}/forecast").status_code == 409
    assert client.post(f"{place}/cancel").status_code == 202


def test_an_import_is_paused_resumed_and_cancelled(client: TestClient, shop: Any, planned: Any) -> None:
    import_id, shards = planned("c1", "c2")
    paused = client.post(f"/v1/imports/{import_id}/pause")
    assert (paused.status_code, paused.json()["state"], bool(paused.json()["paused_at"])) == (200, "running", True)
    assert shop.claim(shards[0]) is None
    resumed = client.post(f"/v1/imports/{import_id}/resume")
    assert (resumed.status_code, resumed.json()["paused_at"]) == (200, None)
    sent = "SELECT count(*) FROM modiste.shard WHERE import_id = :id AND sent_at IS NOT NULL"
    assert shop.one(sent, id=import_id) == 2
    shop.finish(shop.take(shards[0]))
    cancelled = client.post(f"/v1/imports/{import_id}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    photos = client.get(f"/v1/imports/{import_id}").json()["photos"]
    assert (photos["enriched"], photos["cancelled"], photos["pending"]) == (1, 1, 0)
    assert client.post(f"/v1/imports/{import_id}/cancel").status_code == 202
    too_late = client.post(f"/v1/imports/{import_id}/pause")
    assert (too_late.status_code, too_late.json()["title"]) == (409, "Import finished")
    assert f"import {import_id} is cancelled" in too_late.json()["detail"]


def test_a_feed_that_is_cancelled_before_anybody_read_it_goes_from_the_store(client: TestClient, store: Store) -> None:
    begun = client.post("/v1/imports", files={"feed": ("feed.csv", b"id,what\n1,Tee\n")}).json()
    (name,) = store.names(Area.FEEDS)
    client.post(f"/v1/imports/{begun['id']}/cancel")
    found = client.get(f"/v1/imports/{begun['id']}").json()
    assert (found["state"], found["error"]) == ("cancelled", "cancelled before the end of its feed")
    assert name not in store.names(Area.FEEDS)


@pytest.mark.parametrize("what", ["pause", "resume", "cancel", "retry"])
def test_what_is_not_there_cannot_be_stopped(client: TestClient, what: str) -> None:
    assert client.post(f"/v1/imports/999999/{what}").status_code == 404


@pytest.fixture
def quarantined(shop: Any, planned: Any) -> int:
    """An import with one photo in quarantine by timeout, and one damaged."""
    import_id, shards = planned("q1", "q2")
    for shard, reason in zip(shards, (Reason.TIMEOUT, Reason.DAMAGED), strict=True):
        lease = shop.take(shard)
        shop.finish(lease, [Outcome(photo_id=lease.photos[0].id, reason=reason, detail="@img.example: so it was")])
    return int(import_id)


def test_the_quarantine_is_listed_by_import_catalogue_and_reason_page_by_page(
    client: TestClient, quarantined: int
) -> None:
    first = client.get("/v1/quarantine?catalogue=controlled&limit=1").json()
    second = client.get(f"/v1/quarantine?import_id={quarantined}&limit=1&after={first['next']}").json()
    photos = [*first["photos"], *second["photos"]]
    assert [photo["reason"] for photo in photos] == ["timeout", "damaged"]
    assert (photos[0]["source"], photos[0]["import_id"]) == ("https://img.example/q1.jpg", quarantined)
    assert second["next"] is None
    only = client.get("/v1/quarantine?catalogue=controlled&reason=damaged").json()["photos"]
    assert [photo["external_id"] for photo in only] == ["q2"]
    assert client.get("/v1/quarantine?catalogue=nothing").json()["photos"] == []
    assert client.get("/v1/quarantine?reason=lost").status_code == 422
    table = client.get(f"/v1/quarantine?import_id={quarantined}&format=csv").text
    assert len(table.splitlines()) == 3
    assert "secret" not in table
    assert "'@img.example" in table


def test_the_quarantine_is_played_again(client: TestClient, quarantined: int) -> None:
    played = client.post(f"/v1/imports/{quarantined}/retry").json()
    assert (played["photos"], played["left"], played["without_file"]) == (1, {"damaged": 1}, 0)
    assert (played["imported"]["state"], played["imported"]["photos"]["pending"]) == ("running", 1)
    named = client.post(f"/v1/imports/{quarantined}/retry?reason=damaged&reason=dns").json()
    assert (named["photos"], named["left"]) == (1, {})


def events_of(answer: Any) -> list[tuple[str, dict[str, Any]]]:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    told = [dict(line.split(": ", 1) for line in event.splitlines()) for event in answer.text.split("\n\n") if event]
    return [(event["event"], json.loads(event["data"])) for event in told if "event" in event]


def test_an_import_is_followed_to_its_end(
    client: TestClient, shop: Any, planned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.following.POLL_S", 0.05)
    import_id, shards = planned("e1", "e2")

    def work() -> None:
        following = client.app.state.resources.following  # type: ignore[attr-defined]
        while not following.listeners:
            time.sleep(0.01)
        for shard in shards:
            time.sleep(0.2)
            shop.finish(shop.take(shard))

    worker = threading.Thread(target=work)
    worker.start()
    answer = client.get(f"/v1/imports/{import_id}/events")
    worker.join()
    told = events_of(answer)
    assert [name for name, _ in told] == ["progress"] * (len(told) - 1) + ["done"]
    assert [import_["photos"]["enriched"] for _, import_ in told] == sorted(
        import_["photos"]["enriched"] for _, import_ in told
    )
    assert told[-1][1] == client.get(f"/v1/imports/{import_id}").json()
    last = answer.text.rsplit("id: ", 1)[1].splitlines()[0]
    again = client.get(f"/v1/imports/{import_id}/events", headers={"Last-Event-ID": last})
    assert (again.status_code, again.text) == (204, ""), "a browser that comes again is told to stay away"
    assert client.get("/v1/imports/999999/events").status_code == 404


def test_too_many_streams_are_refused_before_they_begin(
    client: TestClient, planned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.following.LISTENERS", 0)
    import_id, _ = planned("e3")
    answer = client.get(f"/v1/imports/{import_id}/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert answer.json()["title"] == "Too many listen"
    assert client.head(f"/v1/imports/{import_id}/events").status_code == 503


def test_head_of_a_stream_ends_at_once(client: TestClient, planned: Any) -> None:
    import_id, _ = planned("e4")
    answer = client.head(f"/v1/imports/{import_id}/events")
    assert (answer.status_code, answer.content) == (200, b"")
    assert client.app.state.resources.following.listeners == 0  # type: ignore[attr-defined]
