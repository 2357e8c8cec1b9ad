from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from trainer.judge import Judged
from trainer.main import app
from trainer.mapping import load_taxonomy
from trainer.model_card import model_card, write_model_card
from trainer.reading import read_data
from trainer.recipe import Recipe, load_recipe
from trainer.report.attributes import attributes
from trainer.report.categories import categories
from trainer.report.charts import loss_curves, score_curves
from trainer.report.comparison import ComparisonRow, Kind, render_comparison
from trainer.report.evidence import Evidence, one_of
from trainer.report.inputs import inputs
from trainer.report.neighbours import neighbours
from trainer.report.page import build, write
from trainer.report.runlog import read_log
from trainer.report.trust import confidences
from trainer.report.writing import percent
from vision.engines import RawOutputs
from vision.manifest import Calibration, DataSource, Manifest

SECTIONS = {"inputs", "figures", "curves", "category", "attributes", "confidence", "retrieval", "mistakes", "card"}


@pytest.fixture
def measurable(recipe_file: Path) -> Path:
    """The recipe without what trains: measuring needs none of it."""
    text = re.split(r"\n\[heads\]|\n\[\[stages\]\]", recipe_file.read_text())[0]
    recipe_file.write_text(text.replace('weights = "backbone.pth"\n', ""))
    return recipe_file


@pytest.fixture
def evidence(shop: Path, measurable: Path) -> Evidence:
    """What an imaginary model says of the shop's test photos: mostly right, the same every time."""
    recipe = load_recipe(measurable)
    data = read_data(recipe, load_taxonomy(measurable.parent / "taxonomy.toml"), {"shop": shop})
    wanted = np.flatnonzero(data.splits == "test")
    targets, rng = data.targets.take(wanted), np.random.default_rng(3)
    embedding = np.eye(80)[targets.products] + rng.normal(0, 0.22, (len(wanted), 80))
    manifest = Manifest(
        version="drawn-1",
        parent=None,
        plan=recipe.network,
        labels=data.labels,
        pixels=recipe.pixels,
        calibration=Calibration(temperature=0.8, abstain_below=0.5, group_thresholds={"colour": 0.6}),
        metrics={},
        sources=(DataSource(name="shop", photos=40, licence="drawn"),),
        licences={},
    )
    judged = Judged(
        manifest=manifest,
        data=data,
        wanted=wanted,
        rows=wanted,
        outputs=RawOutputs(
            category_logits=(2 * targets.categories + rng.normal(0, 1, targets.categories.shape)).astype(np.float32),
            attribute_logits=(2 * targets.attributes + rng.normal(0, 1, targets.attributes.shape)).astype(np.float32),
            embedding=(embedding / np.linalg.norm(embedding, axis=1, keepdims=True)).astype(np.float32),
        ),
        faults=(),
    )
    return seen(judged)


def seen(judged: Judged) -> Evidence:
    return Evidence(judged=judged, split="test", figures=judged.figures(), card=model_card(judged.manifest))


def saying(evidence: Evidence, **outputs: np.ndarray) -> Evidence:
    """The same evidence of a model that answers something else."""
    return seen(replace(evidence.judged, outputs=replace(evidence.outputs, **outputs)))


def page(evidence: Evidence, tmp_path: Path, *, with_photos: bool = True) -> str:
    out = tmp_path / "out" / "report.html"
    written = write(build(evidence), out, with_photos=with_photos)
    text = out.read_text()
    assert written.bytes == len(text.encode())
    return text


def parsed(text: str) -> ElementTree.Element:
    """The page as XML: every element closed, every attribute quoted, nothing unescaped."""
    assert text.startswith("<!DOCTYPE html>")
    return ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))


