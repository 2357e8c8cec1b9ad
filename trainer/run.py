"""The whole recipe, straight down: read, encode, extract, learn, calibrate, measure, export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from trainer.calibration import calibrate
from trainer.dataset import Dataset, Split, build_dataset
from trainer.errors import RecipeError
from trainer.evaluation import evaluate
from trainer.export import save_model
from trainer.features import Features, cached_features
from trainer.heads import Epoch, Lesson, run_heads, train_heads
from trainer.mapping import Taxonomy, load_taxonomy
from trainer.pretrained import load_pretrained
from trainer.recipe import Recipe
from trainer.sources import open_source
from vision.manifest import Calibration, DataSource, Manifest
from vision.network import MultitaskNetwork


class Teller(Protocol):
    """Who is told how a run goes: a terminal, a log of JSON lines, a test."""

    def data(self, data: Dataset, features: Features | None) -> None:
        """The tables were read; once features are there, it is known which photos could not be used."""

    def left_out(self, groups: Sequence[str]) -> None:
        """These attribute groups of the taxonomy have no labelled photo to learn from: the model will not have them."""

    def extracting(self, done: int, of: int) -> None:
        """Photos through the frozen backbone."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch of the heads has ended."""

    def figures(self, figures: Mapping[str, float]) -> None:
        """The test split was measured."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a run reads and writes: data folders by source name, the feature cache, the model folder."""

    data: Mapping[str, Path]
    cache: Path
    out: Path


def run(recipe: Recipe, places: Places, teller: Teller) -> Manifest:
    """Trains the recipe's model and writes its folder."""
    taxonomy = load_taxonomy(recipe.taxonomy)
    data = read_data(recipe, taxonomy, places.data)
    untaught = groups_without_labels(data)
    if untaught:
        teller.left_out(untaught)
        taxonomy = taxonomy.without_groups(untaught)
        data = read_data(recipe, taxonomy, places.data)
    teller.data(data, None)
    network = build_network(recipe, taxonomy)
    features = cached_features(network, recipe.pixels, data, places.cache, teller.extracting)
    teller.data(data, features)
    lesson = Lesson.of(data, features, last=network.backbone.last_width)
    train_heads(network.heads, lesson, recipe.heads, teller.epoch)
    dev = run_heads(network.heads, features, lesson.dev)
    calibration = calibrate(dev, data.targets.take(lesson.dev), taxonomy.labels, recipe.calibration)
    test = np.flatnonzero((data.splits == Split.TEST) & features.usable)
    figures = evaluate(run_heads(network.heads, features, test), data, test, calibration)
    teller.figures(figures)
    return save_model(network, describe(recipe, data, calibration, figures), places.out)


def read_data(recipe: Recipe, taxonomy: Taxonomy, folders: Mapping[str, Path]) -> Dataset:
    """Every source of the recipe that has a folder. Raises RecipeError for a folder without a source, or
    none at all."""
    names = [source.name for source in recipe.sources]
    unknown = sorted(set(folders) - set(names))
    if unknown:
        raise RecipeError(f"--data names {', '.join(unknown)}; the recipe's sources are {', '.join(names)}.")
    missing = [name for name in names if name not in folders]
    if missing:
        raise RecipeError(f"say where the data is: {' '.join(f'--data {name}=FOLDER' for name in missing)}.")
    return build_dataset([open_source(spec, folders[spec.name]) for spec in recipe.sources], taxonomy)


def groups_without_labels(data: Dataset) -> list[str]:
    """Attribute groups that no train photo labels: a head for them would say whatever it was born with."""
    taught = data.targets.known[data.splits == Split.TRAIN].any(axis=0)
    return [group.name for group, at in data.labels.columns() if not taught[at].any()]


def build_network(recipe: Recipe, taxonomy: Taxonomy) -> MultitaskNetwork:
    """The recipe's network with pretrained backbone and fresh heads, the same ones every time."""
    torch.manual_seed(recipe.heads.seed)
    labels = taxonomy.labels
    network = MultitaskNetwork(recipe.network, categories=len(labels.categories), attributes=len(labels.attributes))
    load_pretrained(network.backbone.body, recipe.network.backbone, recipe.weights)
    return network.eval()


def describe(recipe: Recipe, data: Dataset, calibration: Calibration, figures: Mapping[str, float]) -> Manifest:
    """The manifest of what was trained; its files are added when they are written."""
    photos = Counter(data.sources[data.splits == Split.TRAIN].tolist())
    return Manifest(
        version=recipe.version,
        parent=None,
        plan=recipe.network,
        labels=data.labels,
        pixels=recipe.pixels,
        calibration=calibration,
        metrics=dict(figures),
        sources=tuple(
            DataSource(name=spec.name, photos=photos[spec.name], licence=spec.licence) for spec in recipe.sources
        ),
        licences=recipe.licences,
    )
