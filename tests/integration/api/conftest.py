"""A small shop behind the HTTP API, in-process: a few listings with known vectors, and their photos in a store."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from api.app import make_app
from api.settings import ApiSettings
from store import Area, Store
from tests.integration.db.conftest import Shop, migrated_database, open_shop
from vision.prediction import Prediction
from vision.preprocess import Box, cropped, open_photo


@dataclass
class Place:
    """Where an API of these tests finds its servers."""

    broker_url: str

    def settings(self, shop: Shop, store: Store, **given: Any) -> ApiSettings:
        return ApiSettings(
            database_url=shop.engine.url.render_as_string(hide_password=False),
            broker_url=self.broker_url,
            store_url=store.where,
            cache=Path(store.where, "cache"),
            **given,
        )


@pytest.fixture(scope="module")
def place(servers: Any) -> Place:
    return Place(broker_url=servers.broker_url)


def picture(size: tuple[int, int] = (300, 400), colour: str = "red", kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.open(str(tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="module")
def shop(servers: Any, template: str, store: Store) -> Iterator[Shop]:
    """Six enriched listings, one that is not, one in another catalogue. The photo of "red" is in the store."""
    with migrated_database(servers, template) as engine:
        shop = open_shop(engine)
        shop.stock(
            shop.item(
                "red", [1.0, 0.1, 0.0], [1.0, 0.0, 0.0], title="Red dress", brand="Acme", gender="Women", colour="Red",
                price=Decimal("999.99"), currency="INR", seller="acme", attributes={"colour:Red": 0.9},
                metadata={"season": "Summer", "made in": "Portugal"},
            ),
            shop.item("pink", [1.0, 0.2, 0.0], gender="Women", colour="Pink", attributes={"colour:Red": 0.6}),
            shop.item("blue", [0.1, 1.0, 0.0], gender="Women", colour="Blue", metadata={"season": "Fall"}),
            shop.item("shirt", [0.9, 0.3, 0.0], gender="Men", colour="Red", categories={"Shirt": 0.5}),
            shop.item("sold", [1.0, 0.0, 0.1], gender="Women", available=False),
            shop.item("a/b c?d", [0.0, 0.0, 1.0], title="Slashes in its id"),
        )  # fmt: skip
        bare = shop.photo("bare", "https://user:hidden@img.example/bare.jpg?w=2&X-Amz-Signature=hidden")
        shop.write(shop.begin(), listings=[shop.item("bare").data], photos=[bare])
        shop.stock(shop.item("elsewhere", [1.0, 0.1, 0.1]), catalogue="other")
        # Photos of their own, however alike their vectors are.
        shop.rows("UPDATE modiste.content SET fingerprint = decode(repeat(md5(id::text), 3), 'hex')")
        store.write(Area.PHOTOS, shop.content("shop/red/0").sha256.hex(), picture())
        yield shop


@pytest.fixture(scope="module")
def ids(shop: Shop) -> dict[str, int]:
    """The ids of the listings, by external id."""
    return {row["external_id"]: row["id"] for row in shop.rows("SELECT external_id, id FROM modiste.listing")}


@pytest.fixture(scope="module")
def client(shop: Shop, store: Store, place: Place) -> Iterator[TestClient]:
    with TestClient(make_app(place.settings(shop, store)), raise_server_exceptions=False) as made:
        yield made


# What a photo looks like to each version: to "v1" like the listing "red", to "v2" like whatever v2 has there.
AXES = {"v1": [1.0, 0.0, 0.0], "v2": [1.0, 0.0, 0.0]}


class FakeNetwork:
    """Decodes a photo as the worker would, and says the same of every one. `meanwhile` runs once, while it looks."""

    meanwhile: Callable[[], None] | None = None

    def open(self, folder: Path, **_: Any) -> "FakeVersion":
        return FakeVersion(self, folder.name)


@dataclass
class FakeVersion:
    network: FakeNetwork
    version: str

    def decode(self, data: bytes, box: Box | None = None) -> Any:
        photo = open_photo(data)
        return np.asarray((cropped(photo, box) if box else photo).resize((8, 8)))

    def predict(self, pixels: Any) -> list[Prediction]:
        assert pixels.shape == (1, 8, 8, 3)
        meanwhile, self.network.meanwhile = self.network.meanwhile, None
        if meanwhile:
            meanwhile()
        return [
            Prediction(
                categories=("Dress", "Shirt"),
                category_scores=(0.75, 0.25),
                abstained=False,
                attributes=("colour:Red",),
                attribute_scores=(0.5,),
                embedding=np.asarray(AXES[self.version], dtype=np.float32),
            )
        ]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    """In place of ONNX Runtime, for every version."""
    fake = FakeNetwork()
    monkeypatch.setattr("vision.predictor.Predictor.open", fake.open)
    monkeypatch.setattr(Store, "fetch_folder", lambda _store, _area, name, _cache: Path(name))
    return fake