def check_it_loads_nothing(root: ElementTree.Element, text: str) -> None:
    ids = [found for element in root.iter() if (found := element.get("id"))]
    assert len(ids) == len(set(ids))
    for element in root.iter():
        assert element.tag.rpartition("}")[2] not in {"script", "link", "iframe", "object"}
        for name, value in element.attrib.items():
            if name.rpartition("}")[2] in {"src", "href"}:
                assert value.startswith("data:image/") or value.removeprefix("#") in ids
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}


def test_the_report_holds_every_section_and_stands_for_itself(evidence: Evidence, tmp_path: Path) -> None:
    text = page(replace(evidence, recipe="version = 'a & b'"), tmp_path)
    root = parsed(text)
    check_it_loads_nothing(root, text)
    assert {section.get("id") for section in root.iter("section")} == SECTIONS
    titles = {svg.get("aria-label") for svg in root.iter("{http://www.w3.org/2000/svg}svg")}
    assert titles >= {"Precision and recall: colour", "Reliability: category", "How alike photos are"}
    assert len(re.findall("data:image/webp;base64,", text)) > 10
    assert "prefers-color-scheme: dark" in text
    assert "no log of its run" in text
    assert "a &amp; b" in text
    assert len(text) < 1_000_000


def test_without_photos_words_stand_in_their_places(evidence: Evidence, tmp_path: Path) -> None:
    text = page(evidence, tmp_path, with_photos=False)
    assert "data:image" not in text
    assert next(parsed(text).iter("img"), None) is None
    assert "Shirt, Red" in text


@pytest.mark.parametrize(
    ("kept", "sections"),
    [
        ("category_logits", {"category", "mistakes", "confidence"}),
        ("attribute_logits", {"attributes", "confidence"}),
        ("embedding", {"retrieval"}),
    ],
)
def test_a_model_with_one_head_has_its_sections_alone(
    evidence: Evidence, tmp_path: Path, kept: str, sections: set[str]
) -> None:
    none = np.empty((len(evidence.rows), 0), np.float32)
    heads = dict.fromkeys({"category_logits", "attribute_logits", "embedding"} - {kept}, none)
    plan = replace(
        evidence.manifest.plan,
        category_head=kept == "category_logits",
        attribute_head=kept == "attribute_logits",
        embedding_dim=8 if kept == "embedding" else 0,
    )
    judged = replace(evidence.judged, manifest=replace(evidence.manifest, plan=plan))
    text = page(saying(seen(judged), **heads), tmp_path)
    root = parsed(text)
    check_it_loads_nothing(root, text)
    assert {section.get("id") for section in root.iter("section")} == sections | {"inputs", "figures", "curves", "card"}


