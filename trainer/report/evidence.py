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
from trainer.figures import AttributeAnswers
from trainer.judge import Advance, Judged, look
from trainer.model_card import CARD, model_card
from trainer.recipe import Recipe
from trainer.report.runlog import RunLog, read_log
from trainer.translation import EVERY_SPLIT
from vision.answers import softmax
from vision.engines import RawOutputs
from vision.labels import AttributeGroup
from vision.manifest import Manifest

LOG = Path("run", "log.jsonl")
RECIPE = Path("run", "recipe.toml")


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """One model on one split of its data.

    figures: as `trainer.evaluation` names them. card: Markdown. log, recipe: None where the model's folder has none.
    """

    judged: Judged
    split: str
    figures: Mapping[str, float]
    card: str
    log: RunLog | None = None
    recipe: str | None = None

    @property
    def manifest(self) -> Manifest:
        """Of the model."""
        return self.judged.manifest

    @property
    def data(self) -> Dataset:
        """All splits of all sources."""
        return self.judged.data

    @property
    def rows(self) -> NDArray[np.int64]:
        """(N,) the rows of the split whose photo could be read."""
        return self.judged.rows

    @property
    def outputs(self) -> RawOutputs:
        """What the model says of these N photos."""
        return self.judged.outputs

    @property
    def photos(self) -> str:
        """What the figures are of, in words."""
        return "photos" if self.split == EVERY_SPLIT else f"{self.split} photos"

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


def gather(
    model: Path,
    recipe: Recipe,
    folders: Mapping[str, Path],
    *,
    split: str,
    engine: str = "onnx",
    advance: Advance = lambda _done, _of: None,
) -> Evidence:
    """Runs the model over the split. Raises as `trainer.judge.look` does."""
    judged = look(model, recipe, folders, split=split, engine=engine, advance=advance)
    return Evidence(
        judged=judged,
        split=split,
        figures=judged.figures(),
        card=_text(model / CARD) or model_card(judged.manifest),
        log=read_log(model / LOG),
        recipe=_text(model / RECIPE),
    )


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
