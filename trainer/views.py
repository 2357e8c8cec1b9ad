"""What the learning part of a network is fed: views of photos, kept where the frozen part ends, or drawn anew.

Kept: a photo's views (as it is, mirrored, augmented, recoloured) go through the frozen sections once, and what comes
out stays in files, float16, for every later epoch and run. Augmentation then means choosing among the views. A cache
belongs to one state of the frozen weights, one preprocessing and one way of augmenting; in it a photo is known by its
content. Live: every epoch decodes and augments anew, in worker processes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from trainer.augment import draw, recolour
from trainer.dataset import Dataset
from trainer.draws import Draw
from trainer.frozen import frozen_part
from trainer.stages import Stage
from vision.network import Halfway, MultitaskNetwork
from vision.preprocess import PhotoError, PixelRule

BATCH_SIZE = 32
DECODERS = 2
RECOLOURED_VIEWS = 2
UNREADABLE = (KeyError, OSError, BadZipFile, PhotoError)
Bools = NDArray[np.bool_]
Pixels = NDArray[np.uint8]
Advance = Callable[[int, int], None]  # (photos done, of how many)
Inputs = Halfway | Tensor  # at the cut, or (n, S, S, 3) uint8


Item = tuple[int, int, bool, bool]  # row, seed, recoloured, plain


class Feed(Protocol):
    """Where batches come from. `usable` (N,): photos that could be read, as far as is known; `faults`: what was not."""

    usable: Bools
    faults: tuple[str, ...]

    def batches(self, draws: Sequence[Draw]) -> Iterator[tuple[Inputs, Bools]]:
        """Inputs of each draw, and which of its photos could be read."""


class KeptFeed:
    """Views at the cut, mapped from files."""

    def __init__(self, stores: dict[str, ViewStore], contents: Sequence[str], shape: Shape, faults: tuple[str, ...]):
        self._views = [name for name in stores if not name.startswith("recoloured")]
        self._recoloured = [name for name in stores if name.startswith("recoloured")]
        self._rows = {name: store.rows() for name, store in stores.items()}
        self._places = {
            name: np.array([store.places.get(content, -1) for content in contents]) for name, store in stores.items()
        }
        self._shape = shape
        self.usable: Bools = np.all([places >= 0 for places in self._places.values()], axis=0)
        self.faults = faults

    def batches(self, draws: Sequence[Draw]) -> Iterator[tuple[Inputs, Bools]]:
        """Gathered from the files; all photos were readable when they were kept."""
        for drawn in draws:
            yield self._shape.apart(self._gathered(drawn)), np.ones(len(drawn.rows), np.bool_)

    def _gathered(self, drawn: Draw) -> Tensor:
        found = np.empty((len(drawn.rows), self._shape.width), np.float16)
        for place, (row, seed, other) in enumerate(zip(drawn.rows, drawn.seeds, drawn.recoloured, strict=True)):
            names = self._recoloured if other else self._views[:1] if drawn.plain else self._views
            name = names[seed % len(names)]
            found[place] = self._rows[name][self._places[name][row]]
        return torch.from_numpy(found)


class LiveFeed:
    """Photos decoded and augmented anew in worker processes; one that cannot be read is white and teaches nothing."""

    def __init__(self, data: Dataset, rule: PixelRule, stage: Stage, *, workers: int, pin: bool) -> None:
        self._plan: list[list[Item]] = []
        self._loader = DataLoader(
            _Photos(data, rule, stage),
            batch_sampler=self._plan,  # filled anew for each pass, so that the workers live as long as the feed
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=pin,
            collate_fn=_collate,
            prefetch_factor=4 if workers else None,
            multiprocessing_context="forkserver" if workers else None,
        )
        self.usable: Bools = np.ones(len(data), np.bool_)
        self.faults: tuple[str, ...] = ()

    def batches(self, draws: Sequence[Draw]) -> Iterator[tuple[Inputs, Bools]]:
        """In order. Photos that could not be read are remembered."""
        self._plan[:] = [
            list(zip(drawn.rows, drawn.seeds, drawn.recoloured, [drawn.plain] * len(drawn.rows), strict=True))
            for drawn in draws
        ]
        for drawn, (pixels, faults) in zip(draws, self._loader, strict=True):
            good = np.array([fault is None for fault in faults], np.bool_)
            self._remember(drawn, good, faults)
            yield pixels, good

    def _remember(self, drawn: Draw, good: Bools, faults: Sequence[str | None]) -> None:
        new = [fault for row, fault in zip(drawn.rows, faults, strict=True) if fault and self.usable[row]]
        self.usable[drawn.rows[~good]] = False
        self.faults += tuple(dict.fromkeys(new))


class _Photos(TorchDataset[tuple[Pixels, str | None]]):
    """Photos as they were drawn, and what was wrong with those that cannot be read."""

    def __init__(self, data: Dataset, rule: PixelRule, stage: Stage) -> None:
        # Workers get a copy: without the labels, which are most of it.
        self._data = replace(data, targets=data.targets.take(np.empty(0, np.int64)))
        self._rule, self._augmentation = rule, stage.augmentation

    def __getitem__(self, item: Item) -> tuple[Pixels, str | None]:
        row, seed, other, plain = item
        try:
            pixels = self._data.pixels(int(row), self._rule)
        except UNREADABLE as fault:
            side = self._rule.size_px
            return np.full((side, side, 3), 255, np.uint8), f"{self._data.where(int(row))}: {fault_of(fault)}"
        if plain:
            return pixels, None
        return draw(recolour(pixels, int(seed)) if other else pixels, self._augmentation, int(seed)), None


def _collate(items: Sequence[tuple[Pixels, str | None]]) -> tuple[Tensor, list[str | None]]:
    return torch.from_numpy(np.stack([pixels for pixels, _ in items])), [fault for _, fault in items]


def fault_of(fault: BaseException) -> str:
    """What was wrong with a photo, in a few words."""
    if isinstance(fault, PhotoError):
        return f"{fault.fault} ({fault.detail})"
    return f"missing or unreadable ({type(fault).__name__})"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a cut lies in one row of a file: the map's (C, h, w) or (F,), the taps, the colours."""

    map: tuple[int, ...]
    taps: int
    colours: int

    @property
    def width(self) -> int:
        """Numbers a row."""
        return int(np.prod(self.map)) + self.taps + self.colours

    def apart(self, rows: Tensor) -> Halfway:
        """(n, width) to the cut it was."""
        size = int(np.prod(self.map))
        levels, taps, colours = torch.split(rows, [size, self.taps, self.colours], dim=1)
        return Halfway(levels.reshape(-1, *self.map), taps, colours)


