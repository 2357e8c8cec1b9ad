"""The engine of captured graphs, on a pretended GPU: what it asks of a real one is `vision.engines.cuda.Cuda`'s."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks import engine as benchmark
from vision.artifact import load_artifact
from vision.engines import OverlappingEngine, RawOutputs
from vision.engines import torch as module
from vision.engines.cuda import CudaEngine
from vision.engines.torch import TorchEngine, open_torch
from vision.errors import EngineError
from vision.network import Normalised, load_network
from vision.predictor import Predictor

SIZES = (1, 4, 8)


class Later:
    """A stream and an event: what is sent is done at once."""

    def wait_stream(self, other: Later) -> None: ...

    def record(self) -> None: ...

    def synchronize(self) -> None: ...


class PretendedGpu:
    """A CPU that is asked as a GPU is. Its first `no_memory` captures fail, the largest; `idle`: graphs do nothing."""

    device = torch.device("cpu")

    def __init__(self, *, no_memory: int = 0, idle: bool = False) -> None:
        self.no_memory, self.idle = no_memory, idle
        self.replays = 0

    def stream(self) -> Later:
        return Later()

    def on(self, stream: Later) -> AbstractContextManager[Any]:
        return nullcontext()

    def event(self) -> Later:
        return Later()

    def pinned(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        return torch.full(tuple(shape), 77, dtype=dtype)

    def half_precision(self, dtype: torch.dtype) -> AbstractContextManager[Any]:
        return nullcontext()

    def captured(self, step: Callable[[], None], stream: Later) -> Callable[[], None]:
        if self.no_memory:
            self.no_memory -= 1
            raise torch.OutOfMemoryError("CUDA out of memory.")

        def replay() -> None:
            self.replays += 1
            if not self.idle:
                step()

        return replay

    def let_go(self) -> None: ...


def engine_of(model: Path, gpu: PretendedGpu) -> CudaEngine:
    artifact = load_artifact(model)
    network = Normalised(load_network(artifact), artifact.manifest.pixels).eval()
    return CudaEngine(
        network, side_px=64, widths=artifact.outputs, dtype=torch.bfloat16, gpu=gpu, sizes=SIZES
    )  # fmt: skip


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


def assert_alike(found: RawOutputs, expected: RawOutputs) -> None:
    for name in ("category_logits", "attribute_logits", "embedding"):
        assert np.allclose(getattr(found, name), getattr(expected, name), atol=1e-4), name


@pytest.mark.parametrize("count", [1, 2, 4, 7, 8, 19])
def test_batches_of_any_size_answer_as_the_network_itself(tiny_model: Path, count: int) -> None:
    engine = engine_of(tiny_model, PretendedGpu())
    engine.run(noise(8))  # so that what an earlier batch left is there to be mistaken for this one's
    assert_alike(engine.run(noise(count)), TorchEngine(load_artifact(tiny_model), device="cpu").run(noise(count)))


def test_two_batches_under_way_keep_their_own_outputs(tiny_model: Path) -> None:
    engine = engine_of(tiny_model, PretendedGpu())
    plain = TorchEngine(load_artifact(tiny_model), device="cpu")
    one, other = engine.begin(noise(8)), engine.begin(noise(3))
    assert_alike(one(), plain.run(noise(8)))
    third = engine.begin(noise(5))
    assert_alike(other(), plain.run(noise(3)))
    assert_alike(third(), plain.run(noise(5)))


def test_what_was_answered_is_not_written_over_by_later_batches(tiny_model: Path) -> None:
    engine = engine_of(tiny_model, PretendedGpu())
    kept = engine.begin(noise(4))()
    before = kept.embedding.copy()
    for _ in range(3):
        engine.run(noise(8))
    assert (kept.embedding == before).all()


def test_a_batch_runs_in_the_smallest_graph_it_fits_into(tiny_model: Path) -> None:
    engine = engine_of(tiny_model, PretendedGpu())
    assert engine.batch_size == 8
    widest = {size: graph.outputs.shape[0] for size, graph in engine._graphs.items()}
    assert widest == {1: 1, 4: 4, 8: 8}
    engine._graphs = {size: graph for size, graph in engine._graphs.items() if size != 8}
    assert len(engine.run(noise(3)).embedding) == 3
    with pytest.raises(ValueError, match="empty"):
        engine.begin(noise(5))


def test_batches_are_as_large_as_there_is_memory_for(tiny_model: Path) -> None:
    assert engine_of(tiny_model, PretendedGpu(no_memory=1)).batch_size == 4
    assert len(engine_of(tiny_model, PretendedGpu(no_memory=2)).run(noise(3)).embedding) == 3
    with pytest.raises(EngineError, match="no memory for a batch of 1"):
        engine_of(tiny_model, PretendedGpu(no_memory=3))


def test_a_graph_that_answers_otherwise_than_its_network_is_refused(tiny_model: Path) -> None:
    with pytest.raises(EngineError, match="otherwise than its network"):
        engine_of(tiny_model, PretendedGpu(idle=True))


def test_a_predictor_overlaps_where_its_engine_does(tiny_model: Path) -> None:
    engine = engine_of(tiny_model, PretendedGpu())
    assert isinstance(engine, OverlappingEngine)
    overlapping = Predictor(load_artifact(tiny_model), engine)
    plain = Predictor.open(tiny_model, engine="torch", threads=1)
    assert (overlapping.overlaps, plain.overlaps) == (True, False)
    begun = overlapping.begin(noise(3))
    assert [said.categories for said in begun()] == [said.categories for said in plain.predict(noise(3))]
    overlapping.close()


@pytest.mark.parametrize("fault", [RuntimeError("operation not permitted when stream is capturing"), EngineError("x")])
def test_a_model_that_cannot_be_captured_runs_eagerly_and_the_log_says_why(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    def refuse(*_: object, **__: object) -> CudaEngine:
        raise fault

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(module, "_half", lambda: torch.bfloat16)
    monkeypatch.setattr(module, "Cuda", PretendedGpu)
    monkeypatch.setattr(module, "CudaEngine", refuse)
    monkeypatch.setattr(module, "TorchEngine", lambda artifact, threads: "eager")
    assert open_torch(load_artifact(tiny_model)) == "eager"
    assert str(fault) in caplog.text


def test_the_benchmark_keeps_two_batches_under_way(tiny_model: Path) -> None:
    gpu = PretendedGpu()
    engine = engine_of(tiny_model, gpu)
    before = gpu.replays
    speeds = benchmark.speeds(engine, noise(11), [8, 11], photos=22, rounds=2)
    assert [speed.batch for speed in speeds] == [8, 11]
    warm_up = benchmark.WARM_UP * (1 + 2)  # of 11 photos 8 and 3
    assert gpu.replays - before == warm_up + 2 * (2 * 1 + 2 * 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is at hand")
def test_on_a_real_gpu_graphs_answer_as_the_network_run_eagerly(tiny_model: Path) -> None:
    predictor = Predictor.open(tiny_model, engine="torch")
    assert predictor.overlaps
    eager = TorchEngine(load_artifact(tiny_model), device="cuda")
    for count in (1, 5, 200, 300):
        captured, expected = predictor._engine.run(noise(count)), eager.run(noise(count))
        cosine = (captured.embedding * expected.embedding).sum(1)
        assert cosine.min() > 0.99
