from typing import Any

import pytest
from fastapi.testclient import TestClient

from store import Area, NotInStore, Store
from tests.integration.api.conftest import picture

NEW = "/v1/catalogues/fresh/listings"
URL = "https://img.example/1.jpg"


def put(client: TestClient, external_id: str, **said: Any) -> Any:
    return client.put(f"{NEW}/{external_id}", json=said)


def uploaded(client: TestClient, colour: str) -> str:
    answer = client.post("/v1/photos", files={"photo": ("p.jpg", picture(colour=colour))})
    return str(answer.json()["source"])


def test_a_listing_is_put_up_and_its_photo_waits_in_the_interactive_lane(client: TestClient, shop: Any) -> None:
    answer = put(client, "one/1", title=" Tee ", price=12.5, currency="EUR", brand="", photos=[URL])
    assert answer.status_code == 201, answer.text
    done = answer.json()
    assert (done["outcome"], done["photos_pending"]) == ("new", 1)
    listing = client.get(answer.headers["location"]).json()
    assert (listing["external_id"], listing["title"], listing["price"], listing["brand"]) == (
        "one/1",
        "Tee",
        12.5,
        None,
    )
    assert [(p["source"], p["state"]) for p in listing["photos"]] == [(URL, "pending")]
    lanes = shop.rows("SELECT lane FROM modiste.shard WHERE import_id = :id", id=done["import_id"])
    assert [row["lane"] for row in lanes] == ["interactive"]
    assert client.get(f"/v1/imports/{done['import_id']}").json()["photos"]["pending"] == 1


def test_what_is_put_again_unchanged_is_no_work_and_what_is_left_out_is_gone(client: TestClient) -> None:
    put(client, "again", title="Tee", colour="Red", metadata={"year": 2015, "organic": True})
    same = put(client, "again", title="Tee", colour="Red", metadata={"year": 2015, "organic": True})
    assert (same.status_code, same.json()["outcome"]) == (200, "unchanged")
    listing = client.get(f"{NEW}/again").json()
    assert listing["metadata"] == {"year": "2015", "organic": "true"}
    assert put(client, "again", title="Tee").json()["outcome"] == "changed"
    assert client.get(f"{NEW}/again").json()["colour"] is None


def test_an_uploaded_photo_may_be_named(client: TestClient, shop: Any) -> None:
    source = uploaded(client, "purple")
    done = put(client, "up", photos=[source]).json()
    assert done["photos_pending"] == 1
    (photo,) = client.get(f"{NEW}/up").json()["photos"]
    assert (photo["source"], photo["width_px"], photo["height_px"]) == (source, 300, 400)
    assert client.get(photo["thumbnail"]).status_code == 200


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"titel": "Tee"}, "titel (body): there is no such field; did you mean title?"),
        ({"zzz": 1, "colr": "Red"}, "colr (body): there is no such field; did you mean colour?"),
        ({"zzz": 1}, "zzz (body): there is no such field; there are title, brand, price"),
        ({"price": "12,50 €"}, "price (body): write a number with a point, such as 12.5."),
        ({"price": [1]}, "price (body): write a number with a point, such as 12.5."),
        ({"price": -1}, "price (body)"),
        ({"price": 1.234}, "price (body)"),
        ({"price": 1e300}, "price (body)"),
        ({"currency": "eur"}, "currency (body)"),
        ({"title": "a\0b"}, "title (body): holds a control character"),
        ({"metadata": {"a": "\x1f"}}, "metadata.a (body): holds a control character"),
        ({"metadata": {"a": {"b": 1}}}, "metadata.a (body)"),
        ({"photos": ["file:///etc/passwd"]}, "is no photo"),
        ({"photos": ["/etc/passwd"]}, "is no photo"),
        ({"photos": ["sha256:../../models/v1"]}, "is no photo"),
        ({"photos": ["sha256:" + "0" * 64]}, "is no photo"),
        ({"photos": ["sha256:"]}, "is no photo"),
        ({"photos": [URL + str(n) for n in range(21)]}, "photos (body)"),
        ({"brand": "x" * 256}, "brand (body)"),
    ],
)
def test_what_a_feed_would_reject_is_refused(client: TestClient, said: dict[str, Any], says: str) -> None:
    answer = put(client, "bad", **said)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    assert says in answer.json()["detail"]
    assert client.get(f"{NEW}/bad").status_code == 404


@pytest.mark.parametrize("external_id", ["%20a", "a%00", "%0d", "a" * 256, ""])
def test_an_id_that_no_feed_could_give_is_refused(client: TestClient, external_id: str) -> None:
    assert put(client, external_id).status_code == 422


def test_an_erased_listing_leaves_nothing_not_even_files(client: TestClient, store: Store, shop: Any) -> None:
    source = uploaded(client, "orange")
    digest = source.removeprefix("sha256:")
    put(client, "gone", photos=[source])
    (photo,) = client.get(f"{NEW}/gone").json()["photos"]
    assert client.get(photo["thumbnail"]).status_code == 200
    assert client.delete(f"{NEW}/gone").status_code == 204
    assert client.get(f"{NEW}/gone").status_code == 404
    assert shop.one("SELECT count(*) FROM modiste.content WHERE sha256 = decode(:d, 'hex')", d=digest) == 0
    assert shop.one("SELECT count(*) FROM modiste.erasure") == 0
    for area, name in ((Area.PHOTOS, digest), (Area.THUMBNAILS, f"{digest}-256.webp")):
        with pytest.raises(NotInStore):
            store.read(area, name)
    assert client.delete(f"{NEW}/gone").status_code == 404


def test_a_photo_that_another_listing_shows_stays(client: TestClient, store: Store) -> None:
    source = uploaded(client, "olive")
    first = put(client, "first", photos=[source]).json()["listing_id"]
    put(client, "second", photos=[source])
    assert client.delete(f"/v1/listings/{first}").status_code == 204
    assert store.exists(Area.PHOTOS, source.removeprefix("sha256:"))
    assert client.get(f"{NEW}/second").json()["photos"][0]["thumbnail"]
