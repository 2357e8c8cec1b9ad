"""Pooled features of a frozen network, run once and kept: the heads then train in seconds an epoch.

A cache belongs to one state of backbone weights and one preprocessing; within it a photo is known by its
content. Each photo has two views: as it is, and mirrored (a mirrored garment is the same garment).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.dataset import Dataset
from vision.network import MultitaskNetwork, Normalised
from vision.preprocess import PhotoError, PixelRule, decode

VIEWS = 2
BATCH_SIZE = 32
DECODERS = 2
Advance = Callable[[int, int], None]  # (photos done, of how many)


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """values (N, 2, F) float16: views of each row's photo; usable (N,): False where the photo could not be
    read.

    faults: what was wrong with each unusable photo, with its place.
    """

    values: NDArray[np.float16]
    usable: NDArray[np.bool_]
    faults: tuple[str, ...]


def cached_features(
    network: MultitaskNetwork, rule: PixelRule, data: Dataset, folder: Path, advance: Advance = lambda _a, _b: None
) -> Features:
    """Features of every photo of the dataset; only those that the folder does not hold are computed."""
    cache = FeatureCache(folder / cache_key(network, rule), width=network.feature_width)
    contents, faults = _contents(data)
    missing = {content: row for row, content in enumerate(contents) if content and content not in cache.places}
    done = 0
    extract = _extractor(network, rule)
    entries = tuple(missing.items())
    for start in range(0, len(entries), BATCH_SIZE):
        batch = entries[start : start + BATCH_SIZE]
        decoded = _decoded(data, rule, batch, faults)
        if decoded:
            cache.append([content for content, _ in decoded], extract(np.stack([pixels for _, pixels in decoded])))
        done += len(batch)
        advance(done, len(entries))
    places = np.array([cache.places.get(content, -1) for content in contents], dtype=np.int64)
    return Features(
        values=cache.values()[np.maximum(places, 0)],
        usable=places >= 0,
        faults=tuple(faults[row] for row in sorted(faults)),
    )


def cache_key(network: MultitaskNetwork, rule: PixelRule) -> str:
    """Content of everything the features depend on besides the photo."""
    digest = hashlib.sha256(repr((network.plan.backbone, network.plan.taps, network.plan.palette, rule)).encode())
    for name, value in network.backbone.state_dict().items():
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


class FeatureCache:
    """Two files that only grow: raw float16 rows, and one line per row with its photo's SHA-256.

    Rows are written before their names, so after a crash the longer file is cut to the shorter.
    """

    def __init__(self, folder: Path, *, width: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._rows, self._names = folder / "features.f16", folder / "photos.txt"
        self._shape = (VIEWS, width)
        self._rows.touch()
        self._names.touch()
        names = self._names.read_text().split()
        row_bytes = 2 * VIEWS * width
        count = min(len(names), self._rows.stat().st_size // row_bytes)
        self._names.write_text("".join(name + "\n" for name in names[:count]))
        with self._rows.open("r+b") as file:
            file.truncate(count * row_bytes)
        self.places = {name: place for place, name in enumerate(names[:count])}

    def append(self, contents: list[str], rows: NDArray[np.float16]) -> None:
        """rows (n, 2, F) of the photos with these SHA-256."""
        with self._rows.open("ab") as file:
            file.write(rows.tobytes())
        with self._names.open("a") as names:
            names.writelines(content + "\n" for content in contents)
        for content in contents:
            self.places[content] = len(self.places)

    def values(self) -> NDArray[np.float16]:
        """All rows, (M, 2, F), mapped from the file."""
        if not self.places:
            return np.zeros((1, *self._shape), dtype=np.float16)
        return np.memmap(self._rows, dtype=np.float16, mode="r", shape=(len(self.places), *self._shape))


def _contents(data: Dataset) -> tuple[list[str], dict[int, str]]:
    """SHA-256 of every row's photo ("" where it cannot be read), and what was wrong by row."""
    contents, faults = [], {}
    for row in range(len(data)):
        try:
            contents.append(hashlib.sha256(data.read(row)).hexdigest())
        except (KeyError, OSError, BadZipFile) as fault:
            contents.append("")
            faults[row] = f"{data.where(row)}: missing or unreadable ({type(fault).__name__})"
    return contents, faults


def _decoded(
    data: Dataset, rule: PixelRule, batch: tuple[tuple[str, int], ...], faults: dict[int, str]
) -> list[tuple[str, NDArray[np.uint8]]]:
    with ThreadPoolExecutor(DECODERS) as pool:
        pixels = list(pool.map(lambda entry: _pixels(data, rule, entry[1]), batch))
    for (_, row), outcome in zip(batch, pixels, strict=True):
        if isinstance(outcome, PhotoError):
            faults[row] = f"{data.where(row)}: {outcome.fault} ({outcome.detail})"
    return [
        (content, found) for (content, _), found in zip(batch, pixels, strict=True) if not isinstance(found, PhotoError)
    ]


def _pixels(data: Dataset, rule: PixelRule, row: int) -> NDArray[np.uint8] | PhotoError:
    try:
        return decode(data.read(row), rule)
    except PhotoError as fault:
        return fault


def _extractor(network: MultitaskNetwork, rule: PixelRule) -> Callable[[NDArray[np.uint8]], NDArray[np.float16]]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    normalised = Normalised(network, rule).eval().to(device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def extract(pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
        images = normalised.normalise(torch.from_numpy(pixels).to(device))
        views = [network.features(view) for view in (images, images.flip(3))]
        stacked: NDArray[np.float16] = torch.stack(views, 1).half().cpu().numpy()
        return stacked

    return extract


def views(features: Features, rows: NDArray[np.int64], rng: np.random.Generator) -> torch.Tensor:
    """(n, F) float32: one view of each row, drawn at random."""
    drawn = features.values[rows, rng.integers(0, VIEWS, len(rows))]
    return torch.from_numpy(drawn.astype(np.float32))


def in_batches(rows: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    """The rows in order, `size` at a time."""
    return (rows[start : start + size] for start in range(0, len(rows), size))
