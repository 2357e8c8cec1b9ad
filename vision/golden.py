"""Whether a model still answers its golden photo as on the day it was exported."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from vision.answers import softmax
from vision.artifact import GOLDEN_ANSWER, Artifact, GoldenAnswer
from vision.engines import Engine, RawOutputs
from vision.errors import GoldenMismatchError, WrongShapeError
from vision.manifest import Manifest
from vision.preprocess import decode

# (lowest cosine of the embeddings, highest difference of any probability). Another build of libjpeg or of the
# runtime moves the last digits; eight bits and half precision move more; another model moves everything.
EXACT = (0.999, 0.02)
ROUNDED = (0.95, 0.15)


def check_golden(artifact: Artifact, engine: Engine) -> None:
    """Raises WrongShapeError or GoldenMismatchError where the engine does not give the expected answer."""
    pixels = decode(artifact.golden_photo, artifact.manifest.pixels)[np.newaxis]
    outputs = engine.run(pixels)
    _check_shapes(artifact, outputs)
    answer = answer_of(outputs, artifact.manifest)
    _check_golden_shapes(artifact, answer)
    cosine, apart = difference(answer, artifact.golden_answer)
    lowest, highest = EXACT if engine.name.endswith(("fp32", "float32")) else ROUNDED
    if not (cosine >= lowest and apart <= highest):
        raise GoldenMismatchError(
            f"Model {artifact.manifest.version} on {engine.name}: cosine of the embeddings {cosine:.4f} "
            f"(at least {lowest}), probabilities apart {apart:.4f} (at most {highest})."
        )


def answer_of(outputs: RawOutputs, manifest: Manifest) -> GoldenAnswer:
    """The first photo's outputs in the form that is kept."""
    return GoldenAnswer(
        category_probabilities=softmax(outputs.category_logits[0] / manifest.calibration.temperature),
        attribute_logits=outputs.attribute_logits[0],
        embedding=outputs.embedding[0],
    )


def difference(one: GoldenAnswer, other: GoldenAnswer) -> tuple[float, float]:
    """(cosine of the embeddings, greatest difference of any category's or attribute's probability)."""
    cosine = float(one.embedding @ other.embedding) if one.embedding.size else 1.0
    probabilities = _greatest(one.category_probabilities, other.category_probabilities)
    attributes = _greatest(_sigmoid(one.attribute_logits), _sigmoid(other.attribute_logits))
    return cosine, max(probabilities, attributes)


def _greatest(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.abs(one - other).max(initial=0.0))


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return (1 / (1 + np.exp(-np.clip(logits, -60, 60)))).astype(np.float32)


def _check_shapes(artifact: Artifact, outputs: RawOutputs) -> None:
    found = tuple(x.shape[1] for x in (outputs.category_logits, outputs.attribute_logits, outputs.embedding))
    if found != artifact.outputs:
        raise WrongShapeError(f"Categories, attributes, embedding: {found} found, {artifact.outputs} in the manifest.")


def _check_golden_shapes(artifact: Artifact, answer: GoldenAnswer) -> None:
    """Before they are compared: numpy would broadcast some lengths and fail on others."""
    for part in (field.name for field in fields(GoldenAnswer)):
        expected, found = getattr(artifact.golden_answer, part).shape, getattr(answer, part).shape
        if expected != found:
            raise GoldenMismatchError(
                f"Model {artifact.manifest.version}: {GOLDEN_ANSWER} expects {part} of shape {expected}, "
                f"the network answers {found}."
            )