def test_curves_are_drawn_of_what_the_log_holds(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    events = [
        {"event": "stage", "name": "heads"},
        {"event": "epoch", "stage": "heads", "number": 1, "losses": {"category": 2.0}, "score": 0.5},
        {"event": "epoch", "stage": "heads", "number": 2, "losses": {"category": 1.0}, "score": 0.7},
        {"event": "epoch", "stage": "heads", "number": 2, "losses": {"category": 1.1}, "score": 0.6},  # after a resume
        {"event": "epoch", "stage": "whole", "number": 1, "losses": {"category": 0.9, "metric": None}},
        {"event": "figures", "all/category/top1": 1.0},
    ]
    log.write_text("".join(json.dumps(event) + "\n" for event in events) + '[1]\n{"event": "epo')
    read = read_log(log)
    assert read is not None
    assert [epoch.losses["category"] for epoch in read.epochs] == [2.0, 1.1, 0.9]
    assert [(stage.name, stage.first, stage.epochs, stage.best) for stage in read.stages()] == [
        ("heads", 1, 2, 0.6),
        ("whole", 3, 1, None),
    ]
    assert 'aria-label="Loss of each task"' in loss_curves(read).svg
    assert loss_curves(read) == loss_curves(read)  # the same log, the same bytes
    assert "whole" in score_curves(read).svg
    log.write_text('{"event": "stage", "name": "heads"}\n')
    assert read_log(log) is None
    assert read_log(tmp_path / "nowhere.jsonl") is None


def test_classes_and_confusions_are_counted_over_photos_of_one_known_category(evidence: Evidence) -> None:
    truth = evidence.targets.categories
    single = truth.sum(1) == 1
    shirts, bags = np.flatnonzero(single & truth[:, 0]), np.flatnonzero(single & truth[:, 3])
    logits = np.where(truth, 4.0, 0.0).astype(np.float32)
    logits[shirts[:2], 3] = [9.0, 8.0]  # two shirts are surely said to be bags
    found = categories(saying(evidence, category_logits=logits))
    assert found is not None
    assert found.single == single.sum() < found.n
    (confusion,) = found.confusions
    assert (confusion.truth, confusion.said, confusion.count, confusion.of) == ("Shirt", "Bag", 2, len(shirts))
    assert confusion.row == evidence.rows[shirts[0]]
    assert confusion.lookalike in evidence.rows[bags]
    bag = next(row for row in found.classes if row.name == "Bag")
    assert bag.precision == pytest.approx(len(bags) / (len(bags) + 2))
    assert bag.recall == 1
    shirt = found.matrix.names.index("Shirt")
    assert found.matrix.shares[shirt][found.matrix.columns.index("Bag")] == pytest.approx(2 / len(shirts))
    assert [sum(row) for row in found.matrix.shares] == pytest.approx([1.0] * len(found.matrix.names))
    assert [mistake.row for mistake in found.mistakes] == evidence.rows[shirts[:2]].tolist()
    assert found.wrong == 2


def test_neighbouring_colours_are_told_apart_from_real_mistakes(
    shop: Path, measurable: Path, evidence: Evidence
) -> None:
    table = shop / "shop.csv"
    table.write_text(table.read_text().replace("Green", "Navy Blue"))
    taxonomy = measurable.parent / "taxonomy.toml"
    taxonomy.write_text(taxonomy.read_text().replace('"Blue", "Green"', '"Blue", "Navy Blue"'))
    data = read_data(load_recipe(measurable), load_taxonomy(taxonomy), {"shop": shop})
    manifest = replace(evidence.manifest, labels=data.labels)
    truth = data.targets.attributes[evidence.rows]
    logits = np.where(truth, 3.0, 0.0).astype(np.float32)
    navy, red = np.flatnonzero(truth[:, 2]), np.flatnonzero(truth[:, 0])
    logits[navy[:2], 1] = 5.0
    logits[red[0], 1] = 5.0
    outputs = replace(evidence.outputs, attribute_logits=logits)
    group = attributes(seen(replace(evidence.judged, manifest=manifest, data=data, outputs=outputs)))[0]
    n = int(truth[:, :3].any(1).sum())
    assert group.colours is not None
    assert group.colours.n == n
    assert group.colours.exact == pytest.approx((n - 3) / n)
    assert group.colours.with_neighbours == pytest.approx((n - 1) / n)
    assert [(pair.truth, pair.said, pair.count) for pair in group.colours.near] == [("Navy Blue", "Blue", 2)]
    assert [(pair.truth, pair.said, pair.count) for pair in group.colours.far] == [("Red", "Blue", 1)]
    blue = next(row for row in group.values if row.name == "Blue")
    assert blue.precision == pytest.approx(blue.n / (blue.n + 3))


def test_a_threshold_is_told_by_how_often_it_answers_and_how_often_rightly(evidence: Evidence) -> None:
    truth = evidence.targets.categories
    logits = np.where(truth, 6.0, 0.0).astype(np.float32)  # of two allowed names neither is as probable as 0.5
    single = np.flatnonzero(truth.sum(1) == 1)
    logits[single[:3]] = 0.0  # three photos it knows nothing of
    logits[single[3]] = np.roll(logits[single[3]], 1)  # one it is sure of, wrongly
    found = confidences(saying(evidence, category_logits=logits))[0]
    answered = len(single) - 3
    assert (found.task, found.n, found.temperature, found.threshold) == ("category", len(truth), 0.8, 0.5)
    assert found.answered == pytest.approx(answered / len(truth))
    assert found.precision == pytest.approx((answered - 1) / answered)
    assert {plot.title.split(":")[0] for plot in found.plots} == {"Reliability", "Coverage and precision"}


def test_a_neighbour_is_wrong_only_while_a_mate_is_still_to_be_found(evidence: Evidence) -> None:
    products = evidence.targets.products
    pair = np.flatnonzero(products == products[0])
    angle = 1 + np.linspace(0, 0.7, len(products)) ** 2  # everyone by itself, then the pair beside each other
    angle[pair] = 0.0, 0.3
    stranger = next(i for i in range(len(products)) if i not in pair)
    angle[stranger] = 0.1  # nearer to the first than its mate
    turned = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    found = neighbours(saying(evidence, embedding=turned))
    assert found is not None
    assert found.right_count + found.wrong_count == len(products)
    first = next(example for example in found.wrong if example.row == evidence.rows[pair[0]])
    assert first.mates == 1
    assert [hit.mark for hit in first.found] == ["wrong", "right", "spare", "spare", "spare", "spare"]
    assert first.found[0].row == evidence.rows[stranger]
    assert first.found[0].similarity == pytest.approx(np.cos(0.1), abs=1e-4)
    assert found.figures[0].recall[1] == pytest.approx(found.right_count / len(products), abs=1e-4)


def test_what_went_in_is_counted_by_source_and_split(evidence: Evidence) -> None:
    judged = replace(
        evidence.judged, rows=evidence.rows[1:], faults=("shop.csv, line 2, photo 0-0.png: it is missing",)
    )
    found = inputs(replace(evidence, judged=judged))
    (source,) = found.sources
    assert (source.name, source.licence, source.photos) == ("shop", "drawn", 80)
    assert source.test == len(judged.wanted)
    assert found.unusable == judged.faults
    unlabelled = {row.label: row.all for row in found.labels}
    assert unlabelled["category"] == 0
    assert unlabelled["detail"] == 0.5
    boot = next(row for row in found.classes if row.name == "Boot")
    assert boot.n == 0
    assert boot.among > 0
    assert "Boot" in found.smallest


def test_the_command_writes_the_report_of_a_model_folder(
    shop: Path, measurable: Path, evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    def look(model: Path, recipe: Recipe, folders: dict[str, Path], **how: object) -> Judged:
        asked.update(how, model=model, folders=folders)
        return evidence.judged

    monkeypatch.setattr("trainer.report.evidence.look", look)
    model = tmp_path / "model"
    (model / "run").mkdir(parents=True)
    (model / "MODEL_CARD.md").write_text(
        "# Its card\n\n<script>no</script> ![x](http://else/x.png) [words](http://else)\n"
    )
    (model / "run" / "log.jsonl").write_text(
        '{"event": "epoch", "stage": "heads", "losses": {"category": 1.0}, "score": 0.5}\n'
    )
    (model / "run" / "recipe.toml").write_text("# the recipe of the run")
    given = ["report", str(model), str(measurable), "--data", f"shop={shop}", "--split", "test"]
    done = CliRunner().invoke(app, [*given, "--no-photos", "--json"], catch_exceptions=False)
    told = json.loads(done.stdout)
    assert asked["model"] == model
    assert asked["split"] == "test"
    assert asked["engine"] == "onnx"
    assert told["pictures"] == 0
    assert told["photos"] == len(evidence.rows)
    assert Path(told["report"]) == model / "report.html"
    text = Path(told["report"]).read_text()
    check_it_loads_nothing(parsed(text), text)
    assert "data:image" not in text
    assert "<h3>Its card</h3>" in text
    assert "&lt;script&gt;no&lt;/script&gt;  words" in text
    assert "Loss of each task" in text
    assert "Score on dev photos" in text
    assert "# the recipe of the run" in text


def test_the_card_says_what_manifest_and_figures_hold(evidence: Evidence, tmp_path: Path) -> None:
    figures = {
        "all/category/n": 100.0,
        "all/category/top1": 0.9, "all/category/top1/low": 0.85, "all/category/top1/high": 0.94,
        "all/category/classes": 4.0, "all/category/classes_too_few": 1.0, "all/category/not_abstained": 0.8,
        "all/category/precision_not_abstained": 0.95, "all/retrieval/recall@1": 0.5, "all/retrieval/queries": 30.0,
    }  # fmt: skip
    write_model_card(tmp_path, evidence.manifest, figures, notes="Do not use it on hats.")
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert card.startswith("# drawn-1\n")
    assert "| shop | 40 | drawn |" in card
    assert "| category, top-1 | 0.900 (0.850 to 0.940), 100 |" in card
    assert "| retrieval, Recall@1 | 0.500 (0.332 to 0.668), 30 |" in card  # Wilson's, by hand
    assert "less probable than 0.50" in card
    assert "80 % of test photos; 95.0 % of these" in card
    assert "1 of 4 categories" in card
    assert "No test photo is labelled for colour, heel, detail" in card
    assert card.endswith("Do not use it on hats.\n")


def row(name: str, kind: Kind, value: float, difference: float | None = None, p: float | None = None) -> ComparisonRow:
    ends = (None, None) if difference is None else (difference - 0.02, difference + 0.02)
    return ComparisonRow(
        name=name, kind=kind, task="category", figure="top-1", value=value, low=value - 0.02, high=value + 0.02, n=1500,
        difference=difference, difference_low=ends[0], difference_high=ends[1], p=p, seconds=1234.5, photos_seen=80000,
    )  # fmt: skip


ROWS = [
    row("one", Kind.SINGLE, 0.9),
    row("three-joint", Kind.JOINT, 0.85, -0.05, 0.001),
    row("three-staged", Kind.STAGED, 0.91, 0.01, 0.3),
]


def test_a_comparison_says_which_differences_are_beyond_chance(tmp_path: Path) -> None:
    render_comparison(ROWS, tmp_path / "comparison.html")
    text = (tmp_path / "comparison.html").read_text()
    check_it_loads_nothing(parsed(text), text)
    assert "Joint against single-task: worse in 1 of 1 comparisons: three-joint on category, top-1 (-0.050)." in text
    assert "Staged against single-task: no difference beyond chance in 1 of 1" in text
    assert text.index("<th>three-staged") < text.index("<th>one") < text.index("<th>three-joint")
    assert "1,234" in text
    with pytest.raises(ValueError, match="needs a row"):
        render_comparison([], tmp_path / "comparison.html")


def test_a_comparison_in_markdown_has_its_plots_beside_it(tmp_path: Path) -> None:
    render_comparison(ROWS, tmp_path / "comparison.md")
    text = (tmp_path / "comparison.md").read_text()
    assert "| three-joint | joint | 0.850 | 0.830 to 0.870 | 1,500 | -0.050 (-0.070 to -0.030), worse | 0.001 |" in text
    (picture,) = re.findall(r"\]\((.*\.svg)\)", text)
    drawn = (tmp_path / picture).read_text()
    ElementTree.fromstring(drawn)
    assert "var(--" not in drawn
    assert not re.search(r"#0101\d\d|#0102\d\d", drawn)


def test_shares_and_names_are_written_for_people() -> None:
    assert [percent(share) for share in (0.0, 0.001, 0.5, 0.999, 1.0, float("nan"))] == [
        "0 %",
        "0.1 %",
        "50 %",
        "99.9 %",
        "100 %",
        "–",
    ]
    assert one_of([]) == ""
    assert one_of(["Boot"]) == "Boot"
    assert one_of(["Boot", "Sandal", "Heels", "Flats"]) == "one of Boot, Sandal, Heels, …"
