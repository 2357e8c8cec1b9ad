"""A tiny untrained model on the drawn shop: what is read for it, what is left out, and what is said of that."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from typer.testing import CliRunner

from trainer.errors import RecipeError, SourceError
from trainer.evaluation import evaluate, photo_scores
from trainer.export import save_model
from trainer.figure_table import figure_tables
from trainer.judge import judge, look, some_pixels
from trainer.main import app
from trainer.mapping import Dialect, Rule, Taxonomy
from trainer.recipe import Recipe, load_recipe
from trainer.translation import in_words_of, read_for
from vision.artifact import read_manifest
from vision.engines import RawOutputs
from vision.labels import AttributeGroup, LabelSpace
from vision.manifest import Calibration, Manifest
from vision.network import MultitaskNetwork
from vision.plan import NetworkPlan
from vision.predictor import Predictor
from vision.preprocess import PixelRule, Resize

# Not the recipe's label space: neither sandals nor heels, and a colour that the shop does not have.
LABELS = LabelSpace(
    categories=("Bag", "Boot", "Shirt"),
    groups=(
        AttributeGroup(name="colour", values=("Blue", "Red", "Violet"), exclusive=True),
        AttributeGroup(name="detail", values=("Bow", "Zip"), exclusive=False),
    ),
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    plan = NetworkPlan(backbone="test_efficientnet", trunk_dim=8, embedding_dim=8)
    manifest = Manifest(
        version="tiny",
        parent=None,
        plan=plan,
        labels=LABELS,
        pixels=PixelRule(size_px=32, resize=Resize.PAD_WHITE, mean=(127.0,) * 3, std=(128.0,) * 3),
        calibration=Calibration(),
        metrics={},
        sources=(),
        licences={},
    )
    folder = tmp_path_factory.mktemp("model")
    save_model(MultitaskNetwork(plan, categories=3, attributes=5).eval(), manifest, folder)
    return folder


@pytest.fixture
def recipe(recipe_file: Path) -> Recipe:
    """The shop's recipe without what trains, and with a second source that nobody gives."""
    text = re.split(r"\n\[heads\]|\n\[\[stages\]\]", recipe_file.read_text())[0]
    text += '\n[[sources]]\nname = "elsewhere"\ntable = "no.csv"\nlicence = ""\n'
    recipe_file.write_text(text.replace('weights = "backbone.pth"\n', ""))
    return load_recipe(recipe_file)


def test_a_model_is_judged_in_its_own_label_space(model: Path, recipe: Recipe, shop: Path) -> None:
    found = look(model, recipe, {"shop": shop}, split="test", engine="onnx")
    assert found.data.labels == LABELS
    assert found.figures() == {
        **evaluate(found.outputs, found.data, found.rows, found.manifest.calibration),
        "all/unusable": 0,
    }
    # "shoes" is Boot or Sandal, of which the model has one; Green is a colour it has no name for.
    words = [row.words for _, row in found.data.rows]
    assert found.data.targets.categories[[row["category"] == "shoes" for row in words]].tolist() == [[0, 1, 0]] * 26
    assert found.data.ignored == {("shop", "colour", "Green"): 26}


def test_names_that_a_model_lacks_are_dropped_from_every_dialect() -> None:
    spoken = Taxonomy(
        labels=LABELS,
        dialects={
            "shop": Dialect(
                words={"category": {"shoes": ("Boot", "Sandal"), "clogs": ("Sandal",)}, "heel": {"flat": ("Flat",)}},
                rules=(Rule(when={"shape": "open"}, then={"category": ("Sandal",), "colour": ("Red", "Green")}),),
            )
        },
    )
    kept = in_words_of(LABELS, spoken).dialects["shop"]
    assert kept.words == {"category": {"shoes": ("Boot",)}, "heel": {}}
    assert [rule.then for rule in kept.rules] == [{"colour": ("Red",)}]


def test_what_is_kept_is_what_the_model_says_of_each_photo(
    model: Path, recipe: Recipe, shop: Path, tmp_path: Path
) -> None:
    found = look(model, recipe, {"shop": shop}, split="dev", engine="onnx")
    found.save(tmp_path / "outputs.npz")
    kept = np.load(tmp_path / "outputs.npz")
    predictor = Predictor.open(model, engine="onnx")
    for photo, embedding, logits in zip(kept["photos"], kept["embedding"], kept["category_logits"], strict=True):
        pixels = predictor.decode((shop / "photos" / str(photo)).read_bytes())
        said = predictor.predict(pixels[np.newaxis])[0]
        assert np.allclose(said.embedding, embedding, atol=1e-4)
        assert said.categories[0] == kept["categories"][logits.argmax()]
    assert kept["rows"].tolist() == np.flatnonzero(found.data.splits == "dev").tolist()


def test_photos_that_cannot_be_read_are_counted_and_none_at_all_is_an_error(
    model: Path, recipe: Recipe, shop: Path
) -> None:
    (shop / "photos" / "0-0.png").unlink()
    (shop / "photos" / "0-1.png").write_bytes(b"no photo")
    found = look(model, recipe, {"shop": shop}, split="all", engine="onnx")
    assert found.figures()["all/unusable"] == 2
    assert found.rows.tolist() == list(range(2, 80))
    assert [fault.partition(":")[0] for fault in found.faults] == [
        "shop.csv, line 2, photo 0-0.png",
        "shop.csv, line 3, photo 0-1.png",
    ]
    for photo in (shop / "photos").iterdir():
        photo.unlink()
    with pytest.raises(SourceError, match=r"no photo of the split test can be read.*shop\.csv, line .*missing"):
        look(model, recipe, {"shop": shop}, split="test", engine="onnx")


