import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import wait

import numpy as np
import pytest
from numpy.typing import NDArray

from db.states import Lane
from vision.prediction import Prediction
from worker.inference import SMALLER_FOR_S, EngineBroken, EngineFails, Inference


class Activations:
    """What a call holds while it runs, and its traceback after it failed."""


class Recorder:
    """A network that answers with the first pixel of each photo, and can be held, and can fail.

    `batches` went through, `calls` were made. `most_at_once` is what its memory holds beside what a failed call left.
    """

    batch_size = 4

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.calls = 0
        self.may_run = threading.Event()
        self.may_run.set()
        self.running = threading.Event()
        self.most_at_once = 99
        self.no_memory: Exception = RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        self.left_over: list[weakref.ref[Activations]] = []
        self.poison: set[int] = set()
        self.broken = False
        self.breaks_on_blank = False
        self.answers_at_most = 99

    def predict(self, pixels: NDArray[np.uint8]) -> list[Prediction]:
        self.running.set()
        self.may_run.wait(5)
        self.calls += 1
        firsts = [int(photo.flat[0]) for photo in pixels]
        activations = Activations()
        if len(firsts) > self.most_at_once or any(held() is not None for held in self.left_over):
            self.left_over.append(weakref.ref(activations))
            raise self.no_memory
        if self.broken or self.poison & set(firsts) or (self.breaks_on_blank and not any(firsts) and self.batches):
            raise RuntimeError("an illegal memory access was encountered")
        self.batches.append(firsts)
        return [answer(first) for first in firsts][: self.answers_at_most]

    def close(self) -> None:
        self.batches.append([])


class Overlapping(Recorder):
    """Begins a batch at once, and fails or answers when it is waited for. `went`: what was begun and what answered."""

    def __init__(self) -> None:
        super().__init__()
        self.went: list[tuple[str, list[int]]] = []
        self.under_way = 0
        self.fails_to_begin: set[int] = set()

    def begin(self, pixels: NDArray[np.uint8]) -> Callable[[], list[Prediction]]:
        assert self.under_way < 2
        firsts = [int(photo.flat[0]) for photo in pixels]
        self.went.append(("begun", firsts))
        if self.fails_to_begin & set(firsts):
            raise RuntimeError("an illegal memory access was encountered")
        self.under_way += 1

        def answers() -> list[Prediction]:
            try:
                return self.predict(pixels)
            finally:
                self.under_way -= 1
                self.went.append(("waited for", firsts))

        return answers


def answer(first: int) -> Prediction:
    return Prediction(
        categories=(str(first),),
        category_scores=(1.0,),
        abstained=False,
        attributes=(),
        attribute_scores=(),
        embedding=np.ones(1, np.float32),
    )


def photo(value: int) -> NDArray[np.uint8]:
    return np.full((2, 2, 3), value, np.uint8)


@pytest.fixture
def network() -> Recorder:
    return Recorder()


@pytest.fixture
def inference(network: Recorder) -> Iterator[Inference]:
    made = Inference(network)
    yield made
    network.may_run.set()
    made.close()


def hold(network: Recorder, inference: Inference) -> None:
    """Leaves the engine busy with photo 0."""
    network.may_run.clear()
    network.running.clear()
    inference.submit(photo(0), Lane.BULK)
    assert network.running.wait(5)


def test_every_photo_gets_its_own_answer(inference: Inference) -> None:
    futures = [inference.submit(photo(value), Lane.BULK) for value in range(20)]
    assert [future.result(5).categories for future in futures] == [(str(value),) for value in range(20)]


def test_waiting_photos_leave_in_full_batches(network: Recorder, inference: Inference) -> None:
    hold(network, inference)
    futures = [inference.submit(photo(value), Lane.BULK) for value in range(1, 9)]
    network.may_run.set()
    [future.result(5) for future in futures]
    assert network.batches[1:] == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_interactive_photos_go_first_into_the_next_batch(network: Recorder, inference: Inference) -> None:
    hold(network, inference)
    futures = [inference.submit(photo(value), Lane.BULK) for value in range(1, 6)]
    futures.append(inference.submit(photo(9), Lane.INTERACTIVE))
    network.may_run.set()
    [future.result(5) for future in futures]
    assert network.batches[1] == [9, 1, 2, 3]


