"""Enriching end to end, against the engine alone and against the loop that one would write in an afternoon.

    python -m benchmarks.enrich --photos FOLDER_OR_ZIP [--model FOLDER | --backbone resnet50] [--photos-used 160]

Three things are timed in turn, several rounds of them, so that a machine whose speed drifts treats them alike:
  engine       the worker's engine on decoded photos in memory, in its own batches
  plain loop   Pillow, torch in eager mode, batches of 32, one INSERT a photo, one commit a batch
  end to end   `modiste import` of the photos, into the embedded stack, by a worker that is already running
Ratios are taken within a round, medians over the rounds.
"""

import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg2
import torch
from numpy.typing import NDArray
from PIL import Image

from broker import dispatch, living_workers
from cli.opening import Stack, open_stack
from cli.settings import Settings
from cli.watching import follow
from trainer.export import save_model
from trainer.quantize import quantize
from vision.artifact import load_artifact
from vision.labels import AttributeGroup, LabelSpace
from vision.manifest import Calibration, Manifest
from vision.network import MultitaskNetwork, Normalised, load_network
from vision.plan import NetworkPlan
from vision.predictor import EngineChoice, Predictor
from vision.preprocess import PixelRule, Resize
from worker.feed import open_feed
from worker.photos import open_photos
from worker.planning import Order, plan_import

LOOP_BATCH = 32
IMAGENET_MEAN, IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


