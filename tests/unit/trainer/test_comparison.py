from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from trainer.comparison import Trained, Variant, rows_of, variants
from trainer.errors import RecipeError
from trainer.main import app
from trainer.recipe import Recipe, load_recipe
from trainer.report.comparison import Kind

SECOND = '\n[[stages]]\nname = "upper"\nrelease = 2\nepochs = 2\nbatch_size = 16\nproducts_per_batch = 4\n'


@pytest.fixture
def recipe(recipe_file: Path) -> Recipe:
    """Two stages, of two epochs each."""
    recipe_file.write_text(recipe_file.read_text().replace("epochs = 40", "epochs = 2") + SECOND)
    return load_recipe(recipe_file)


def test_all_models_see_every_photo_equally_often_and_differ_in_heads_alone(recipe: Recipe) -> None:
    found = {one.name: one for one in variants(recipe)}
    assert list(found) == ["category", "attributes", "retrieval", "category+attributes", "joint", "staged"]
    assert {sum(stage.epochs for stage in one.recipe.stages) for one in found.values()} == {4}
    plans = {name: one.recipe.network for name, one in found.items()}
    assert (plans["category"].attribute_head, plans["category"].embedding_dim) == (False, 0)
    assert (plans["retrieval"].category_head, plans["retrieval"].embedding_dim) == (False, 8)
    assert plans["joint"] == plans["staged"] == recipe.network
    assert [stage.release for stage in found["joint"].recipe.stages] == [2]
    assert found["staged"].recipe.stages == recipe.stages
    with pytest.raises(RecipeError, match="no model colour"):
        variants(recipe, ["colour"])


def test_a_difference_is_told_against_the_single_task_model_on_the_same_photos(recipe: Recipe) -> None:
    def trained(name: str, kind: Kind, right: int) -> Trained:
        scores = np.zeros(200)
        scores[:right] = 1
        one = Variant(name=name, kind=kind, recipe=recipe)
        clusters = np.full(200, -1)
        return Trained(variant=one, scores={"category/top1": scores}, clusters=clusters, seconds=1, photos_seen=1)

    single, joint, staged = rows_of(
        [trained("category", Kind.SINGLE, 150), trained("joint", Kind.JOINT, 151), trained("staged", Kind.STAGED, 180)]
    )
    assert single.difference is None
    assert joint.difference == pytest.approx(1 / 200)
    assert joint.verdict == "no difference beyond chance"
    assert (staged.verdict, staged.n) == ("better", 200)


def test_the_command_trains_compares_and_draws(shop: Path, recipe: Recipe, recipe_file: Path, tmp_path: Path) -> None:
    assert len(recipe.stages) == 2
    where = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--device", "cpu"]
    models = ["--models", "category,staged"]
    done = CliRunner().invoke(app, ["compare", str(recipe_file), "--data", f"shop={shop}", *where, *models])
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "out" / "comparison.json").read_text())
    category = [row for row in rows if row["figure"] == "category/top1"]
    assert [row["name"] for row in category] == ["category", "staged"]
    assert category[0]["difference"] is None
    assert category[1]["difference"] == pytest.approx(category[1]["value"] - category[0]["value"])
    page = (tmp_path / "out" / "comparison.html").read_text()
    assert "staged" in page
    assert "<svg" in page
