from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from trainer.dataset import Dataset
from trainer.errors import RecipeError
from trainer.judge import judge, some_pixels
from trainer.loop import Blend, Epoch
from trainer.main import app
from trainer.quantize import quantize
from trainer.recipe import load_recipe
from trainer.rounding import require_small, rounding
from trainer.run import Places, run
from trainer.stages import Begun
from trainer.translation import read_for
from vision.artifact import load_artifact
from vision.predictor import Predictor


class Memory:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.extracted = 0
        self.unusable: tuple[str, ...] = ()
        self.epochs: list[Epoch] = []
        self.measured: dict[str, float] = {}
        self.groups: list[str] = []
        self.stages: list[tuple[str, int]] = []

    def data(self, data: Dataset) -> None:
        self.photos = len(data)

    def faults(self, faults: Sequence[str]) -> None:
        self.unusable += tuple(faults)

    def stage(self, begun: Begun) -> None:
        self.stages.append((begun.stage.name, begun.learns))

    def step(self, stage: str, epoch: int, done: int, of: int, losses: Mapping[str, float]) -> None:
        self.steps = (done, of)

    def extracting(self, done: int, of: int) -> None:
        self.extracted = done

    def epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)

    def left_out(self, groups: Sequence[str]) -> None:
        self.groups = list(groups)

    def blend(self, blend: Blend) -> None:
        self.blends = [*getattr(self, "blends", []), blend]

    def figures(self, figures: Mapping[str, float]) -> None:
        self.measured = dict(figures)


def test_a_model_is_trained_from_a_table_and_works(shop: Path, recipe_file: Path, tmp_path: Path) -> None:
    (shop / "photos" / "0-0.png").unlink()
    (shop / "photos" / "1-0.png").write_bytes(b"no image")
    recipe, told = load_recipe(recipe_file), Memory()
    places = Places(data={"shop": shop}, cache=tmp_path / "cache", out=tmp_path / "model")
    run(recipe, places, told)

    assert told.extracted == 79
    assert [fault.split(":")[0] for fault in told.unusable] == [
        "shop.csv, line 2, photo 0-0.png",
        "shop.csv, line 4, photo 1-0.png",
    ]
    assert told.epochs[-1].losses["category"] < told.epochs[0].losses["category"] / 2
    assert told.epochs[-1].losses.keys() == {"category", "attributes", "metric"}
    assert told.measured["shop/category/top1"] == 1
    assert told.measured["shop/colour/micro_f1"] == 1

    predictor = Predictor.open(places.out, engine="onnx")
    said = predictor.predict(predictor.decode((shop / "photos" / "3-0.png").read_bytes())[np.newaxis])[0]
    assert said.categories[0] == "Shirt"
    assert "colour:Red" in said.attributes

    again, quiet = Memory(), Places(data=places.data, cache=places.cache, out=tmp_path / "again")
    run(recipe, quiet, again)
    assert again.extracted == 1  # only the one that is no image is looked at again
    assert again.measured == told.measured

    judged = judge(places.out, recipe, places.data, split="test", engine="onnx")
    assert judged["shop/category/top1"] == told.measured["shop/category/top1"]
    assert judged["shop/retrieval/recall@1"] == pytest.approx(told.measured["shop/retrieval/recall@1"], abs=0.1)

    quantize(places.out, some_pixels(places.out, recipe, places.data, "train", 32))
    assert load_artifact(places.out).onnx_int8 is not None
    labelled = read_for(load_artifact(places.out).manifest, recipe, places.data)
    found = rounding(places.out, labelled, split="dev")
    require_small(found)
    assert found.same_category > 0.8
    assert found.cosine > 0.95


def test_the_command_tells_machines_in_json_and_people_what_is_wrong(
    shop: Path, recipe_file: Path, tmp_path: Path
) -> None:
    out = ["--out", str(tmp_path / "model"), "--cache", str(tmp_path / "cache")]
    good = CliRunner().invoke(app, ["run", str(recipe_file), "--data", f"shop={shop}", *out, "--json"])
    assert good.exit_code == 0
    events = [json.loads(line)["event"] for line in good.stdout.splitlines()]
    assert events[0] == "data"
    assert events[-1] == "figures"
    assert events.count("epoch") >= 1
    assert "drawn-1" in (tmp_path / "model" / "MODEL_CARD.md").read_text()
    assert "<html" in (tmp_path / "model" / "report.html").read_text()
    assert (tmp_path / "model" / "run" / "recipe.toml").read_text() == recipe_file.read_text()
    assert list((tmp_path / "model" / "run" / "tensorboard").iterdir())
    for wrong, says in (("shop", "SOURCE=FOLDER"), (f"shoop={shop}", "sources are shop")):
        bad = CliRunner().invoke(app, ["run", str(recipe_file), "--data", wrong, *out])
        assert isinstance(bad.exception, RecipeError)
        assert says in str(bad.exception)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("epochs = 40", "epoches = 40", "epoches"),
        ('version = "drawn-1"', "", "'version' is missing"),
        ('resize = "pad-white"', 'resize = "melt"', "melt"),
        ('name = "heads"', 'name = "heads"\nmetric_loss = "magic"', "multi-similarity, proxy-anchor"),
    ],
)
def test_a_recipe_with_a_mistake_is_refused_by_name(recipe_file: Path, old: str, new: str, says: str) -> None:
    recipe_file.write_text(recipe_file.read_text().replace(old, new))
    with pytest.raises(RecipeError, match=says):
        load_recipe(recipe_file)


def test_an_exported_graph_tells_nothing_of_the_machine_that_made_it(
    shop: Path, recipe_file: Path, tmp_path: Path
) -> None:
    places = Places(data={"shop": shop}, cache=tmp_path / "cache", out=tmp_path / "model")
    run(load_recipe(recipe_file), places, Memory())
    source = Path(__file__).resolve().parents[3]
    assert str(source).encode() not in (tmp_path / "model" / "model.onnx").read_bytes()


def test_a_group_without_a_labelled_photo_is_left_out_and_said_so(
    shop: Path, recipe_file: Path, tmp_path: Path
) -> None:
    taxonomy = recipe_file.parent / "taxonomy.toml"
    taxonomy.write_text(f'{taxonomy.read_text()}\n[groups.nowhere]\nvalues = ["This", "That"]\n')
    told = Memory()
    run(load_recipe(recipe_file), Places(data={"shop": shop}, cache=tmp_path / "cache", out=tmp_path / "model"), told)
    assert told.groups == ["nowhere"]
    assert "nowhere" not in [group.name for group in load_artifact(tmp_path / "model").manifest.labels.groups]
