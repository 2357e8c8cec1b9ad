"""What is nearest to a photo, within a source and across: how often it may be of the photo's category, by the labels.

    python -m benchmarks.likeness RECIPE --data SOURCE=FOLDER --data OTHER=FOLDER [--models FOLDER …] [--nearest 8]

Test photos of each source are asked about among all photos of each source, by cosine, each photo itself left out. A
source that says only "Pants" allows every name that the taxonomy gives for it; two photos agree where both may be one.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.dataset import Dataset, Split
from trainer.recipe import load_recipe
from trainer.translation import read_for
from vision.predictor import Predictor

SHIPPED = Path("models/lite0-staged-5")
AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Shares of the nearest photos that agree in category. `score`: median cosine of the first."""

    model: str
    asked: str
    among: str
    photos: int
    first: float
    all: float
    score: float


def main() -> None:
    options = parse()
    found = [one for model in options.models for one in measured(model, options)]
    if options.json:
        print(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        print(
            f"{one.model:24} {one.asked:10} among {one.among:10} n {one.photos:5} first {one.first:.3f} "
            f"all {one.all:.3f} median cosine {one.score:.2f}"
        )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", action="append", required=True, metavar="SOURCE=FOLDER")
    parser.add_argument("--models", nargs="+", type=Path, default=[SHIPPED])
    parser.add_argument("--nearest", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def measured(model: Path, options: argparse.Namespace) -> Iterator[Likeness]:
    predictor = Predictor.open(model, engine="onnx")
    folders = {name: Path(folder) for name, _, folder in (pair.partition("=") for pair in options.data)}
    data = read_for(predictor.manifest, load_recipe(options.recipe), folders)
    vectors = embedded(predictor, data)
    labelled = data.targets.categories.any(1)
    for asked in folders:
        queries = np.flatnonzero((data.sources == asked) & (data.splits == Split.TEST) & labelled)
        for among in folders:
            gallery = np.flatnonzero((data.sources == among) & labelled)
            cosines, agree = nearest(data, vectors, queries, gallery, options.nearest)
            yield Likeness(
                model=predictor.manifest.version,
                asked=asked,
                among=among,
                photos=len(queries),
                first=float(agree[:, 0].mean()),
                all=float(agree.mean()),
                score=float(np.median(cosines[:, 0])),
            )


def embedded(predictor: Predictor, data: Dataset) -> NDArray[np.float32]:
    """(N, D) of all photos."""
    parts = []
    for start in range(0, len(data), AT_ONCE):
        rows = range(start, min(start + AT_ONCE, len(data)))
        pixels = np.stack([data.pixels(row, predictor.rule) for row in rows])
        parts += [said.embedding for said in predictor.predict(pixels)]
    return np.stack(parts)


def nearest(
    data: Dataset, vectors: NDArray[np.float32], queries: NDArray[np.int64], gallery: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Cosines of the nearest `count` of a gallery, and whether each may be of the query's category: (Q, count)."""
    cosines = vectors[queries] @ vectors[gallery].T
    cosines[queries[:, np.newaxis] == gallery] = -1
    order = np.argsort(-cosines, axis=1)[:, :count]
    categories = data.targets.categories
    agree: NDArray[np.bool_] = np.any(categories[gallery[order]] & categories[queries][:, np.newaxis], axis=2)
    return np.take_along_axis(cosines, order, axis=1), agree


if __name__ == "__main__":
    main()
