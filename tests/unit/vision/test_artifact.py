from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from trainer.export import write_manifest
from vision.artifact import GOLDEN_ANSWER, MANIFEST, ONNX, WEIGHTS, load_artifact, read_manifest
from vision.errors import DamagedFileError, GoldenMismatchError, ManifestError, MissingFileError, WrongShapeError
from vision.manifest import Manifest
from vision.network import load_network
from vision.predictor import Predictor


def change_manifest(folder: Path, **parts: object) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **parts}))


def rewritten(folder: Path) -> None:
    """Names the files as they are now, as somebody would who tampers with care."""
    manifest = read_manifest(folder)
    write_manifest(folder, manifest, tuple(entry.name for entry in manifest.files))


def test_manifest_there_and_back_is_the_same(tiny_model: Path) -> None:
    manifest = read_manifest(tiny_model)
    assert Manifest.from_json(json.loads(json.dumps(manifest.to_json()))) == manifest
    assert manifest.embedding_dim == 8
    assert manifest.metrics == {"all/category/top1": 0.5}


def test_weights_load_without_running_code_and_fill_the_network(tiny_model: Path) -> None:
    artifact = load_artifact(tiny_model)
    state = torch.load(artifact.weights, weights_only=True)
    assert state.keys() == load_network(artifact).state_dict().keys()


def test_a_missing_file_is_named(tiny_copy: Path) -> None:
    (tiny_copy / ONNX).unlink()
    with pytest.raises(MissingFileError, match=r"model\.onnx"):
        load_artifact(tiny_copy)


def test_a_folder_without_manifest_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=MANIFEST):
        load_artifact(tmp_path)


@pytest.mark.parametrize("name", [WEIGHTS, ONNX, GOLDEN_ANSWER])
def test_one_changed_byte_is_noticed(tiny_copy: Path, name: str) -> None:
    data = bytearray((tiny_copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tiny_copy / name).write_bytes(bytes(data))
    with pytest.raises(DamagedFileError, match=name):
        load_artifact(tiny_copy)


@pytest.mark.parametrize(
    "parts",
    [
        {"format": 99},
        {"plan": {"backbone": "x", "wings": 2}},
        {"labels": {"categories": ["a", "a"], "groups": []}},
        {"pixels": {"size_px": 64, "resize": "melt", "mean": [0, 0, 0], "std": [1, 1, 1]}},
        {"files": []},
        {"files": [{"name": "../../etc/passwd", "sha256": "0", "bytes": 1}]},
        {"metrics": None},
    ],
)
def test_a_manifest_that_cannot_be_followed_is_refused(tiny_copy: Path, parts: dict[str, object]) -> None:
    change_manifest(tiny_copy, **parts)
    with pytest.raises(ManifestError):
        load_artifact(tiny_copy)


def test_a_manifest_that_is_no_json_is_refused(tiny_copy: Path) -> None:
    (tiny_copy / MANIFEST).write_text("{")
    with pytest.raises(ManifestError, match="no JSON"):
        load_artifact(tiny_copy)


def test_a_model_with_another_embedding_length_than_promised_is_refused(tiny_copy: Path) -> None:
    plan = json.loads((tiny_copy / MANIFEST).read_text())["plan"]
    change_manifest(tiny_copy, plan={**plan, "embedding_dim": 9})
    with pytest.raises(WrongShapeError, match="9"):
        Predictor.open(tiny_copy, engine="onnx")
    with pytest.raises(WrongShapeError):
        load_network(load_artifact(tiny_copy))


@pytest.mark.parametrize("part", ["embedding", "category_probabilities", "attribute_logits"])
def test_a_model_that_answers_its_golden_photo_differently_is_refused(tiny_copy: Path, part: str) -> None:
    answer = json.loads((tiny_copy / GOLDEN_ANSWER).read_text())
    answer[part] = (np.array(answer[part])[::-1] * -1.5).tolist()
    (tiny_copy / GOLDEN_ANSWER).write_text(json.dumps(answer))
    rewritten(tiny_copy)
    with pytest.raises(GoldenMismatchError, match="tiny on onnx"):
        Predictor.open(tiny_copy, engine="onnx")


def test_a_golden_answer_of_another_length_is_refused_not_broadcast(tiny_copy: Path) -> None:
    answer = json.loads((tiny_copy / GOLDEN_ANSWER).read_text())
    (tiny_copy / GOLDEN_ANSWER).write_text(json.dumps({**answer, "category_probabilities": [0.3]}))
    rewritten(tiny_copy)
    with pytest.raises(GoldenMismatchError):
        Predictor.open(tiny_copy, engine="onnx")
