"""A workshop with a network that answers at once, on a real database and store."""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import Engine, text

from broker import Delivery
from db.engine import transaction
from db.enrichments import recognise
from db.listings import ListingData
from db.models import activate_model, register_model
from db.rows import FeedRow, RowRejection
from db.shards import keep_alive, take_unsent
from db.states import Lane
from store import Store
from vision.prediction import Prediction
from vision.preprocess import PixelRule, Resize
from worker.enrich import Workshop
from worker.heartbeat import Heartbeat
from worker.inference import Inference
from worker.photos import PhotoFetcher, open_photos
from worker.photos.hosts import HostLimits, Hosts
from worker.planning import Order, plan_import
from worker.preparation import Preparation
from worker.readers import Readers

RULE = PixelRule(size_px=32, resize=Resize.SQUASH, mean=(0, 0, 0), std=(1, 1, 1))


class ColourNetwork:
    """Says which colour a photo mostly has; counts what it saw."""

    batch_size = 8

    def __init__(self) -> None:
        self.seen = 0
        self.fails = False
        self.may_run = threading.Event()
        self.may_run.set()

    def predict(self, pixels: NDArray[np.uint8]) -> list[Prediction]:
        self.may_run.wait(20)
        if self.fails:
            raise RuntimeError("the engine is broken")
        self.seen += len(pixels)
        means = pixels.mean(axis=(1, 2)) + 1
        return [
            Prediction(
                categories=(("red", "green", "blue")[int(mean.argmax())], "other"),
                category_scores=(0.9, 0.1),
                abstained=False,
                attributes=("pattern:solid",),
                attribute_scores=(0.8,),
                embedding=(mean / np.linalg.norm(mean)).astype(np.float32),
            )
            for mean in means
        ]

    def close(self) -> None: ...


@dataclass(frozen=True)
class _Manifest:
    pixels: PixelRule = RULE


class OneNetwork:
    """In place of worker.networks.Networks: the same network for every version."""

    def __init__(self, network: ColourNetwork) -> None:
        self.inference = Inference(network)

    def network_of(self, _: int) -> tuple[Inference, _Manifest]:
        return self.inference, _Manifest()

    def close(self) -> None:
        self.inference.close()


@pytest.fixture
def network() -> ColourNetwork:
    return ColourNetwork()


@pytest.fixture
def version_id(engine: Engine) -> int:
    with transaction(engine) as connection:
        made = register_model(
            connection, name="colour-1", embedding_dim=3, exclusive_groups=["pattern"], manifest={"version": "colour-1"}
        )
        activate_model(connection, "colour-1")
    return made


@pytest.fixture
def hosts() -> Hosts:
    return Hosts(HostLimits())


@pytest.fixture
def fetcher(hosts: Hosts) -> Iterator[PhotoFetcher]:
    with PhotoFetcher(allow_hosts=["127.0.0.1"], hosts=hosts) as fetcher:
        yield fetcher


@pytest.fixture
def workshop(
    engine: Engine, store: Store, network: ColourNetwork, version_id: int, hosts: Hosts, fetcher: PhotoFetcher
) -> Iterator[Workshop]:
    delivery = Delivery(lease_s=2.0)
    networks = OneNetwork(network)

    def is_known(digest: bytes, model_version_id: int) -> bool:
        with transaction(engine) as connection:
            return bool(recognise(connection, [digest], model_version_id))

    readers = {lane: Readers(4, hosts=hosts) for lane in Lane}
    heartbeat = Heartbeat(engine, delivery, keep_alive)
    yield Workshop(
        name="test",
        engine=engine,
        networks=networks,  # type: ignore[arg-type]
        preparation=Preparation(store=store, fetcher=fetcher, is_known=is_known, decoders=2),
        readers=readers,
        heartbeat=heartbeat,
        delivery=delivery,
        stopping=threading.Event(),
    )
    network.may_run.set()
    heartbeat.close()
    for pool in readers.values():
        pool.close()
    networks.close()


class Rows:
    """A feed in memory."""

    def __init__(self, *entries: FeedRow | RowRejection) -> None:
        self._entries = entries

    def rows(self) -> Iterator[FeedRow | RowRejection]:
        return iter(self._entries)


Import = Callable[..., int]


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def import_rows(engine: Engine, store: Store, photo_folder: Path, version_id: int) -> Import:
    """Plans an import of rows written as {external id: photo references}, ordered as `how` says; returns its id."""

    def run(rows: dict[str, tuple[str, ...]], **how: Any) -> int:
        entries = [
            FeedRow(line=line, listing=ListingData(external_id=external_id, title=external_id), photos=photos)
            for line, (external_id, photos) in enumerate(rows.items(), 2)
        ]
        order = Order(catalogue="shop", feed_name="test", feed=Rows(*entries), photos=open_photos(photo_folder), **how)
        return plan_import(engine, store, order)

    return run


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def make_jpeg() -> Callable[..., bytes]:
    return jpeg


@pytest.fixture
def due_shards(engine: Engine) -> Callable[[], list[int]]:
    """The shards that are due, as a message for each would name them."""

    def take() -> list[int]:
        with transaction(engine) as connection:
            return [shard_id for shard_id, _ in take_unsent(connection)]

    return take


@pytest.fixture
def one(engine: Engine) -> Callable[..., object]:
    """The single value that a statement gives."""

    def ask(statement: str, **values: object) -> object:
        with transaction(engine) as connection:
            return connection.scalar(text(statement), values)

    return ask
