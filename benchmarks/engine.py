"""The engine alone, on photos that are decoded already: photos a second by batch size, on a GPU where there is one.

    python -m benchmarks.engine [--model FOLDER] [--engines torch onnx onnx-int8] [--batches 1 16 256] [--photos 4096]

What a worker does with a batch is timed, copies to and from the GPU included, and where the engine works beside its
caller the next batch is begun before the last is read; the batch sizes in turn, several rounds of them, medians. On
noise: how fast a network runs does not depend on what it sees. Names the device, for the table.
"""

import argparse
import itertools
import json
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision.artifact import load_artifact
from vision.engines import Engine, OverlappingEngine
from vision.predictor import open_engine

SHIPPED = Path("models/lite0-staged-5")
WARM_UP = 3


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Photos a second of an engine at a batch size: median of rounds, and the slowest and quickest of them."""

    engine: str
    batch: int
    photos_s: float
    lowest: float
    highest: float


def main() -> None:
    options = parse()
    artifact = load_artifact(options.model)
    side = artifact.manifest.pixels.size_px
    pixels = np.random.default_rng(0).integers(0, 256, (max(options.batches), side, side, 3), dtype=np.uint8)
    found: list[Speed] = []
    for choice in options.engines:
        engine = open_engine(artifact, choice, options.threads)
        found += speeds(engine, pixels, options.batches, photos=options.photos, rounds=options.rounds)
        engine.close()
    report(artifact.manifest.version, found, as_json=options.json)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--engines", nargs="+", default=["torch"], choices=["onnx", "onnx-int8", "torch"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 16, 64, 256])
    parser.add_argument("--photos", type=int, default=4096, help="of a round, at each batch size")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of an engine on CPU; default: the engine's own choice")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def speeds(
    engine: Engine, pixels: NDArray[np.uint8], batches: Sequence[int], *, photos: int, rounds: int
) -> list[Speed]:
    """Of one engine; pixels: as many photos as the largest batch."""
    taken: dict[int, list[float]] = {batch: [] for batch in batches}
    for batch in batches:
        for _ in range(WARM_UP):
            engine.run(pixels[:batch])
    for _ in range(rounds):
        for batch, rates in taken.items():
            rates.append(rate(engine, pixels[:batch], max(1, photos // batch)))
    return [
        Speed(
            engine=engine.name,
            batch=batch,
            photos_s=statistics.median(rates),
            lowest=min(rates),
            highest=max(rates),
        )
        for batch, rates in taken.items()
    ]


def rate(engine: Engine, pixels: NDArray[np.uint8], times: int) -> float:
    """Photos a second, the outputs of the last on the CPU."""
    began = time.perf_counter()
    if isinstance(engine, OverlappingEngine):
        run_overlapping(engine, pixels, times)
    else:
        for _ in range(times):
            engine.run(pixels)
    return times * len(pixels) / (time.perf_counter() - began)


def run_overlapping(engine: OverlappingEngine, pixels: NDArray[np.uint8], times: int) -> None:
    """As `worker.inference` does: a batch is waited for when the next is on its way."""
    starts = range(0, len(pixels), engine.batch_size)
    last = None
    for start in itertools.chain.from_iterable(itertools.repeat(starts, times)):
        outputs = engine.begin(pixels[start : start + engine.batch_size])
        if last is not None:
            last()
        last = outputs
    if last is not None:
        last()


def report(version: str, found: list[Speed], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"model": version, "device": device(), "speeds": [asdict(one) for one in found]}))
        return
    print(f"{version} on {device()}")
    for one in found:
        print(
            f"{one.engine:22} batch {one.batch:4} {one.photos_s:9.1f} photos/s ({one.lowest:.1f} to {one.highest:.1f})"
        )


def device() -> str:
    """The GPU's name, where torch was loaded and finds one; else the processor's."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
