from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vision import predictor as module
from vision.answers import Reader
from vision.artifact import load_artifact, read_manifest
from vision.engines import RawOutputs
from vision.engines.onnx import OnnxEngine, sums_exactly
from vision.engines.torch import TorchEngine
from vision.errors import EngineError
from vision.manifest import Calibration, Manifest
from vision.predictor import Predictor, gpu_is_there

LOGIT_TOLERANCE = 1e-3
COSINE_AT_LEAST = 0.9999


def noise(count: int, side: int = 64) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_onnx_and_torch_agree_to_a_thousandth_in_logits_and_in_direction(tiny_model: Path) -> None:
    artifact = load_artifact(tiny_model)
    one, other = OnnxEngine(artifact.onnx, threads=1).run(noise(7)), TorchEngine(artifact, device="cpu").run(noise(7))
    assert np.abs(one.category_logits - other.category_logits).max() < LOGIT_TOLERANCE
    assert np.abs(one.attribute_logits - other.attribute_logits).max() < LOGIT_TOLERANCE
    assert ((one.embedding * other.embedding).sum(1) > COSINE_AT_LEAST).all()
    assert np.abs(one.category_logits).max() > 10 * LOGIT_TOLERANCE  # they agree about something


def test_any_batch_size_runs_and_gives_each_photo_the_same_answer(tiny_model: Path) -> None:
    engine = OnnxEngine(load_artifact(tiny_model).onnx)
    together = engine.run(noise(5))
    for index, one in enumerate(noise(5)):
        alone = engine.run(one[np.newaxis])
        assert np.allclose(alone.embedding[0], together.embedding[index], atol=1e-5)


def test_predictions_have_the_promised_form(tiny_model: Path) -> None:
    predictor = Predictor.open(tiny_model, engine="onnx", threads=1)
    predictions = predictor.predict(noise(3))
    assert len(predictions) == 3
    for said in predictions:
        assert sorted(said.categories) == ["Dress", "Shirt", "Shoes"]
        assert list(said.category_scores) == sorted(said.category_scores, reverse=True)
        assert sum(said.category_scores) == pytest.approx(1, abs=1e-5)
        assert said.embedding.shape == (8,)
        assert said.embedding.dtype == np.float32
        assert np.linalg.norm(said.embedding) == pytest.approx(1, abs=1e-4)
    assert predictor.predict(noise(3)[:0]) == []
    assert predictor.engine_name == "onnx-cpu-fp32"
    assert predictor.decode((tiny_model / "golden.jpg").read_bytes()).shape == (64, 64, 3)
    predictor.close()


def raw(categories: list[float], attributes: list[float]) -> RawOutputs:
    return RawOutputs(
        category_logits=np.array([categories], dtype=np.float32),
        attribute_logits=np.array([attributes], dtype=np.float32),
        embedding=np.eye(1, 8, dtype=np.float32),
    )


def read(tiny_model: Path, outputs: RawOutputs, **calibration: object):  # type: ignore[no-untyped-def]
    manifest: Manifest = replace(read_manifest(tiny_model), calibration=Calibration(**calibration))  # type: ignore[arg-type]
    return Reader(manifest).read(outputs)[0]


def test_scores_are_softmax_and_sigmoid_after_temperature(tiny_model: Path) -> None:
    said = read(
        tiny_model, raw([0, 0, 2 * np.log(3)], [np.log(4), 0, -9, np.log(9), 9]), temperature=2.0
    )  # exp(log 3) = 3 beside 1 and 1; 4 beside 1; 9 / (1 + 9)
    assert said.categories[0] == "Dress"
    assert said.category_scores[0] == pytest.approx(0.6, abs=1e-4)
    assert dict(zip(said.attributes, said.attribute_scores, strict=True)) == pytest.approx(
        {"detail:Lace": 0.9999, "detail:Zip": 0.9, "colour:Red": 0.8}, abs=1e-4
    )
    assert said.attributes == ("detail:Lace", "detail:Zip", "colour:Red")


def test_a_group_is_not_said_of_a_category_it_does_not_apply_to(tiny_model: Path) -> None:
    said = read(tiny_model, raw([5, 0, 0], [0, 5, 9, 9, 9]))
    assert said.attributes == ("colour:Blue",)


def test_below_their_thresholds_category_is_marked_and_attribute_left_out(tiny_model: Path) -> None:
    said = read(tiny_model, raw([1, 0, 0], [1, 0, -9, -9, -9]), abstain_below=0.9, group_thresholds={"colour": 0.9})
    assert said.abstained
    assert said.categories[0] == "Shirt"
    assert said.attributes == ()
    assert not read(tiny_model, raw([9, 0, 0], [1, 0, -9, -9, -9]), abstain_below=0.9).abstained


def test_int8_is_refused_where_the_model_has_none(tiny_model: Path) -> None:
    with pytest.raises(EngineError, match="int8"):
        Predictor.open(tiny_model, engine="onnx-int8")


@pytest.mark.parametrize(
    ("text", "exactly"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_vnni\n", True),
        ("flags\t\t: fpu avx2 avx_vnni\n", True),
        ("flags\t\t: fpu avx2 avx512f\n", False),
        ("Features\t: fp asimd asimddp\n", True),  # an Arm
    ],
)
def test_sums_of_eight_bits_are_trusted_where_the_processor_makes_them_whole(
    text: str, exactly: bool, tmp_path: Path
) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert sums_exactly(tmp_path / "cpuinfo") is exactly
    assert not sums_exactly(tmp_path / "nowhere")


def test_without_a_gpu_device_torch_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GPU_DEVICES", ("/nowhere",))
    monkeypatch.setattr(module.importlib, "import_module", lambda name: pytest.fail(f"{name} was imported"))
    assert not gpu_is_there()


def test_a_photo_is_decoded_and_predicted_without_torch(tiny_model: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from vision.predictor import Predictor\n"
        f"folder = Path({str(tiny_model)!r}); p = Predictor.open(folder, engine='onnx')\n"
        "p.predict(p.decode((folder / 'golden.jpg').read_bytes())[None])\n"
        "assert not {'torch', 'timm', 'torchvision', 'trainer'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
