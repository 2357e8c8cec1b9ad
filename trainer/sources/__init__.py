"""Labelled photos from files: tables of any shop, and DeepFashion's two benchmarks.

What a word means stands in `trainer.mapping`, what is learned from it in `trainer.dataset`.
"""

from trainer.sources.faults import Fault, Faults
from trainer.sources.opening import open_source, read_source
from trainer.sources.spec import ROLES, SEPARATOR, Box, Kind, Row, Source, SourceSpec, Split

__all__ = [
    "ROLES",
    "SEPARATOR",
    "Box",
    "Fault",
    "Faults",
    "Kind",
    "Row",
    "Source",
    "SourceSpec",
    "Split",
    "open_source",
    "read_source",
]
