"""A shard's photos on their way through readers and engine, and how long they wait for each other.

Photos of slow hosts are waited for a moment when the others are done; then they are let go, to be taken up in a shard
of their own, and the others are written.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from db.enrichments import Outcome, Seen
from db.shards import Lease, WorkPhoto
from db.states import Lane
from metrics.enriching import DECODE, FETCH
from vision.prediction import Prediction
from vision.preprocess import PixelRule
from worker.inference import Inference
from worker.photos.errors import HostBusy
from worker.preparation import Preparation, Prepared, Read
from worker.readers import Readers

LOOK_UP_S = 0.5
LINGER_S = 2.0
# A line at a busy host that takes no longer than this is waited in.
WORTH_WAITING_S = 30.0
# Until what was let go is taken up again.
LET_GO_S = 5.0

Result = TypeVar("Result")
Look = Outcome | tuple[Prepared, "Future[Prediction]"]


class Interrupted(Exception):
    """The process stops, or the lease was lost, before the shard was done."""


class Patience:
    """Waits for a shard's photos until they are there, the lease is lost, or a stopping worker's time is up."""

    def __init__(self, *, stopping: threading.Event, lost: threading.Event, drain_s: float) -> None:
        self._stopping = stopping
        self._lost = lost
        self._drain_s = drain_s
        self._deadline: float | None = None

    def wait_for(self, future: "Future[Result]", meanwhile: Callable[[], None] = lambda: None) -> Result:
        """The future's result or its error; `Interrupted` where it is not worth waiting for any more."""
        while True:
            try:
                return future.result(timeout=LOOK_UP_S)
            except NotYet:
                if self._lost.is_set() or self._is_over():
                    raise Interrupted from None
                meanwhile()

    def _is_over(self) -> bool:
        if not self._stopping.is_set():
            return False
        if self._deadline is None:
            self._deadline = time.monotonic() + self._drain_s
        return time.monotonic() > self._deadline


@dataclass(slots=True)
class _OnItsWay:
    """Photos that share one look.

    `at_host` from the first try to read it until its bytes, or its fault, are there; `in_line_at` a host that was busy.
    """

    photos: Sequence[WorkPhoto]
    future: "Future[Look]" = field(default_factory=Future)
    at_host: bool = False
    in_line_at: str | None = None
    dropped: bool = False

    def came_to_an_end(self) -> bool:
        """Whether there is something to be written: neither deferred nor failed."""
        if not self.future.done() or self.future.cancelled() or self.future.exception() is not None:
            return False
        found = self.future.result()
        return not isinstance(found, Outcome) or found.retry_in_s is None


class Looks:
    """The photos of one lease, all handed to the readers."""

    def __init__(
        self, lease: Lease, *, readers: Readers, preparation: Preparation, inference: Inference, rule: PixelRule
    ) -> None:
        self._lease = lease
        self._readers = readers
        self._preparation = preparation
        self._inference = inference
        self._rule = rule
        self._moved_at = time.monotonic()
        self._looks: list[_OnItsWay] = []
        for photos in alike(lease.photos):
            on_its_way = _OnItsWay(photos)
            on_its_way.future = readers.submit(partial(self._look, on_its_way))
            self._looks.append(on_its_way)

    def outcomes(self, patience: Patience) -> Iterator[Outcome]:
        """The outcome of each photo. Raises `Interrupted`, or what reading or the engine raised."""
        try:
            for each in self._looks:
                first = self._outcome_of(each, patience)
                yield first
                yield from (same_for(photo, first) for photo in each.photos[1:])
        finally:
            for each in self._looks:
                self._drop(each)

    def _look(self, each: _OnItsWay) -> Look:
        if each.dropped:
            raise Interrupted
        read = self._read(each)
        if isinstance(read, Outcome):
            return read
        if each.dropped:
            raise Interrupted
        with DECODE.time():
            prepared = self._preparation.prepare(read, self._rule)
        if isinstance(prepared, Outcome):
            return prepared
        return prepared, self._inference.submit(prepared.pixels, self._lease.lane)

    def _read(self, each: _OnItsWay) -> Read | Outcome:
        each.at_host, each.in_line_at = True, None
        began = time.perf_counter()
        try:
            urgent = self._lease.lane is Lane.INTERACTIVE
            read = self._preparation.read(each.photos[0], self._lease.model_version_id, urgent=urgent)
        except HostBusy as busy:
            each.in_line_at = busy.host
            raise
        FETCH.observe(time.perf_counter() - began)
        each.at_host = False
        return read

    def _outcome_of(self, each: _OnItsWay, patience: Patience) -> Outcome:
        try:
            found = patience.wait_for(each.future, self._let_go_of_the_slow)
        except CancelledError:
            return Outcome(photo_id=each.photos[0].id, retry_in_s=LET_GO_S, attempt=False)
        return found if isinstance(found, Outcome) else outcome(found[0], patience.wait_for(found[1]))

    def _let_go_of_the_slow(self) -> None:
        """Where slow hosts are all that has been waited for of late, while others could be written.

        A shard with nothing to write holds up nobody and waits to the end: so each is let go only finitely often.
        """
        left = [each for each in self._looks if not each.future.done()]
        if not all(map(self._is_slow, left)):
            self._moved_at = time.monotonic()
        elif time.monotonic() - self._moved_at > LINGER_S and any(each.came_to_an_end() for each in self._looks):
            for each in left:
                self._drop(each)

    def _is_slow(self, each: _OnItsWay) -> bool:
        """Asked and without an answer, or in a line that moves too slowly."""
        return each.at_host and (each.in_line_at is None or self._readers.line_s(each.in_line_at) > WORTH_WAITING_S)

    @staticmethod
    def _drop(each: _OnItsWay) -> None:
        each.dropped = True
        each.future.cancel()


def alike(photos: Sequence[WorkPhoto]) -> list[list[WorkPhoto]]:
    """Photos of the same bytes, or of the same URL, together: sellers share photos, and one look is enough.

    URLs that are asked again are alike only in name: each may give other bytes now.
    """
    groups: dict[bytes | str, list[WorkPhoto]] = {}
    for photo in photos:
        known_by = None if photo.refetch else photo.sha256
        groups.setdefault(known_by or photo.source, []).append(photo)
    return list(groups.values())


def same_for(photo: WorkPhoto, first: Outcome) -> Outcome:
    """The outcome of a photo whose twin was looked at in this shard."""
    return replace(first, photo_id=photo.id, seen=None, recognised=first.recognised or first.seen is not None)


def outcome(prepared: Prepared, prediction: Prediction) -> Outcome:
    """What the network saw, in db's words."""
    return Outcome(
        photo_id=prepared.photo_id,
        content=prepared.content,
        validator=prepared.validator,
        seen=Seen(
            categories=prediction.categories,
            category_scores=prediction.category_scores,
            abstained=prediction.abstained,
            attributes=prediction.attributes,
            attribute_scores=prediction.attribute_scores,
            embedding=prediction.embedding.tolist(),
        ),
    )
