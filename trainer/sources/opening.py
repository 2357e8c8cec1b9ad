"""One way to open a source of any kind."""

from __future__ import annotations

from pathlib import Path

from trainer.sources.deepfashion import read_deepfashion
from trainer.sources.faults import Faults
from trainer.sources.inshop import read_inshop
from trainer.sources.spec import Kind, Source, SourceSpec
from trainer.sources.table import read_table

READERS = {
    Kind.TABLE: read_table,
    Kind.DEEPFASHION_CATEGORY: read_deepfashion,
    Kind.DEEPFASHION_INSHOP: read_inshop,
}


def open_source(spec: SourceSpec, folder: Path) -> Source:
    """Reads the rows and opens the photos. Raises MalformedError that lists every line that is wrong."""
    faults = Faults()
    source = read_source(spec, folder, faults)
    faults.check()
    return source


def read_source(spec: SourceSpec, folder: Path, faults: Faults) -> Source:
    """The rows that can be used; what is wrong with the others is added to the faults."""
    return READERS[Kind(spec.kind)](spec, folder, faults)
