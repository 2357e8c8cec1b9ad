"""Everything a report rests on: a model folder, what it says to the photos of one split, and the log of its run.

Knows where each lies; what is made of it stands in the modules of the sections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.dataset import Dataset, Targets
from trainer.evaluation import evaluate
from trainer.figures import AttributeAnswers
from trainer.judge import _choice, _data, _decoded, _joined, _rows
from trainer.model_card import model_card
from trainer.recipe import Recipe
from trainer.report.runlog import RunLog, read_log
from vision.answers import softmax
from vision.artifact import load_artifact
from vision.engines import RawOutputs
from vision.labels import AttributeGroup
from vision.manifest import Manifest
from vision.predictor import open_engine

CARD = "MODEL_CARD.md"
LOG = Path("run", "log.jsonl")
RECIPE = Path("run", "recipe.toml")


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """One model on one split of its data.

    wanted (M,): the rows of the split; rows (N,): those whose photo could be read, in the order of `outputs`.
    figures: as `trainer.evaluation` names them. log, recipe: None where the folder has none.
    """

    manifest: Manifest
    data: Dataset
    split: str
    wanted: NDArray[np.int64]
    rows: NDArray[np.int64]
    outputs: RawOutputs
    figures: Mapping[str, float]
    card: str
    log: RunLog | None = None
    recipe: str | None = None

    @property
    def targets(self) -> Targets:
        """What is known of the N photos."""
        return self.data.targets.take(self.rows)

    @property
    def has_categories(self) -> bool:
        """Whether the model tells categories and a photo of the split has one."""
        return self.outputs.category_logits.shape[1] > 0 and bool(self.targets.categories.any())

    def category_probabilities(self) -> NDArray[np.float32]:
        """(N, C), calibrated."""
        return softmax(self.outputs.category_logits / self.manifest.calibration.temperature)

    def attribute_answers(self) -> AttributeAnswers:
        """All that is said and true of attributes, as the figures count it."""
        return AttributeAnswers.of(self.outputs, self.targets, self.data.labels, self.manifest.calibration)

    def groups(self) -> Sequence[tuple[AttributeGroup, slice]]:
        """The attribute groups that the model tells and a photo of the split has a label of."""
        if not self.outputs.attribute_logits.shape[1]:
            return []
        said = self.targets.attributes
        return [(group, at) for group, at in self.data.labels.columns() if said[:, at].any()]

    def unusable(self) -> list[str]:
        """File, line and photo of the rows of the split that could not be read."""
        return [self.data.where(int(row)) for row in np.setdiff1d(self.wanted, self.rows)]

    def category_of(self, row: int) -> str:
        """What is known of a row's category, in words."""
        allowed = self.data.targets.categories[row]
        return one_of([name for name, is_one in zip(self.data.labels.categories, allowed, strict=True) if is_one])

    def in_words(self, row: int) -> str:
        """What is known of a row, in a few words: its category and the first attribute that has a label."""
        targets = self.data.targets
        said = [name for name, is_so in zip(self.data.labels.attributes, targets.attributes[row], strict=True) if is_so]
        parts = [self.category_of(row), *(label.partition(":")[2] for label in said[:1])]
        return ", ".join(part for part in parts if part)


def one_of(names: Sequence[str]) -> str:
    """One name, or "one of" several; empty for none."""
    if len(names) < 2:
        return "".join(names)
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return f"one of {shown}"


def gather(model: Path, recipe: Recipe, folders: Mapping[str, Path], *, split: str, engine: str = "onnx") -> Evidence:
    """Runs the model over the split. Raises RecipeError, SourceError, ArtifactError."""
    artifact = load_artifact(model)
    data = _data(recipe, folders)
    runner = open_engine(artifact, _choice(engine), None)
    wanted = _rows(data, split)
    rows: list[int] = []
    parts: list[RawOutputs] = []
    for batch in _decoded(data, wanted, artifact.manifest.pixels):
        rows += [row for row, _ in batch]
        parts.append(runner.run(np.stack([pixels for _, pixels in batch])))
    outputs, found = _joined(parts), np.array(rows, dtype=np.int64)
    return Evidence(
        manifest=artifact.manifest,
        data=data,
        split=split,
        wanted=wanted,
        rows=found,
        outputs=outputs,
        figures=evaluate(outputs, data, found, artifact.manifest.calibration),
        card=_text(model / CARD) or model_card(artifact.manifest),
        log=read_log(model / LOG),
        recipe=_text(model / RECIPE),
    )


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