def kept_feed(
    network: MultitaskNetwork,
    rule: PixelRule,
    data: Dataset,
    stage: Stage,
    cut: int,
    folder: Path,
    *,
    advance: Advance = lambda _a, _b: None,
    device: torch.device | None = None,
) -> KeptFeed:
    """Runs what the folder does not hold yet up to before section `cut`, and feeds from it."""
    place = folder / cache_key(network, rule, cut)
    shape = _shape(network, rule, cut)
    stores = {name: ViewStore(place, file, shape.width) for name, file in _view_files(stage).items()}
    contents, faults = _contents(data)
    missing = {
        content: row
        for row, content in enumerate(contents)
        if content and any(content not in store.places for store in stores.values())
    }
    entries = tuple(missing.items())
    run = frozen_part(network, rule, cut, device or torch.device("cpu"), photos=len(entries) * len(stores))
    for start in range(0, len(entries), BATCH_SIZE):
        decoded = _decoded(data, rule, entries[start : start + BATCH_SIZE], faults)
        for name, store in stores.items():
            new = [(content, pixels) for content, pixels in decoded if content not in store.places]
            if new:
                views = np.stack([view_of(name, pixels, content, stage) for content, pixels in new])
                store.append([content for content, _ in new], run(views))
        advance(min(start + BATCH_SIZE, len(entries)), len(entries))
    return KeptFeed(stores, contents, shape, tuple(faults[row] for row in sorted(faults)))


def view_of(name: str, pixels: Pixels, content: str, stage: Stage) -> Pixels:
    """The named view of a photo, (S, S, 3) uint8; its chance depends on the photo's content and the view's number."""
    if name == "plain":
        return pixels
    if name == "mirrored":
        return pixels[:, ::-1].copy()
    seed = int.from_bytes(hashlib.sha256(f"{content}/{name}".encode()).digest()[:4], "big") // 2
    if name.startswith("augmented"):
        return draw(pixels, stage.augmentation, seed)
    changed = recolour(pixels, seed)
    return changed[:, ::-1].copy() if name.endswith("1") else changed


