"""The one engine of a process, kept busy: photos of all shards in flight meet here and leave in full batches."""

import itertools
import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from db.states import Lane
from metrics.enriching import BATCH_FILL, INFER
from vision.prediction import Prediction

logger = logging.getLogger(__name__)

FILL_WAIT_S = 0.02
# For so long batches stay small after larger ones failed: whoever took the memory may have given it back by then.
SMALLER_FOR_S = 300.0
STOP = 99
_NO_MEMORY = ("out of memory", "alloc_failed", "bad_alloc", "bad allocation", "failed to allocate")


class EngineFails(Exception):
    """The engine cannot run now, whatever the photos: no photo is to be suspected of it."""


class EngineBroken(EngineFails):
    """It will not run again in this process, as after an illegal access on a GPU, where every later call fails too.

    It ran before, so what it was given last is as much a suspect as if the process had died of it.
    """


class Network(Protocol):
    """What is needed of `vision.predictor.Predictor`."""

    @property
    def batch_size(self) -> int: ...

    def predict(self, pixels: NDArray[np.uint8]) -> Sequence[Prediction]: ...

    def close(self) -> None: ...


# Starts on a batch, (N, S, S, 3) uint8; what is answered waits for its predictions. Two may be under way.
Begin = Callable[[NDArray[np.uint8]], Callable[[], Sequence[Prediction]]]


@dataclass(order=True, slots=True)
class _Waiting:
    priority: int
    place: int
    pixels: NDArray[np.uint8] = field(compare=False)
    future: "Future[Prediction]" = field(compare=False)


