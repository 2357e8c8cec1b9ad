"""The description that travels with a model: everything needed to run it, nothing about how it is run.

Written as `manifest.json` in the model's folder; `vision.artifact` checks the files beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from vision.errors import LabelSpaceError, ManifestError
from vision.labels import LabelSpace
from vision.plan import NetworkPlan
from vision.preprocess import PixelRule, Resize

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """From logits to probabilities one may believe, and when to keep silent.

    temperature: category logits are divided by it before the softmax (Guo et al. 2017).
    abstain_below: a best category less probable than this is marked as abstained.
    group_temperatures, group_thresholds: the same for each attribute group; an attribute below is not said.
    value_thresholds: by `group:value`, for values with a threshold of their own instead of their group's; a value
        whose threshold is above 1 is never said.
    """

    temperature: float = 1.0
    abstain_below: float = 0.0
    group_temperatures: Mapping[str, float] = field(default_factory=dict)
    group_thresholds: Mapping[str, float] = field(default_factory=dict)
    value_thresholds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """One table of photos a model learned from."""

    name: str
    photos: int
    licence: str


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """A file of the model's folder, by its name there."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One model version, described."""

    version: str
    parent: str | None
    plan: NetworkPlan
    labels: LabelSpace
    pixels: PixelRule
    calibration: Calibration
    metrics: Mapping[str, float]
    sources: tuple[DataSource, ...]
    licences: Mapping[str, str]
    files: tuple[FileEntry, ...] = ()

    @property
    def backbone(self) -> str:
        """The name the network's backbone is built by."""
        return self.plan.backbone

    @property
    def embedding_dim(self) -> int:
        """Length of the embedding; 0 where the model has none."""
        return self.plan.embedding_dim

    def to_json(self) -> dict[str, Any]:
        """A value for `json.dumps`; `from_json` reads it back."""
        value = asdict(self)
        return {"format": FORMAT, **value, "labels": self.labels.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Manifest:
        """Raises ManifestError where a part is missing, unknown or of the wrong kind."""
        try:
            if value["format"] != FORMAT:
                raise ManifestError(f"It has format {value['format']!r}, this program reads {FORMAT}.")
            return _read(value)
        except (KeyError, TypeError, ValueError, AttributeError, LabelSpaceError) as fault:
            raise ManifestError(f"The fault: {fault!r}.") from fault


def _read(value: Mapping[str, Any]) -> Manifest:
    labels = LabelSpace.from_json(value["labels"])
    return Manifest(
        version=str(value["version"]),
        parent=value["parent"],
        plan=NetworkPlan.from_json(value["plan"]),
        labels=labels,
        pixels=_pixel_rule(value["pixels"]),
        calibration=_calibration(value["calibration"], labels),
        metrics={str(name): float(figure) for name, figure in value["metrics"].items()},
        sources=tuple(DataSource(**source) for source in value["sources"]),
        licences={str(what): str(licence) for what, licence in value["licences"].items()},
        files=tuple(FileEntry(**entry) for entry in value["files"]),
    )


def _calibration(value: Mapping[str, Any], labels: LabelSpace) -> Calibration:
    """A threshold of a value that does not exist would silently never be used."""
    calibration = Calibration(**value)
    unknown = sorted(set(calibration.value_thresholds) - set(labels.attributes))
    if unknown:
        raise ManifestError(f"Its calibration has thresholds of {unknown}, which are not in its label space.")
    return calibration


def _pixel_rule(value: Mapping[str, Any]) -> PixelRule:
    return PixelRule(
        size_px=int(value["size_px"]),
        resize=Resize(value["resize"]),
        mean=_three(value["mean"]),
        std=_three(value["std"]),
    )


def _three(value: Any) -> tuple[float, float, float]:
    red, green, blue = (float(part) for part in value)
    return red, green, blue
