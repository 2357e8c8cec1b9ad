"""Everything that is found in the sources of a run, before the run: what would be refused, what would be learned
badly, and the counts to judge it by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.dataset import Dataset, build_dataset, check_trainable, encode
from trainer.errors import SourceError
from trainer.inspection.counts import (
    Balance,
    SourceCount,
    UnknownWord,
    balances,
    source_counts,
    unknown_words,
)
from trainer.inspection.photos import Advance, PhotoFindings, look_at_photos
from trainer.mapping import Taxonomy
from trainer.sources import Fault, Faults, Source
from trainer.vocabulary import taxonomy_of
from vision.preprocess import PixelRule

NAMED = 10  # names in one warning


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was found. faults: lines that are wrong, at most `KEPT` of fault_count. refused: why a run would not
    start, besides them. warnings: what it would do badly."""

    sources: tuple[SourceCount, ...]
    balances: tuple[Balance, ...]
    unknown: tuple[UnknownWord, ...]
    photos: PhotoFindings
    faults: tuple[Fault, ...]
    fault_count: int
    refused: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether a run would start."""
        return not self.fault_count and not self.refused


def inspect(
    data: Dataset, faults: Faults, refused: Sequence[str], rule: PixelRule | None, advance: Advance
) -> Inspection:
    """Looks at labels and photos; at pixels, where there is a rule to decode them by."""
    photos = look_at_photos(data, rule, advance)
    found, unknown = balances(data), unknown_words(data)
    return Inspection(
        sources=source_counts(data),
        balances=found,
        unknown=unknown,
        photos=photos,
        faults=faults.found,
        fault_count=len(faults),
        refused=tuple(refused),
        warnings=tuple(_warnings(data, found, unknown, photos)),
    )


def dataset_of(sources: Sequence[Source], taxonomy: Taxonomy | None) -> tuple[Dataset, list[str]]:
    """The rows that could be read, and why a run would refuse them. Without a taxonomy, the sources' own words are
    it."""
    taxonomy = taxonomy or taxonomy_of(sources)
    try:
        data = build_dataset(sources, taxonomy)
        check_trainable(data)
    except SourceError as fault:
        return encode(sources, taxonomy), [fault.detail]
    return data, []


def _warnings(
    data: Dataset, found: Sequence[Balance], unknown: Sequence[UnknownWord], photos: PhotoFindings
) -> list[str]:
    said = [*data.warnings, *_never_taught(found)]
    torn = _torn_products(data)
    if torn:
        said.append(f"products that stand in more than one split: {torn}.")
    if unknown:
        rows = sum(word.rows for word in unknown)
        said.append(f"labels whose word the taxonomy does not know, so unlabelled: {rows} ({len(unknown)} words).")
    if photos.unreadable:
        said.append(f"photos that cannot be used and would be left out: {len(photos.unreadable)}.")
    if photos.across:
        said.append(f"files that stand in more than one split, so that a test is no test: {len(photos.across)}.")
    return said


def _never_taught(found: Sequence[Balance]) -> list[str]:
    """Names that are measured, but never learned."""
    said = []
    for balance in found:
        names = [one.name for one in balance.classes if one.test and not (one.train or one.among)]
        if names:
            more = " …" if len(names) > NAMED else ""
            said.append(f"{balance.label} in test without a train photo: {', '.join(names[:NAMED])}{more}.")
    return said


def _torn_products(data: Dataset) -> int:
    products = data.targets.products
    pairs = {pair for pair in zip(products.tolist(), data.splits.tolist(), strict=True) if pair[0] >= 0}
    return int((np.unique([product for product, _ in pairs], return_counts=True)[1] > 1).sum())