def test_a_lane_that_is_full_waits_and_does_not_hold_up_another(network: Recorder) -> None:
    inference = Inference(network, capacity=2)
    hold(network, inference)
    inference.submit(photo(1), Lane.BULK)
    blocked = threading.Thread(target=inference.submit, args=(photo(2), Lane.BULK), daemon=True)
    blocked.start()
    blocked.join(0.2)
    assert blocked.is_alive()
    interactive = inference.submit(photo(3), Lane.INTERACTIVE)
    network.may_run.set()
    assert interactive.result(5).categories == ("3",)
    blocked.join(5)
    assert not blocked.is_alive()
    inference.close()


@pytest.mark.parametrize(
    "no_memory",
    [
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : bad allocation"),
        RuntimeError("BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 1"),
        MemoryError(),
    ],
)
def test_a_batch_too_large_for_the_memory_goes_through_in_halves(
    network: Recorder, inference: Inference, no_memory: Exception
) -> None:
    hold(network, inference)
    network.most_at_once, network.no_memory = 2, no_memory
    futures = [inference.submit(photo(value), Lane.BULK) for value in range(1, 5)]
    network.may_run.set()
    assert [future.result(5).categories for future in futures] == [("1",), ("2",), ("3",), ("4",)]


def test_batches_stay_small_after_a_larger_one_failed_and_are_tried_large_again_later(
    network: Recorder, inference: Inference, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hold(network, inference)
    network.most_at_once = 2
    futures = [inference.submit(photo(value), Lane.BULK) for value in range(1, 13)]
    network.may_run.set()
    wait(futures, 5)
    assert [len(batch) for batch in network.batches[1:]] == [2] * 6
    assert network.calls == 1 + 1 + 6
    assert caplog.text.count("batches of more than 2 photos fail") == 1
    network.most_at_once = 99
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + SMALLER_FOR_S)
    hold(network, inference)
    futures = [inference.submit(photo(value), Lane.BULK) for value in range(1, 5)]
    network.may_run.set()
    wait(futures, 5)
    assert network.batches[-1] == [1, 2, 3, 4]


def test_where_not_even_one_photo_fits_the_whole_batch_fails_soon_and_no_photo_is_blamed(
    network: Recorder, inference: Inference
) -> None:
    hold(network, inference)
    network.most_at_once = 0
    futures = [inference.submit(photo(value), Lane.BULK) for value in range(1, 5)]
    network.may_run.set()
    for future in futures:
        assert isinstance(future.exception(5), EngineFails)
    assert network.calls == 1 + 3  # the first, and 4, 2 and 1 photos


def test_a_photo_that_breaks_the_engine_fails_alone(network: Recorder, inference: Inference) -> None:
    hold(network, inference)
    network.poison = {3}
    futures = [inference.submit(photo(value), Lane.BULK) for value in range(1, 5)]
    network.may_run.set()
    with pytest.raises(RuntimeError, match="illegal memory access"):
        futures[2].result(5)
    assert [futures[place].result(5).categories for place in (0, 1, 3)] == [("1",), ("2",), ("4",)]
    assert network.calls == 1 + 6  # the first; all four, a blank photo, the first two, the last two, and each of these
    later = [inference.submit(photo(value), Lane.BULK) for value in range(5, 9)]
    wait(later, 5)
    assert max(map(len, network.batches[-4:])) > 1  # what one photo did says nothing of how many fit


def test_an_engine_that_fails_on_any_photo_is_called_twice_and_never_again(
    network: Recorder, inference: Inference
) -> None:
    hold(network, inference)
    futures = [inference.submit(photo(value), Lane.BULK) for value in range(1, 9)]
    network.broken = True
    network.may_run.set()
    for future in futures:
        with pytest.raises(EngineFails, match="the engine broke before"):
            future.result(5)
    assert network.calls == 2  # the photo that was held, and a blank one