def _view_files(stage: Stage) -> dict[str, str]:
    """View to file name; augmented ones belong to their way of augmenting."""
    how = hashlib.sha256(repr(stage.augmentation).encode()).hexdigest()[:8]
    names = ["plain", "mirrored", *(f"augmented-{number}" for number in range(stage.views - 2))][: stage.views]
    names += [f"recoloured-{number}" for number in range(RECOLOURED_VIEWS)] if stage.recolour else []
    return {name: f"{name}-{how}" if name.startswith("augmented") else name for name in names}


def cache_key(network: MultitaskNetwork, rule: PixelRule, cut: int) -> str:
    """Content of everything that a kept view depends on besides the photo and the view."""
    digest = hashlib.sha256(repr((network.plan.backbone, network.plan.taps, network.plan.palette, rule, cut)).encode())
    released = {id(value) for part in network.backbone.parts(cut) for value in part.state_dict(keep_vars=True).values()}
    for name, value in network.backbone.state_dict(keep_vars=True).items():
        if id(value) not in released:
            digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


class ViewStore:
    """Two files that only grow: raw float16 rows, and one line per row with its photo's SHA-256.

    Rows are written before their names, so after a crash the longer file is cut to the shorter.
    """

    def __init__(self, folder: Path, name: str, width: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._rows, self._names = folder / f"{name}.f16", folder / f"{name}.txt"
        self._width = width
        self._rows.touch()
        self._names.touch()
        names = self._names.read_text().split()
        count = min(len(names), self._rows.stat().st_size // (2 * width))
        if count < len(names) or self._rows.stat().st_size != count * 2 * width:  # whole files may be mapped by others
            self._names.write_text("".join(name + "\n" for name in names[:count]))
            with self._rows.open("r+b") as file:
                file.truncate(count * 2 * width)
        self.places = {name: place for place, name in enumerate(names[:count])}

    def append(self, contents: list[str], rows: NDArray[np.float16]) -> None:
        """rows (n, width) of the photos with these SHA-256."""
        with self._rows.open("ab") as file:
            file.write(rows.tobytes())
        with self._names.open("a") as names:
            names.writelines(content + "\n" for content in contents)
        for content in contents:
            self.places[content] = len(self.places)

    def rows(self) -> NDArray[np.float16]:
        """All rows, (M, width), mapped from the file."""
        if not self.places:
            return np.zeros((1, self._width), dtype=np.float16)
        return np.memmap(self._rows, dtype=np.float16, mode="r", shape=(len(self.places), self._width))


def _contents(data: Dataset) -> tuple[list[str], dict[int, str]]:
    """SHA-256 of every row's photo with its box ("" where it cannot be read), and what was wrong by row."""
    contents, faults = [], {}
    for row, (_, entry) in enumerate(data.rows):
        try:
            digest = hashlib.sha256(data.read(row))
        except UNREADABLE as fault:
            contents.append("")
            faults[row] = f"{data.where(row)}: {fault_of(fault)}"
            continue
        digest.update(b"" if entry.box is None else repr(entry.box).encode())
        contents.append(digest.hexdigest())
    return contents, faults


def _decoded(
    data: Dataset, rule: PixelRule, batch: Sequence[tuple[str, int]], faults: dict[int, str]
) -> list[tuple[str, Pixels]]:
    def one(entry: tuple[str, int]) -> Pixels | Exception:
        try:
            return data.pixels(entry[1], rule)
        except UNREADABLE as fault:
            return fault

    with ThreadPoolExecutor(DECODERS) as pool:
        found = list(pool.map(one, batch))
    faults |= {
        row: f"{data.where(row)}: {fault_of(fault)}"
        for (_, row), fault in zip(batch, found, strict=True)
        if isinstance(fault, Exception)
    }
    return [
        (content, pixels)
        for (content, _), pixels in zip(batch, found, strict=True)
        if not isinstance(pixels, Exception)
    ]


def _shape(network: MultitaskNetwork, rule: PixelRule, cut: int) -> Shape:
    with torch.inference_mode():
        device = next(network.parameters()).device
        at = network.eval().halfway(torch.zeros(1, 3, rule.size_px, rule.size_px, device=device), cut)
    return Shape(map=tuple(at.map.shape[1:]), taps=at.taps.shape[1], colours=at.colours.shape[1])
