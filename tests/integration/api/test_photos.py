import io
import struct
import zlib
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from db.engine import transaction
from store import Area, NotInStore, Store
from tests.integration.api.conftest import picture


def bomb() -> bytes:
    """A PNG of a few bytes that says it has 900 million pixels."""
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + head))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(head)) + b"IHDR" + head + crc + picture(kind="PNG")[33:]


def sent(client: TestClient, data: bytes, kind: str | None = "image/jpeg", path: str = "/v1/photos") -> Any:
    return client.post(path, files={"photo": ("photo.jpg", data, kind)})


def test_an_uploaded_photo_is_kept_under_its_digest(client: TestClient, store: Store) -> None:
    answer = sent(client, picture((120, 90), "green"))
    assert answer.status_code == 201
    kept = answer.json()
    assert (kept["width_px"], kept["height_px"]) == (120, 90)
    assert store.read(Area.PHOTOS, kept["source"].removeprefix("sha256:")) == picture((120, 90), "green")
    assert sent(client, picture((120, 90), "green"), None).json() == kept


@pytest.mark.parametrize("path", ["/v1/photos", "/v1/search/photo"])
@pytest.mark.parametrize(
    ("data", "kind", "status", "reason"),
    [
        (b"", "image/jpeg", 422, "empty"),
        (b"just a text, no photo at all", "image/jpeg", 415, "not_an_image"),
        (b"%PDF-1.7 and so on and so on", "application/octet-stream", 415, "unsupported_format"),
        (picture()[:200], "image/jpeg", 422, "truncated"),
        (picture((4, 4)), "image/jpeg", 422, "too_small"),
        (bomb(), "image/png", 422, "decompression_bomb"),
        (picture(), "text/plain", 415, "wrong_content_type"),
    ],
)
def test_what_is_no_usable_photo_is_refused_with_its_reason(
    client: TestClient, data: bytes, kind: str, status: int, reason: str, path: str, network: Any
) -> None:
    answer = sent(client, data, kind, path)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_photo_too_large_is_refused_by_its_stated_length(client: TestClient) -> None:
    answer = sent(client, b"\xff\xd8\xff" + bytes(65 * 2**20))
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("content", "kind"), [(picture(), "image/jpeg"), (b"{}", "application/json"), (b"photo=1", None)]
)
def test_a_photo_comes_in_a_form(client: TestClient, content: bytes, kind: str | None) -> None:
    answer = client.post("/v1/photos", content=content, headers={"content-type": kind} if kind else {})
    assert (answer.status_code, answer.json()["reason"]) == (415, "wrong_content_type")
    assert "multipart/form-data" in answer.json()["detail"]


FIELD = "photo (body): the file goes into the field 'photo', as curl -F photo=@FILE sends it"


@pytest.mark.parametrize("path", ["/v1/photos", "/v1/search/photo"])
@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"file": ("a.jpg", b"...")}, f"{FIELD}; what came instead is in 'file'."),
        ({"photo": (None, "a.jpg")}, f"{FIELD}."),
    ],
)
def test_a_form_without_a_photo_says_where_it_goes(client: TestClient, path: str, files: Any, says: str) -> None:
    answer = client.post(path, files=files)
    assert (answer.status_code, answer.json()["detail"]) == (422, says)


def photo_of(client: TestClient, listing_id: int) -> dict[str, Any]:
    return dict(client.get(f"/v1/listings/{listing_id}").json()["photos"][0])


def test_a_thumbnail_is_made_once_and_kept(client: TestClient, store: Store, shop: Any, ids: dict[str, int]) -> None:
    photo = photo_of(client, ids["red"])
    answer = client.get(photo["thumbnail"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert Image.open(io.BytesIO(answer.content)).size == (192, 256)
    digest = shop.content("shop/red/0").sha256.hex()
    assert store.read(Area.THUMBNAILS, f"{digest}-256.webp") == answer.content
    large = client.get(f"/v1/photos/{photo['id']}/thumbnail?size=512")
    assert Image.open(io.BytesIO(large.content)).size == (300, 400)  # as large as the photo is, and no larger


def test_caches_may_keep_a_thumbnail_whose_address_names_its_content(client: TestClient, ids: dict[str, int]) -> None:
    photo = photo_of(client, ids["red"])
    answer = client.get(photo["thumbnail"])
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert client.get(f"/v1/photos/{photo['id']}/thumbnail").headers["cache-control"] == "private, no-cache"
    again = client.get(photo["thumbnail"], headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/photos/999999/thumbnail", 404),
        ("/v1/photos/99999999999999999999/thumbnail", 422),
        ("/v1/photos/1/thumbnail?size=300", 422),
    ],
)
def test_a_thumbnail_that_cannot_be_given_is_a_problem(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_photo_without_stored_bytes_has_no_thumbnail(client: TestClient, store: Store, ids: dict[str, int]) -> None:
    for external_id in ("pink", "bare"):
        answer = client.get(f"/v1/photos/{photo_of(client, ids[external_id])['id']}/thumbnail")
        assert (answer.status_code, answer.json()["title"]) == (404, "No stored photo")
        assert "cache-control" not in answer.headers


def test_a_copy_that_a_worker_kept_will_do(client: TestClient, store: Store, shop: Any, ids: dict[str, int]) -> None:
    digest = shop.content("shop/blue/0").sha256.hex()
    with pytest.raises(NotInStore):
        store.read(Area.PHOTOS, digest)
    store.write(Area.COPIES, digest, picture((256, 300)))
    answer = client.get(f"/v1/photos/{photo_of(client, ids['blue'])['id']}/thumbnail?size=512")
    assert Image.open(io.BytesIO(answer.content)).size == (256, 300)


def test_the_thumbnail_follows_the_content(client: TestClient, store: Store, shop: Any, ids: dict[str, int]) -> None:
    photo = photo_of(client, ids["shirt"])
    other = shop.content("shop/red/0").sha256
    with transaction(shop.engine) as connection:
        connection.exec_driver_sql(
            "UPDATE modiste.photo SET content_id = (SELECT id FROM modiste.content WHERE sha256 = %s) WHERE id = %s",
            (other, photo["id"]),
        )
    answer = client.get(photo["thumbnail"])  # an address of before: served, but not to be kept
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-cache")