def test_whoever_asks_is_told_once_that_the_engine_is_broken_and_not_that_memory_is_short(network: Recorder) -> None:
    told: list[str] = []
    inference = Inference(network, on_broken=told.append)
    network.most_at_once = 0
    assert not isinstance(inference.submit(photo(1), Lane.BULK).exception(5), EngineBroken)
    network.most_at_once, network.broken = 99, True
    network.left_over.clear()
    assert isinstance(inference.submit(photo(2), Lane.BULK).exception(5), EngineBroken)
    later = inference.submit(photo(3), Lane.BULK).exception(5)
    assert isinstance(later, EngineFails)
    assert not isinstance(later, EngineBroken)  # what comes after it broke is no suspect
    inference.close()
    assert told == ["the engine fails on a blank photo too: an illegal memory access was encountered"]


def test_closing_answers_what_waits_and_then_gives_the_network_back(network: Recorder) -> None:
    inference = Inference(network)
    hold(network, inference)
    future = inference.submit(photo(7), Lane.BULK)
    network.may_run.set()
    inference.close()
    assert future.result(0).categories == ("7",)
    assert network.batches[-1] == []


@pytest.mark.parametrize("overlaps", [False, True])
def test_a_network_that_answers_too_little_fails_its_photos_and_goes_on(overlaps: bool) -> None:
    network = Overlapping()
    inference = Inference(network, begin=network.begin if overlaps else None)
    network.answers_at_most = 0
    with pytest.raises(ValueError, match="shorter"):
        inference.submit(photo(1), Lane.BULK).result(5)
    network.answers_at_most = 99
    assert inference.submit(photo(2), Lane.BULK).result(5).categories == ("2",)
    inference.close()
    assert network.batches[-1] == []


@pytest.fixture
def overlapping() -> Iterator[tuple[Overlapping, Inference]]:
    network = Overlapping()
    made = Inference(network, begin=network.begin)
    yield network, made
    network.may_run.set()
    made.close()


def test_the_next_batch_is_begun_while_one_is_under_way(overlapping: tuple[Overlapping, Inference]) -> None:
    network, inference = overlapping
    hold(network, inference)
    futures = [inference.submit(photo(value), Lane.BULK) for value in range(1, 9)]
    network.may_run.set()
    assert [future.result(5).categories for future in futures] == [(str(value),) for value in range(1, 9)]
    one, other = [1, 2, 3, 4], [5, 6, 7, 8]
    assert network.went[2:] == [("begun", one), ("begun", other), ("waited for", one), ("waited for", other)]


def test_a_batch_that_is_alone_is_answered_without_another(overlapping: tuple[Overlapping, Inference]) -> None:
    _, inference = overlapping
    for value in range(3):
        assert inference.submit(photo(value), Lane.BULK).result(5).categories == (str(value),)


@pytest.mark.parametrize("fault", ["fails_to_begin", "poison"])
def test_a_photo_that_breaks_a_batch_under_way_fails_alone(
    overlapping: tuple[Overlapping, Inference], fault: str
) -> None:
    network, inference = overlapping
    hold(network, inference)
    network.poison = {3}
    setattr(network, fault, {3})
    futures = [inference.submit(photo(value), Lane.BULK) for value in range(1, 9)]
    network.may_run.set()
    with pytest.raises(RuntimeError, match="illegal memory access"):
        futures[2].result(5)
    innocent = [futures[place].result(5).categories for place in range(8) if place != 2]
    assert innocent == [(str(value),) for value in (1, 2, 4, 5, 6, 7, 8)]


def test_of_two_batches_under_way_when_the_engine_breaks_the_first_is_the_suspect(
    overlapping: tuple[Overlapping, Inference],
) -> None:
    network, inference = overlapping
    hold(network, inference)
    one = [inference.submit(photo(value), Lane.BULK) for value in range(1, 5)]
    other = [inference.submit(photo(value), Lane.BULK) for value in range(5, 9)]
    network.fails_to_begin = {5}  # by then what the first did to the engine shows
    network.poison = set(range(1, 9))
    network.breaks_on_blank = True
    network.may_run.set()
    assert [type(future.exception(5)) for future in one] == [EngineBroken] * 4
    assert [type(future.exception(5)) for future in other] == [EngineFails] * 4


def test_closing_answers_the_batch_under_way(overlapping: tuple[Overlapping, Inference]) -> None:
    network, inference = overlapping
    hold(network, inference)
    futures = [inference.submit(photo(value), Lane.BULK) for value in range(1, 6)]
    network.may_run.set()
    inference.close()
    assert all(future.done() for future in futures)
    assert network.batches[-1] == []
