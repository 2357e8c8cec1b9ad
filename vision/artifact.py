"""A model version as a folder: its manifest, its files and the golden photo with the answer it must give.

Loading checks every file against the manifest. It does not run the network: `vision.predictor` does, on the
golden photo.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.errors import DamagedFileError, ManifestError, MissingFileError
from vision.manifest import FileEntry, Manifest

MANIFEST = "manifest.json"
WEIGHTS = "weights.pth"
ONNX = "model.onnx"
ONNX_INT8 = "model.int8.onnx"
GOLDEN_PHOTO = "golden.jpg"
GOLDEN_ANSWER = "golden.json"
REQUIRED = (WEIGHTS, ONNX, GOLDEN_PHOTO, GOLDEN_ANSWER)


@dataclass(frozen=True, kw_only=True, eq=False)
class GoldenAnswer:
    """What the fp32 network said of the golden photo when it was exported.

    category_probabilities (C,), attribute_logits (A,), embedding (D,): float32.
    """

    category_probabilities: NDArray[np.float32]
    attribute_logits: NDArray[np.float32]
    embedding: NDArray[np.float32]

    def to_json(self) -> dict[str, list[float]]:
        """A value for `json.dumps`, rounded to six digits."""
        return {
            "category_probabilities": [round(float(x), 6) for x in self.category_probabilities],
            "attribute_logits": [round(float(x), 6) for x in self.attribute_logits],
            "embedding": [round(float(x), 6) for x in self.embedding],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> GoldenAnswer:
        """The inverse of `to_json`."""
        return cls(**{part: np.asarray(numbers, dtype=np.float32) for part, numbers in value.items()})


@dataclass(frozen=True, kw_only=True, eq=False)
class Artifact:
    """A model folder whose files are there and are the right ones."""

    folder: Path
    manifest: Manifest
    golden_photo: bytes
    golden_answer: GoldenAnswer

    @property
    def weights(self) -> Path:
        """A state dict of `vision.network.MultitaskNetwork`, readable with `weights_only=True`."""
        return self.folder / WEIGHTS

    @property
    def onnx(self) -> Path:
        """The fp32 graph: uint8 (N, S, S, 3) in, normalisation inside."""
        return self.folder / ONNX

    @property
    def onnx_int8(self) -> Path | None:
        """The quantised graph, where the model has one."""
        return self.folder / ONNX_INT8 if self.has(ONNX_INT8) else None

    @property
    def outputs(self) -> tuple[int, int, int]:
        """How many categories, attributes and embedding numbers the manifest promises; 0 for a head it has not."""
        plan, labels = self.manifest.plan, self.manifest.labels
        categories = len(labels.categories) if plan.category_head else 0
        attributes = len(labels.attributes) if plan.attribute_head else 0
        return categories, attributes, plan.embedding_dim

    def has(self, name: str) -> bool:
        """Whether the manifest names this file."""
        return any(entry.name == name for entry in self.manifest.files)


def load_artifact(path: Path) -> Artifact:
    """The model in a folder, every file checked. Raises an ArtifactError that says what to do."""
    manifest = read_manifest(path)
    missing = sorted(set(REQUIRED) - {entry.name for entry in manifest.files})
    if missing:
        raise ManifestError(f"{path / MANIFEST} does not name {', '.join(missing)}.")
    for entry in manifest.files:
        _check_file(path, entry)
    return Artifact(
        folder=path,
        manifest=manifest,
        golden_photo=(path / GOLDEN_PHOTO).read_bytes(),
        golden_answer=_read_golden(path / GOLDEN_ANSWER),
    )


def read_manifest(path: Path) -> Manifest:
    """The manifest of a model folder, its files not looked at. Raises MissingFileError or ManifestError."""
    try:
        text = (path / MANIFEST).read_text(encoding="utf-8")
        value = json.loads(text)
    except FileNotFoundError as fault:
        raise MissingFileError(f"There is no {path / MANIFEST}.") from fault
    except ValueError as fault:
        raise ManifestError(f"{path / MANIFEST} is no JSON: {fault}.") from fault
    if not isinstance(value, dict):
        raise ManifestError(f"{path / MANIFEST} holds no JSON object.")
    return Manifest.from_json(value)


def describe_file(path: Path) -> FileEntry:
    """The manifest's entry for a file as it is now."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileEntry(name=path.name, sha256=digest, bytes=path.stat().st_size)


def _check_file(folder: Path, entry: FileEntry) -> None:
    path = folder / entry.name
    if Path(entry.name).name != entry.name:
        raise ManifestError(f"{entry.name!r} is not the name of a file in the model's own folder.")
    if not path.is_file():
        raise MissingFileError(f"There is no {path}.")
    found = describe_file(path)
    if found != entry:
        raise DamagedFileError(f"{path}: {found.sha256[:12]} ({found.bytes:,} bytes), not {entry.sha256[:12]}.")


def _read_golden(path: Path) -> GoldenAnswer:
    try:
        return GoldenAnswer.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, AttributeError) as fault:
        raise ManifestError(f"{path}: {fault}.") from fault
