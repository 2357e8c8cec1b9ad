"""`python -m benchmarks.engine` runs wherever there is a model, so that it is there when a GPU is."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import engine


def test_each_engine_is_measured_at_each_batch_size(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", str(tiny_model), "--engines", "torch", "onnx", "--batches", "1", "2", "--photos", "4"]
    monkeypatch.setattr(sys, "argv", ["engine", *arguments, "--rounds", "2", "--threads", "1", "--json"])
    engine.main()
    speeds = json.loads(capsys.readouterr().out)["speeds"]
    assert [(one["engine"].partition("-")[0], one["batch"]) for one in speeds] == [
        ("torch", 1), ("torch", 2), ("onnx", 1), ("onnx", 2),
    ]  # fmt: skip
    assert all(one["lowest"] <= one["photos_s"] <= one["highest"] for one in speeds)
