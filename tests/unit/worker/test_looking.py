"""One shard's photos with hosts, readers and an engine that do as they are told."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import numpy as np
import pytest

from db.batches import ContentRef
from db.enrichments import Outcome
from db.shards import Lease, WorkPhoto
from db.states import Lane, Reason
from vision.prediction import Prediction
from worker import looking
from worker.looking import LET_GO_S, WORTH_WAITING_S, Interrupted, Looks, Patience
from worker.photos.errors import HostBusy
from worker.preparation import Prepared, Read
from worker.readers import Readers

SEEN = Prediction(
    categories=("Dress",), category_scores=(1.0,), abstained=False, attributes=(), attribute_scores=(),
    embedding=np.ones(1, np.float32),
)  # fmt: skip


class Shop:
    """Stands for hosts and store: `stall` holds a photo, `in line` makes it wait, `put off` defers it."""

    pace = 0.1

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.prepared: list[int] = []
        self.go_on = threading.Event()

    def read(self, photo: WorkPhoto, _: int, *, urgent: bool) -> Read | Outcome:
        assert not urgent
        self.asked.append(photo.source)
        if photo.source == "gone":
            return Outcome(photo_id=photo.id, reason=Reason.GONE)
        if photo.source == "put off":
            return Outcome(photo_id=photo.id, retry_in_s=1.0, attempt=False)
        if photo.source.startswith("in line") and not self.go_on.is_set():
            raise HostBusy("busy")
        if photo.source.startswith("stall"):
            self.go_on.wait(20)
        content = ContentRef(sha256=photo.source.encode().ljust(32), size_bytes=1)
        return Read(
            photo_id=photo.id, content=content, data=b"large" if photo.source == "large" else b"x", validator=""
        )

    def is_busy(self, _: str, *, urgent: bool) -> bool:
        return not self.go_on.is_set()

    def pace_s(self, _: str) -> float:
        return self.pace

    def prepare(self, read: Read, _: object) -> Prepared:
        if read.data == b"large":
            self.go_on.wait(20)
        self.prepared.append(read.photo_id)
        return Prepared(
            photo_id=read.photo_id, content=read.content, pixels=np.empty((1, 1, 3), np.uint8), validator=read.validator
        )


class Engine:
    """Answers when it may."""

    def __init__(self) -> None:
        self.held: list[Future[Prediction]] = []
        self.answers = True

    def submit(self, *_: object) -> "Future[Prediction]":
        future: Future[Prediction] = Future()
        self.held.append(future)
        if self.answers:
            future.set_result(SEEN)
        return future


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def readers(shop: Shop) -> Iterator[Readers]:
    readers = Readers(4, hosts=shop)
    yield readers
    shop.go_on.set()
    readers.close()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Patience:
    monkeypatch.setattr(looking, "LOOK_UP_S", 0.02)
    monkeypatch.setattr(looking, "LINGER_S", 0.2)
    return Patience(stopping=threading.Event(), lost=threading.Event(), drain_s=60.0)


Look = Callable[..., Iterator[Outcome]]


@pytest.fixture
def look(shop: Shop, engine: Engine, readers: Readers, patience: Patience) -> Look:
    def begin(*sources: str) -> Iterator[Outcome]:
        photos = [
            WorkPhoto(id=number, source=source, sha256=None, attempts=0, recognised=False)
            for number, source in enumerate(sources)
        ]
        lease = Lease(shard_id=1, token=1, import_id=1, model_version_id=1, lane=Lane.BULK, attempt=1, photos=photos)
        looks = Looks(lease, readers=readers, preparation=shop, inference=engine, rule=None)  # type: ignore[arg-type]
        return looks.outcomes(patience)

    return begin


def kinds(outcomes: Iterator[Outcome]) -> dict[int, str]:
    return {
        each.photo_id: "seen"
        if each.seen
        else "recognised"
        if each.recognised
        else f"later, {'tried' if each.attempt else 'not tried'}"
        if each.retry_in_s is not None
        else str(each.reason)
        for each in outcomes
    }


def test_every_photo_has_an_outcome_and_twins_are_looked_at_once(look: Look, shop: Shop) -> None:
    assert kinds(look("a", "gone", "b", "a", "gone")) == {
        0: "seen", 1: "gone", 2: "seen", 3: "recognised", 4: "gone",
    }  # fmt: skip
    assert sorted(shop.asked) == ["a", "b", "gone"]


def test_photos_that_stall_are_let_go_when_the_others_are_done_and_lose_no_attempt(look: Look, shop: Shop) -> None:
    outcomes = list(look("stall 1", "a", "gone", "stall 2", "stall 1"))
    assert kinds(iter(outcomes)) == {
        0: "later, not tried", 1: "seen", 2: "gone", 3: "later, not tried", 4: "later, not tried",
    }  # fmt: skip
    assert {each.retry_in_s for each in outcomes if each.photo_id in (0, 3, 4)} == {LET_GO_S}
    shop.go_on.set()


@pytest.mark.parametrize("others", [(), ("put off",)])
def test_photos_that_stall_are_waited_for_where_nothing_else_can_be_written(
    look: Look, shop: Shop, others: tuple[str, ...]
) -> None:
    outcomes = look("stall 1", "stall 2", *others)
    first: list[Outcome] = []
    waiting = threading.Thread(target=lambda: first.extend(outcomes))
    waiting.start()
    waiting.join(0.5)  # more than twice as long as one lingers
    assert waiting.is_alive()
    shop.go_on.set()
    waiting.join(5)
    assert [bool(each.seen) for each in first] == [True, True, *(False for _ in others)]


def test_photos_that_no_thread_has_begun_with_are_not_let_go(look: Look, shop: Shop) -> None:
    outcomes = look("a", *(f"stall {n}" for n in range(4)), "b")
    found: list[Outcome] = []
    waiting = threading.Thread(target=lambda: found.extend(outcomes))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    shop.go_on.set()
    waiting.join(5)
    assert kinds(iter(found)) == dict.fromkeys(range(6), "seen")


def test_photos_in_line_at_a_host_are_waited_for_until_the_line_gets_too_long(look: Look, shop: Shop) -> None:
    outcomes = look("a", "in line 1", "stall", "in line 2")
    found: list[Outcome] = []
    waiting = threading.Thread(target=lambda: found.extend(outcomes))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    shop.pace = WORTH_WAITING_S
    waiting.join(5)
    assert kinds(iter(found)) == {0: "seen"} | dict.fromkeys((1, 2, 3), "later, not tried")


def test_photos_that_take_long_to_decode_are_not_let_go(look: Look, shop: Shop) -> None:
    outcomes = look("a", "large")
    found: list[Outcome] = []
    waiting = threading.Thread(target=lambda: found.extend(outcomes))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    shop.go_on.set()
    waiting.join(5)
    assert kinds(iter(found)) == {0: "seen", 1: "seen"}


def test_photos_that_wait_for_the_engine_are_not_let_go(look: Look, shop: Shop, engine: Engine) -> None:
    engine.answers = False
    outcomes = look("gone", "a", "b")
    found: list[Outcome] = []
    waiting = threading.Thread(target=lambda: found.extend(outcomes))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    for future in engine.held:
        future.set_result(SEEN)
    waiting.join(5)
    assert kinds(iter(found)) == {0: "gone", 1: "seen", 2: "seen"}


def test_what_was_let_go_is_not_decoded_when_it_comes_after_all(look: Look, shop: Shop, readers: Readers) -> None:
    list(look("stall", "a"))
    shop.go_on.set()
    readers.close()
    assert shop.prepared == [1]


def test_a_lost_lease_interrupts(look: Look, patience: Patience) -> None:
    patience._lost.set()
    with pytest.raises(Interrupted):
        list(look("stall", "a"))
