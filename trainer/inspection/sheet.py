"""A contact sheet: a few photos of each category with their labels, as the network sees them, in one HTML file that
loads nothing."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray
from PIL import Image

from trainer.dataset import Dataset
from trainer.inspection.inspect import Inspection
from trainer.mapping import CATEGORY
from vision.preprocess import PhotoError, PixelRule, Resize

PER_CATEGORY = 8
WITHOUT = 24  # photos of a dataset that knows no categories
TRIES = 3  # photos looked at for each that is shown: some cannot be read
SIDE_PX = 160
QUALITY = 74
RULE = PixelRule(size_px=SIDE_PX, resize=Resize.PAD_WHITE, mean=(127.0,) * 3, std=(128.0,) * 3)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One photo. labels: what is said of it, group and values; the category, too, where it is in doubt."""

    uri: str
    where: str
    split: str
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Section:
    """Photos of one category, or of those that are labelled "one of several", or not at all."""

    name: str
    photos: int
    shown: tuple[Shown, ...]


def write_sheet(data: Dataset, inspection: Inspection, out: Path, rule: PixelRule | None = None) -> int:
    """Writes the file; returns how many photos it shows. rule: how a photo is made square."""
    sections = tuple(_sections(data, replace(rule or RULE, size_px=SIDE_PX)))
    loader = ChoiceLoader([PackageLoader("trainer.inspection"), PackageLoader("trainer.report")])
    page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page.get_template("sheet.html").render(sections=sections, found=inspection), encoding="utf-8")
    return sum(len(section.shown) for section in sections)


def _sections(data: Dataset, rule: PixelRule) -> Iterator[Section]:
    """Largest categories first; at the end the photos without one clear category."""
    said = data.targets.categories.sum(1)
    rows = [np.flatnonzero((said == 1) & column) for column in data.targets.categories.T]
    for place in sorted(range(len(rows)), key=lambda place: -len(rows[place])):
        if len(rows[place]):
            yield _section(data, rule, data.labels.categories[place], rows[place], PER_CATEGORY)
    if (said > 1).any():
        yield _section(data, rule, "One of several categories", np.flatnonzero(said > 1), WITHOUT)
    if (said == 0).any():
        yield _section(data, rule, "Without a category", np.flatnonzero(said == 0), WITHOUT)


def _section(data: Dataset, rule: PixelRule, name: str, rows: NDArray[np.int64], count: int) -> Section:
    shown: list[Shown] = []
    for row in _spread(rows, TRIES * count):
        if len(shown) == count:
            break
        shown += _shown(data, rule, int(row))
    return Section(name=name, photos=len(rows), shown=tuple(shown))


def _spread(rows: NDArray[np.int64], count: int) -> list[int]:
    """So many rows from all over the table, in an order in which any first few are so, too."""
    order = np.random.default_rng(0).permutation(len(rows))[:count]
    chosen: list[int] = rows[order].tolist()
    return chosen


def _shown(data: Dataset, rule: PixelRule, row: int) -> list[Shown]:
    """The photo; nothing where it cannot be read."""
    try:
        pixels = data.pixels(row, rule)
    except (PhotoError, KeyError, OSError):
        return []
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", quality=QUALITY)
    uri = "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
    return [Shown(uri=uri, where=data.where(row), split=str(data.splits[row]), labels=_labels(data, row))]


def _labels(data: Dataset, row: int) -> tuple[tuple[str, str], ...]:
    targets, labels = data.targets, data.labels
    allowed = [name for name, there in zip(labels.categories, targets.categories[row], strict=True) if there]
    said = [(CATEGORY, " or ".join(allowed))] if len(allowed) > 1 else []
    for group, at in labels.columns():
        values = [value for value, there in zip(group.values, targets.attributes[row, at], strict=True) if there]
        if values:
            said.append((group.name, (" or " if group.exclusive else ", ").join(values)))
    return tuple(said)
