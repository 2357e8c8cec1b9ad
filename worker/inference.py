"""The one engine of a process, kept busy: photos of all shards in flight meet here and leave in full batches."""

import itertools
import logging
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from db.states import Lane
from vision.prediction import Prediction

logger = logging.getLogger(__name__)

FILL_WAIT_S = 0.02
STOP = 99


class Network(Protocol):
    """What is needed of `vision.predictor.Predictor`."""

    @property
    def batch_size(self) -> int: ...

    def predict(self, pixels: NDArray[np.uint8]) -> Sequence[Prediction]: ...

    def close(self) -> None: ...


@dataclass(order=True, slots=True)
class _Waiting:
    priority: int
    place: int
    pixels: NDArray[np.uint8] = field(compare=False)
    future: "Future[Prediction]" = field(compare=False)


class Inference:
    """Runs a network in a thread of its own. Interactive photos go first into the next batch.

    `submit` blocks while its lane has `capacity` photos waiting, so that whoever reads photos cannot run ahead of the
    network; each lane has its own places, so that a bulk import never holds up an interactive photo.
    """

    def __init__(self, network: Network, *, capacity: int | None = None) -> None:
        self._network = network
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
        while batch := self._next_batch():
            live = [item for item in batch if item.future.set_running_or_notify_cancel()]
            if live:
                self._answer(live)

    def _next_batch(self) -> list[_Waiting]:
        """A full batch, or what came within a moment; empty when it is time to stop."""
        first = self._waiting.get()
        if first.priority == STOP:
            return []
        batch, deadline = [first], time.monotonic() + FILL_WAIT_S
        while len(batch) < self._network.batch_size:
            try:
                item = self._waiting.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if item.priority == STOP:
                self._waiting.put(item)
                break
            batch.append(item)
        return batch

    def _answer(self, batch: list[_Waiting]) -> None:
        try:
            predictions = self._network.predict(np.stack([item.pixels for item in batch]))
        except Exception as error:  # noqa: BLE001 - whatever an engine raises belongs to the photos' shards, not to this thread
            if len(batch) > 1:
                logger.warning("a batch of %d photos failed (%s), trying it in halves", len(batch), error)
                middle = len(batch) // 2
                self._answer(batch[:middle])
                self._answer(batch[middle:])
            else:
                batch[0].future.set_exception(error)
            return
        for item, prediction in zip(batch, predictions, strict=True):
            item.future.set_result(prediction)
