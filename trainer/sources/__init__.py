"""Labelled photos from files: tables of any shop, and DeepFashion's two benchmarks.

What a word means stands in `trainer.mapping`, what is learned from it in `trainer.dataset`.
"""

from trainer.sources.spec import ROLES, SEPARATOR, Box, Kind, Row, Source, SourceSpec, Split
from trainer.sources.table import open_source

__all__ = ["ROLES", "SEPARATOR", "Box", "Kind", "Row", "Source", "SourceSpec", "Split", "open_source"]
