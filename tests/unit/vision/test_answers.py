"""How raw outputs are read, without any network; and that a worker's way to a prediction is that one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vision.answers import Reader, attribute_probabilities, attribute_thresholds, candidates
from vision.artifact import read_manifest
from vision.engines import RawOutputs
from vision.errors import ManifestError
from vision.labels import AttributeGroup, LabelSpace
from vision.manifest import Calibration, Manifest
from vision.plan import NetworkPlan
from vision.predictor import Predictor
from vision.preprocess import PixelRule, Resize

SHIPPED = Path(__file__).resolve().parents[3] / "models"
LABELS = LabelSpace(
    categories=("Shirt", "Shoes", "Dress"),
    groups=(
        AttributeGroup(name="colour", values=("Red", "Blue"), exclusive=True),
        AttributeGroup(name="detail", values=("Bow", "Zip", "Lace"), exclusive=False, categories=("Dress",)),
    ),
)
MANIFEST = Manifest(
    version="read",
    parent=None,
    plan=NetworkPlan(backbone="test_efficientnet", taps=(0,), embedding_dim=4),
    labels=LABELS,
    pixels=PixelRule(size_px=32, resize=Resize.PAD_WHITE, mean=(127.0,) * 3, std=(128.0,) * 3),
    calibration=Calibration(),
    metrics={},
    sources=(),
    licences={},
)
SURE_RED, SURE_DRESS = [9.0, 0.0], [0.0, 0.0, 9.0]


def outputs(categories: list[float], attributes: list[float], rows: int = 1) -> RawOutputs:
    return RawOutputs(
        category_logits=np.array([categories] * rows, dtype=np.float32),
        attribute_logits=np.array([attributes] * rows, dtype=np.float32),
        embedding=np.eye(rows, 4, dtype=np.float32),
    )


def said(calibration: Calibration, categories: list[float], attributes: list[float]) -> tuple[str, ...]:
    return Reader(replace(MANIFEST, calibration=calibration)).read(outputs(categories, attributes))[0].attributes


def test_a_value_with_a_threshold_of_its_own_does_not_ask_its_group() -> None:
    logits = [1.0, 0.0, -9.0, 1.0, 1.0]  # Red 0.73; Zip and Lace 0.73
    strict = Calibration(group_thresholds={"colour": 0.9, "detail": 0.9})
    assert said(strict, SURE_DRESS, logits) == ()
    own = replace(strict, value_thresholds={"colour:Red": 0.7, "detail:Lace": 0.7})
    assert said(own, SURE_DRESS, logits) == ("colour:Red", "detail:Lace")
    loose = Calibration(group_thresholds={"colour": 0.1, "detail": 0.1}, value_thresholds={"detail:Zip": 0.8})
    assert said(loose, SURE_DRESS, logits) == ("colour:Red", "detail:Lace")


def test_a_silenced_value_is_not_replaced_by_the_next_best_of_its_group() -> None:
    silent = Calibration(group_thresholds={"colour": 0.0}, value_thresholds={"colour:Red": 1.01})
    assert said(silent, SURE_DRESS, [*SURE_RED, -9, -9, -9]) == ()
    assert said(silent, SURE_DRESS, [0.0, 9.0, -9, -9, -9]) == ("colour:Blue",)


def test_a_group_without_any_threshold_speaks_from_a_half() -> None:
    assert attribute_thresholds(LABELS, Calibration()).tolist() == [0.5] * 5
    assert said(Calibration(), SURE_DRESS, [*SURE_RED, -0.1, 0.1, -9]) == ("colour:Red", "detail:Zip")


def test_each_row_is_read_by_its_own_category() -> None:
    many = outputs(SURE_DRESS, [*SURE_RED, 9, -9, -9], rows=3)
    many.category_logits[1] = [9, 0, 0]
    read = Reader(MANIFEST).read(many)
    assert [prediction.attributes for prediction in read] == [
        ("colour:Red", "detail:Bow"),
        ("colour:Red",),
        ("colour:Red", "detail:Bow"),
    ]


@pytest.mark.parametrize(("category_head", "attribute_head"), [(True, False), (False, True), (False, False)])
def test_a_model_that_lacks_a_head_says_nothing_of_it(category_head: bool, attribute_head: bool) -> None:
    plan = replace(MANIFEST.plan, category_head=category_head, attribute_head=attribute_head)
    read = Reader(replace(MANIFEST, plan=plan)).read(
        outputs(SURE_DRESS if category_head else [], [*SURE_RED, 9, -9, -9] if attribute_head else [], rows=2)
    )[1]
    assert (read.categories[:1], read.abstained) == (("Dress",) if category_head else (), False)
    assert read.attributes == (("colour:Red", "detail:Bow") if attribute_head else ())


def test_only_the_best_of_an_exclusive_group_could_be_said() -> None:
    shares = attribute_probabilities(np.array([[1, 2, 3, 4, 5]], np.float32), LABELS, Calibration())
    assert shares[0, :2].sum() == pytest.approx(1)
    assert candidates(shares, LABELS).tolist() == [[False, True, True, True, True]]


def test_manifests_from_before_value_thresholds_still_load() -> None:
    value = json.loads(json.dumps(MANIFEST.to_json()))
    del value["calibration"]["value_thresholds"]
    assert Manifest.from_json(value).calibration.value_thresholds == {}
    shipped = [read_manifest(folder) for folder in SHIPPED.iterdir() if (folder / "manifest.json").is_file()]
    assert shipped
    assert all(manifest.metrics["all/category/top1"] > 0.5 for manifest in shipped)


def test_a_threshold_of_a_value_that_does_not_exist_is_refused() -> None:
    wrong = replace(MANIFEST, calibration=Calibration(value_thresholds={"colour:Mauve": 0.5}))
    with pytest.raises(ManifestError, match="colour:Mauve"):
        Manifest.from_json(wrong.to_json())


def test_a_worker_keeps_silent_where_the_manifest_of_its_model_says_so(tiny_copy: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    path = tiny_copy / "manifest.json"
    manifest = json.loads(path.read_text())

    def asked(**calibration: object) -> list[tuple[str, ...]]:
        path.write_text(json.dumps({**manifest, "calibration": calibration}))
        return [said.attributes for said in Predictor.open(tiny_copy, engine="onnx", threads=1).predict(pixels)]

    loud = {"colour": 0.0, "detail": 0.0}
    before = asked(group_thresholds=loud)
    value = before[0][0]
    after = asked(group_thresholds=loud, value_thresholds={value: 1.01})
    assert after == [tuple(label for label in labels if label != value) for labels in before]
    assert after != before
