"""What a file of weights holds, told by its index alone: the heads' sizes without torch and without reading a number.

For the gate of a registry that runs where torch is not installed; `vision.network` loads the weights themselves.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vision.artifact import Artifact
from vision.errors import DamagedFileError, WrongShapeError

Shape = tuple[int, ...]
# The last layers of `vision.network.Heads`; their rows are the outputs.
HEADS = ("heads.category.weight", "heads.attribute.weight", "heads.projection.weight")


def check_weights(artifact: Artifact) -> None:
    """Raises WrongShapeError where the weights' heads are not of the sizes that the manifest promises."""
    shapes = shapes_of(artifact.weights)
    categories, attributes, projected = (shapes[head][0] if head in shapes else 0 for head in HEADS)
    beside = categories if artifact.manifest.plan.category_share else 0
    found = (categories, attributes, projected + beside)
    if found != artifact.outputs:
        raise WrongShapeError(
            f"Categories, attributes, embedding: {found} in {artifact.weights}, {artifact.outputs} in the manifest."
        )


def shapes_of(path: Path) -> Mapping[str, Shape]:
    """Name to shape of every tensor of a state dict. Raises DamagedFileError for a file that is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            index = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            state = _Index(io.BytesIO(archive.read(index))).load()
        return {str(name): _shape(value) for name, value in state.items()}
    except (zipfile.BadZipFile, StopIteration, pickle.UnpicklingError, EOFError, AttributeError, TypeError) as fault:
        raise DamagedFileError(f"{path} is no state dict that torch.save has written: {fault!r}.") from fault


class _Index(pickle.Unpickler):
    """Reads tensors as their shapes. Every name that a state dict does not need is refused, so no code runs."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name.endswith("Storage"):
            return name
        raise pickle.UnpicklingError(f"{module}.{name} has no place among weights")

    def persistent_load(self, pid: Any) -> None:
        """A tensor's numbers, which stand in other members of the file."""


def _tensor(_storage: None, _offset: int, size: Shape, *_layout: object) -> Shape:
    return tuple(size)


def _shape(value: Any) -> Shape:
    if not isinstance(value, tuple):
        raise TypeError("an entry is no tensor")
    return value