@dataclass(frozen=True, kw_only=True)
class Round:
    """Photos a second of one round."""

    engine: float
    end_to_end: float
    loop: float


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="modiste-bench-") as work:
        photos = copy_photos(options.photos, Path(work) / "photos", options.photos_used)
        model = options.model or make_model(options.backbone, Path(work) / "model", photos)
        results = {
            engine: measure(model, photos, engine, options.rounds, Path(work) / engine) for engine in options.engines
        }
    report(model.name if options.model else options.backbone, len(photos), results, as_json=options.json)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder or zip of photos")
    parser.add_argument("--photos-used", type=int, default=160, help="how many of them")
    parser.add_argument("--model", type=Path, help="a model folder; default: an untrained network")
    parser.add_argument("--backbone", default="resnet50", help="of the untrained network")
    parser.add_argument("--engines", nargs="+", default=["onnx", "onnx-int8"], choices=["onnx", "onnx-int8", "torch"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def copy_photos(source: Path, folder: Path, count: int) -> list[Path]:
    """The first photos of a folder or zip as files."""
    folder.mkdir()
    photos = open_photos(source)
    for file in itertools.islice(photos.images(), count):
        (folder / Path(file.name).name).write_bytes(photos.read(file))
    return sorted(folder.iterdir())


def make_model(backbone: str, folder: Path, photos: list[Path]) -> Path:
    """An untrained multitask network with the label space of a real one: as slow as a trained one, and as large."""
    labels = LabelSpace(
        categories=tuple(f"category {n}" for n in range(50)),
        groups=(AttributeGroup(name="colour", values=tuple(f"colour {n}" for n in range(18)), exclusive=True),),
    )
    plan = NetworkPlan(backbone=backbone)
    manifest = Manifest(
        version=f"{backbone}-untrained", parent=None, plan=plan, labels=labels, calibration=Calibration(), metrics={},
        pixels=PixelRule(size_px=224, resize=Resize.PAD_WHITE, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        sources=(), licences={},
    )  # fmt: skip
    torch.manual_seed(0)
    network = MultitaskNetwork(plan, categories=len(labels.categories), attributes=len(labels.attributes))
    save_model(network, manifest, folder)
    predictor = Predictor.open(folder, engine="onnx")
    quantize(folder, [predictor.decode(photo.read_bytes()) for photo in photos[:64]])
    return folder


def measure(model: Path, photos: list[Path], engine: EngineChoice, rounds: int, home: Path) -> list[Round]:
    predictor = Predictor.open(model, engine=engine)
    pixels = np.stack([predictor.decode(photo.read_bytes()) for photo in photos])
    network = Normalised(load_network(load_artifact(model)), predictor.rule).eval()
    taken: list[Round] = []
    with working_stack(model, engine, home) as stack, psycopg2.connect(stack.psql_url) as connection:
        run_engine(predictor, pixels[:32])
        for number in range(rounds):
            taken.append(
                Round(
                    engine=rate(len(photos), lambda: run_engine(predictor, pixels)),
                    end_to_end=run_import(stack, photos, number),
                    loop=rate(len(photos), lambda: run_loop(network, predictor.rule.size_px, photos, connection)),
                )
            )
            print(f"{engine} round {number + 1}: {taken[-1]}", file=sys.stderr)
    return taken


def rate(count: int, work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def run_engine(predictor: Predictor, pixels: NDArray[np.uint8]) -> None:
    for start in range(0, len(pixels), predictor.batch_size):
        predictor.predict(pixels[start : start + predictor.batch_size])


def run_loop(network: Normalised, side: int, photos: list[Path], connection: "psycopg2.extensions.connection") -> None:
    """What one writes first."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS loop (name text, category int, vec halfvec)")
        for batch in batches(photos):
            images = [Image.open(photo).convert("RGB").resize((side, side)) for photo in batch]
            with torch.inference_mode():
                outputs = network(torch.from_numpy(np.stack([np.asarray(image) for image in images])))
            for photo, logits, vector in zip(batch, outputs[0], outputs[2], strict=True):
                cursor.execute(
                    "INSERT INTO loop VALUES (%s, %s, %s)", (photo.name, int(logits.argmax()), str(vector.tolist()))
                )
            connection.commit()


def batches(photos: list[Path]) -> Iterator[list[Path]]:
    return (photos[start : start + LOOP_BATCH] for start in range(0, len(photos), LOOP_BATCH))


@contextmanager
def working_stack(model: Path, engine: str, home: Path) -> Iterator[Stack]:
    """An embedded stack of its own with one worker that is ready."""
    settings = Settings(modiste_home=home, modiste_model=model, database_url=None, broker_url=None)
    with open_stack(settings) as stack:
        worker = subprocess.Popen(
            [sys.executable, "-m", "cli", "worker", "--engine", engine],
            env={**os.environ, **stack.environment()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not living_workers(stack.app):
            assert worker.poll() is None, "the worker did not start"
        yield stack
        worker.terminate()
        worker.wait()


def run_import(stack: Stack, photos: list[Path], number: int) -> float:
    """Imports copies with contents of their own, so that nothing is known from the round before."""
    folder = stack.settings.home / f"round-{number}"
    folder.mkdir()
    for photo in photos:
        (folder / photo.name).write_bytes(photo.read_bytes() + bytes([number]))
    with open_feed(folder) as feed:
        order = Order(catalogue=f"round {number}", feed_name="photos", feed=feed, photos=open_photos(folder))
        import_id = plan_import(stack.engine, stack.store, order, on_batch=lambda *_: dispatch(stack.engine, stack.app))
    status = follow(stack.engine, import_id)
    assert status.photos_inferred == len(photos), status
    shutil.rmtree(folder)
    return len(photos) / status.running_s


def report(name: str, count: int, results: dict[str, list[Round]], *, as_json: bool) -> None:
    rows = {
        engine: {
            "engine photos/s": statistics.median(r.engine for r in rounds),
            "plain loop photos/s": statistics.median(r.loop for r in rounds),
            "end to end photos/s": statistics.median(r.end_to_end for r in rounds),
            "end to end ÷ engine": statistics.median(r.end_to_end / r.engine for r in rounds),
            "end to end ÷ plain loop": statistics.median(r.end_to_end / r.loop for r in rounds),
        }
        for engine, rounds in results.items()
    }
    if as_json:
        print(json.dumps({"model": name, "photos": count, "results": rows}, indent=2))
        return
    print(f"{name}, {count} photos, medians")
    for engine, figures in rows.items():
        print(f"  {engine:10}" + "  ".join(f"{label} {value:.2f}" for label, value in figures.items()))


if __name__ == "__main__":
    main()