class Inference:
    """Runs a network in a thread of its own. Interactive photos go first into the next batch.

    `submit` blocks while its lane has `capacity` photos waiting, so that whoever reads photos cannot run ahead of the
    network; each lane has its own places, so that a bulk import never holds up an interactive photo. `begin` is given
    where the network works beside its caller: then the next batch is gathered and begun while one is under way.
    `on_broken` is called once, from that thread, when the engine is broken for good.
    """

    def __init__(
        self,
        network: Network,
        *,
        begin: Begin | None = None,
        capacity: int | None = None,
        on_broken: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._network = network
        self._begin_on = begin
        self._on_broken = on_broken
        self._is_broken = False
        self._room = _Room(network.batch_size)
        self._places = {lane: threading.Semaphore(capacity or 6 * network.batch_size) for lane in Lane}
        self._priorities = {lane: priority for priority, lane in enumerate(Lane)}
        self._waiting: queue.PriorityQueue[_Waiting] = queue.PriorityQueue()
        self._counter = itertools.count()
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    def submit(self, pixels: NDArray[np.uint8], lane: Lane) -> "Future[Prediction]":
        """(S, S, 3) uint8 in; the future holds the prediction or the engine's error."""
        places = self._places[lane]
        places.acquire()
        future: Future[Prediction] = Future()
        future.add_done_callback(lambda _: places.release())
        self._waiting.put(_Waiting(self._priorities[lane], next(self._counter), pixels, future))
        return future

    def close(self) -> None:
        """Ends the thread after what waits is done, and gives the engine back."""
        self._waiting.put(_Waiting(STOP, next(self._counter), np.empty(0, np.uint8), Future()))
        self._thread.join()
        self._network.close()

    def _run(self) -> None:
        finish_last: Callable[[], None] = _nothing
        while True:
            if self._waiting.empty():  # there is nothing to do beside it
                finish_last()
                finish_last = _nothing
            batch = self._next_batch()
            if not batch:
                break
            live = [item for item in batch if item.future.set_running_or_notify_cancel()]
            finish = self._begin(live) if live else _nothing
            finish_last()
            finish_last = finish
        finish_last()

    def _next_batch(self) -> list[_Waiting]:
        """A full batch, or what came within a moment; empty when it is time to stop."""
        first = self._waiting.get()
        if first.priority == STOP:
            return []
        batch, deadline = [first], time.monotonic() + FILL_WAIT_S
        while len(batch) < self._room.photos():
            try:
                item = self._waiting.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if item.priority == STOP:
                self._waiting.put(item)
                break
            batch.append(item)
        return batch

    def _begin(self, batch: list[_Waiting]) -> Callable[[], None]:
        """Starts on a batch; what is answered sees it through. Where the network has no `begin` all is done here."""
        if self._begin_on is None:
            self._serve(batch)
            return _nothing
        if self._is_broken:
            return partial(self._serve, batch)
        began = time.perf_counter()
        try:
            predictions = self._begin_on(_pixels(batch))
        except Exception as error:  # noqa: BLE001 - it may be the batch before that failed: in its turn this one is tried again
            traceback.clear_frames(error.__traceback__)
            return partial(self._serve, batch)
        return partial(self._finish, batch, predictions, time.perf_counter() - began)

    def _finish(self, batch: list[_Waiting], predictions: Callable[[], Sequence[Prediction]], spent_s: float) -> None:
        """Every future of a batch that was begun gets its prediction; where that fails it is served from the start."""
        began = time.perf_counter()
        try:
            answers = list(zip(batch, predictions(), strict=True))
        except Exception as error:  # noqa: BLE001 - as above
            traceback.clear_frames(error.__traceback__)
            self._serve(batch)
            return
        INFER.observe(spent_s + time.perf_counter() - began)
        self._hand_out(answers)

    def _serve(self, batch: list[_Waiting]) -> None:
        """Every future of the batch gets its prediction or an error."""
        try:
            if self._is_broken:
                raise EngineFails("the engine broke before these photos came")
            self._answer(batch, engine_works=False)
        except EngineFails as error:
            logger.error("%s", error)
            for item in batch:
                if not item.future.done():
                    item.future.set_exception(error)
            if isinstance(error, EngineBroken):
                self._is_broken = True
                self._on_broken(str(error))

    def _answer(self, batch: list[_Waiting], *, engine_works: bool) -> bool:
        """Whether all photos got predictions; one that breaks the engine gets its error alone. Raises EngineFails."""
        if len(batch) <= self._room.photos():
            error = self._try(batch)
            if error is None:
                return True
            alone, no_memory = len(batch) == 1, is_out_of_memory(error)
            if alone and no_memory:
                raise EngineFails(f"there is no memory for even one photo: {error}") from error
            if not no_memory and not engine_works:
                self._require_engine(batch[0].pixels, error)
                engine_works = True
            if alone:
                batch[0].future.set_exception(error)
                return False
        middle = -(-len(batch) // 2)
        halves = [self._answer(half, engine_works=engine_works) for half in (batch[:middle], batch[middle:])]
        if all(halves):  # so it was not the photos: there were too many of them
            self._room.shrink_to(middle)
        return all(halves)

    def _try(self, batch: list[_Waiting]) -> Exception | None:
        try:
            with INFER.time():
                answers = list(zip(batch, self._network.predict(_pixels(batch)), strict=True))
        except Exception as error:  # noqa: BLE001 - whatever an engine raises belongs to the photos' shards, not to this thread
            traceback.clear_frames(error.__traceback__)  # what they hold is the memory that the next try needs
            return error
        self._hand_out(answers)
        return None

    def _hand_out(self, answers: list[tuple[_Waiting, Prediction]]) -> None:
        BATCH_FILL.observe(len(answers) / self._network.batch_size)
        for item, prediction in answers:
            item.future.set_result(prediction)

    def _require_engine(self, like: NDArray[np.uint8], error: Exception) -> None:
        """An engine that fails on a blank photo too fails on all: no call more is spent on finding one at fault."""
        try:
            self._network.predict(np.zeros_like(like)[np.newaxis])
        except Exception as again:
            raise EngineBroken(f"the engine fails on a blank photo too: {error}") from again


def _pixels(batch: list[_Waiting]) -> NDArray[np.uint8]:
    return np.stack([item.pixels for item in batch])


def _nothing() -> None:
    """There is no batch under way."""


class _Room:
    """How many photos the engine takes at once: the network's batch, or for a while what went through lately."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._photos = most
        self._until = 0.0

    def photos(self) -> int:
        if self._photos < self._most and time.monotonic() > self._until:
            self._photos = self._most
        return self._photos

    def shrink_to(self, photos: int) -> None:
        if photos < self.photos():
            self._photos, self._until = photos, time.monotonic() + SMALLER_FOR_S
            logger.warning("batches of more than %d photos fail; for %.0f s they are no larger", photos, SMALLER_FOR_S)


def is_out_of_memory(error: Exception) -> bool:
    """By the words of torch, CUDA's libraries and ONNX Runtime: a worker on CPU runs without torch and its classes."""
    says = str(error).lower()
    return isinstance(error, MemoryError) or any(words in says for words in _NO_MEMORY)