@pytest.mark.parametrize(
    ("split", "engine", "says"),
    [("tset", "onnx", "split 'tset' is none of train, dev, test, all"), ("test", "tpu", "engine 'tpu' is none of")],
)
def test_a_split_or_engine_that_nobody_knows_is_named(
    model: Path, recipe: Recipe, shop: Path, split: str, engine: str, says: str
) -> None:
    with pytest.raises(RecipeError, match=says):
        judge(model, recipe, {"shop": shop}, split=split, engine=engine)


def test_an_empty_split_is_told_with_those_that_are_not(model: Path, recipe: Recipe, shop: Path) -> None:
    table = shop / "shop.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([f"{lines[0]},split", *(f"{line},train" for line in lines[1:])]) + "\n")
    fault = evaluated(model, shop, "--split", "test").exception
    assert isinstance(fault, RecipeError)
    assert "no photo of the data is in the split test; there are 72 in train, 8 in dev." in str(fault)


def test_sources_that_share_no_label_are_refused_unless_products_can_be_found(
    model: Path, shop: Path, recipe: Recipe
) -> None:
    manifest = replace(read_manifest(model), labels=LabelSpace(categories=("Teapot", "Kettle", "Cup")))
    blind = replace(manifest, plan=replace(manifest.plan, embedding_dim=0))
    with pytest.raises(SourceError, match="no row of any source has a label"):
        read_for(blind, recipe, {"shop": shop})
    data = read_for(manifest, recipe, {"shop": shop})
    zeros = np.zeros((80, 3), np.float32)
    said = RawOutputs(category_logits=zeros, attribute_logits=zeros, embedding=np.eye(80, dtype=np.float32))
    found = evaluate(said, data, np.arange(80), manifest.calibration)
    assert found["shop/retrieval/queries"] == 80
    assert {name.split("/")[1] for name in found} == {"retrieval"}
    assert set(photo_scores(said, data, np.arange(80))) == {"retrieval/recall@1", "retrieval/map@r"}


def test_pixels_are_spread_over_the_split(model: Path, recipe: Recipe, shop: Path) -> None:
    pixels = some_pixels(model, recipe, {"shop": shop}, "train", 5)
    assert [each.shape for each in pixels] == [(32, 32, 3)] * 5


def evaluated(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def test_the_command_measures_a_folder_without_a_recipe(model: Path, shop: Path, recipe: Recipe) -> None:
    (shop / "photos" / "4-0.png").unlink()
    taxonomy = recipe.taxonomy
    assert taxonomy is not None
    found = evaluated(model, shop, "--taxonomy", taxonomy, "--json")
    assert found.exit_code == 0
    figures = json.loads(found.stdout)
    name = shop.name  # the folder's; the taxonomy's dialect is the shop's, so that only our own names are understood
    assert figures[f"{name}/colour/n"] == 53
    assert figures["all/unusable"] == 1
    assert "1 of 80 photos cannot be read" in found.stderr
    assert "have no name in the model" in found.stderr


def test_the_command_tells_people_a_table_a_source(model: Path, shop: Path, recipe_file: Path, recipe: Recipe) -> None:
    found = evaluated(model, recipe_file, "--data", f"shop={shop}")
    assert found.exit_code == 0
    for part in ("shop", "category", "top1", "recall@1", "95 % interval", " to ", "Model tiny on"):
        assert part in found.stdout


def test_a_recipe_stands_alone_and_data_goes_with_a_recipe(
    model: Path, shop: Path, recipe_file: Path, recipe: Recipe, tmp_path: Path
) -> None:
    for arguments, says in (
        ((recipe_file, shop, "--data", f"shop={shop}"), "a recipe stands alone"),
        ((shop, "--data", f"shop={shop}"), "--data goes with a recipe"),
        ((recipe_file,), "--data shop=FOLDER"),
        ((shop, "--out", tmp_path / "nowhere" / "x.npz"), "there is no folder"),
    ):
        fault = evaluated(model, *arguments).exception
        assert isinstance(fault, RecipeError)
        assert says in str(fault)


def test_tables_keep_a_figure_with_its_interval_and_count() -> None:
    figures = {
        "a/category/top1": 0.5, "a/category/top1/low": 0.4, "a/category/top1/high": 0.6, "a/category/n": 20.0,
        "a/category/classes": 3.0, "a/retrieval/recall@1": 1.0, "a/retrieval/queries": 7.0,
        "a/category/top1_n30": 0.25, "a/category/top1_n30/n": 4.0,
    }  # fmt: skip
    (table,) = figure_tables(
        {**{name.replace("a/", "all/", 1): 0.0 for name in figures}, **figures, "all/unusable": 1.0}
    )
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert table.title == "a"
    assert rows == [
        ("category", "top1", "0.500", "0.400 to 0.600", "20"),
        ("", "classes", "3", "", ""),
        ("", "top1_n30", "0.250", "", "4"),
        ("retrieval", "recall@1", "1.000", "", "7"),
    ]


def test_a_word_that_means_none_of_our_names_on_purpose_stays_known() -> None:
    labels = LabelSpace(groups=(AttributeGroup(name="neck", values=("Round", "Polo"), exclusive=True),))
    spoken = Taxonomy(labels=labels, dialects={"shop": Dialect(words={"neck": {"Hood": (), "Roundish": ("Round",)}})})
    fewer = LabelSpace(groups=(AttributeGroup(name="neck", values=("Polo", "V"), exclusive=True),))
    assert in_words_of(fewer, spoken).dialect("shop").words["neck"] == {"Hood": ()}
