"""The gate: a model that could not take the next job is neither registered nor activated, and it is said why."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from store import Area, report_name
from vision.artifact import MANIFEST, Artifact, describe_file, load_artifact

Command = Any  # tests/integration/cli/conftest.py
Json = dict[str, Any]


@pytest.fixture
def folder(shipped: Path, tmp_path: Path) -> Path:
    """A copy of the shipped model that a test may damage."""
    return Path(shutil.copytree(shipped, tmp_path / "model"))


def manifest_of(folder: Path) -> Json:
    value: Json = json.loads((folder / MANIFEST).read_text())
    return value


def change_manifest(folder: Path, change: Callable[[Json], object]) -> None:
    manifest = manifest_of(folder)
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def name_as_they_are(folder: Path) -> None:
    """Writes the files' sums anew, as somebody would who tampers with care."""

    def describe(manifest: Json) -> None:
        found = [describe_file(folder / file["name"]) for file in manifest["files"]]
        manifest["files"] = [{"name": f.name, "sha256": f.sha256, "bytes": f.bytes} for f in found]

    change_manifest(folder, describe)


def drop_a_category(folder: Path) -> None:
    def drop(manifest: Json) -> None:
        dropped = manifest["labels"]["categories"].pop()
        for group in manifest["labels"]["groups"]:
            group["categories"] = [name for name in group["categories"] if name != dropped]

    change_manifest(folder, drop)


def lengthen_the_categories(folder: Path) -> None:
    change_manifest(folder, lambda manifest: manifest["labels"]["categories"].append("Spacesuit"))


def drop_an_attribute(folder: Path) -> None:
    change_manifest(folder, lambda manifest: manifest["labels"]["groups"][0]["values"].pop())


def halve_the_embedding(folder: Path) -> None:
    change_manifest(
        folder, lambda manifest: manifest["plan"].update(embedding_dim=manifest["plan"]["embedding_dim"] // 2)
    )


def shrink_the_pixels(folder: Path) -> None:
    change_manifest(folder, lambda manifest: manifest["pixels"].update(size_px=manifest["pixels"]["size_px"] - 32))


def leave_out_the_embedding(folder: Path) -> None:
    change_manifest(folder, lambda manifest: manifest["plan"].update(embedding_dim=0, category_share=0.0))


def truncate_the_graph(folder: Path) -> None:
    graph = folder / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1000])


def change_the_golden_answer(folder: Path) -> None:
    path = folder / "golden.json"
    answer = json.loads(path.read_text())
    answer["embedding"] = np.roll(answer["embedding"], 1).tolist()
    path.write_text(json.dumps(answer))


def change_the_golden_answer_with_care(folder: Path) -> None:
    change_the_golden_answer(folder)
    name_as_they_are(folder)


def shorten_the_golden_answer_with_care(folder: Path) -> None:
    path = folder / "golden.json"
    answer = json.loads(path.read_text())
    answer["category_probabilities"].pop()
    path.write_text(json.dumps(answer))
    name_as_they_are(folder)


def take_other_weights(folder: Path) -> None:
    import torch

    state = torch.load(folder / "weights.pth", weights_only=True)
    state["heads.projection.weight"] = state["heads.projection.weight"][:-1]
    torch.save(state, folder / "weights.pth")
    name_as_they_are(folder)


def take_weights_that_run_code(folder: Path) -> None:
    import torch

    torch.save({"heads": Path("anything")}, folder / "weights.pth")
    name_as_they_are(folder)


def lose_the_golden_photo(folder: Path) -> None:
    (folder / "golden.jpg").unlink()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (drop_a_category, "(C, A, D) in ~weights.pth, (C-1, A, D) in the manifest"),
        (lengthen_the_categories, "(C, A, D) in ~weights.pth, (C+1, A, D) in the manifest"),
        (drop_an_attribute, "(C, A, D) in ~weights.pth, (C, A-1, D) in the manifest"),
        (halve_the_embedding, "(C, A, D) in ~weights.pth, (C, A, D//2) in the manifest"),
        (shrink_the_pixels, "does not take pixels of shape"),
        (leave_out_the_embedding, "has no embedding: a version in service needs both"),
        (truncate_the_graph, "SHA-256 differs~model.onnx"),
        (change_the_golden_answer, "SHA-256 differs~golden.json"),
        (change_the_golden_answer_with_care, "answers its golden photo differently~cosine of the embeddings"),
        (shorten_the_golden_answer_with_care, "category_probabilities of shape (C-1,), the network answers (C,)"),
        (take_other_weights, "(C, A, D-1) in ~weights.pth, (C, A, D) in the manifest"),
        (take_weights_that_run_code, "no state dict~has no place among weights"),
        (lose_the_golden_photo, "missing~golden.jpg"),
    ],
)
def test_a_model_that_does_not_check_is_refused_and_leaves_nothing(
    command: Command, folder: Path, damage: Callable[[Path], None], says: str
) -> None:
    expected = with_sizes(says, load_artifact(folder))
    damage(folder)
    said = command.refuse("models", "register", folder, "--activate")
    assert re.search(re.escape(expected).replace("\\~", ".*"), said), said
    assert command.rows("SELECT FROM modiste.model_version") == []
    assert command.rows("SELECT to_regclass('modiste.embedding_1') IS NULL") == [(True,)]
    assert list(command.store.names(Area.MODELS)) == []


def with_sizes(says: str, model: Artifact) -> str:
    """C categories, A attributes, D numbers of the embedding, and sums with them."""
    sizes = dict(zip("CAD", map(str, model.outputs), strict=True))
    said = re.sub(r"\b[CAD]\b", lambda found: sizes[found[0]], says)
    return re.sub(r"\d+(\+|-|//)\d", lambda found: str(eval(found[0])), said)


def test_a_model_that_checks_is_registered_shown_and_active(command: Command, folder: Path) -> None:
    (folder / "run" / "checkpoints").mkdir(parents=True)
    (folder / "run" / "checkpoints" / "last.pth").write_bytes(b"many megabytes")
    (folder / "report.html").write_text("how well it does")
    manifest = manifest_of(folder)
    said = command.run("models", "register", folder, "--activate")
    assert f"{manifest['version']} is the active version" in said

    kept = command.store.fetch_folder(Area.MODELS, manifest["version"], folder)
    named = {file["name"] for file in manifest["files"]} | {"manifest.json", "MODEL_CARD.md"}
    assert {path.name for path in kept.rglob("*")} == named | {"index.modiste.json"}

    assert command.store.read(Area.REPORTS, report_name(manifest["version"])) == b"how well it does"

    (listed,) = json.loads(command.run("models", "list", "--json"))
    assert [listed] == json.loads(command.run("models", "--json"))
    assert (listed["name"], listed["state"], listed["photos"]) == (manifest["version"], "active", 0)
    assert manifest["version"] in command.run("models")

    shown = json.loads(command.run("models", "show", manifest["version"], "--json"))
    assert (shown["state"], shown["backbone"]) == ("active", manifest["plan"]["backbone"])
    assert shown["embedding_dim"] == manifest["plan"]["embedding_dim"]
    assert shown["categories"] == len(manifest["labels"]["categories"])
    assert shown["attributes"] == {group["name"]: len(group["values"]) for group in manifest["labels"]["groups"]}
    assert shown["sources"] == manifest["sources"]
    assert shown["bytes"] == sum(file["bytes"] for file in manifest["files"])
    assert {"source": "all", "task": "category", "figure": "top1"} | {
        "value": manifest["metrics"]["all/category/top1"],
        "n": int(manifest["metrics"]["all/category/n"]),
    } in shown["metrics"]
    assert shown["thresholds"]["category"] == manifest["calibration"]["abstain_below"]
    for fact in (
        manifest["plan"]["backbone"],
        f"{shown['categories']} categories",
        "Learned from",
        "weights.pth",
        "recall@1",
    ):
        assert fact in command.run("models", "show", manifest["version"])


def test_registering_again_changes_nothing_and_another_model_under_the_name_is_refused(
    command: Command, folder: Path
) -> None:
    assert "modiste models backfill" in command.run("models", "register", folder)
    command.run("models", "register", folder)
    change_manifest(folder, lambda manifest: manifest["licences"].update(photos="none"))
    assert "registered with another manifest" in command.refuse("models", "register", folder)
    assert len(command.rows("SELECT FROM modiste.model_version")) == 1


def test_what_the_store_cannot_take_is_not_registered(command: Command, folder: Path) -> None:
    change_manifest(folder, lambda manifest: manifest.update(version="../outside"))
    assert "cannot name a file of the store" in command.refuse("models", "register", folder)
    assert command.rows("SELECT FROM modiste.model_version") == []


@pytest.fixture
def two(command: Command, folder: Path) -> tuple[str, Path]:
    """A registered version, not active, and where the store keeps it; another one is active."""
    command.run("models", "register", folder, "--activate")
    assert "backfill" not in command.run("models", "register", folder), "the active one has seen all"
    change_manifest(folder, lambda manifest: manifest.update(version="second"))
    command.run("models", "register", folder)
    return "second", command.store.fetch_folder(Area.MODELS, "second", folder)


def refused_activation(command: Command, version: str) -> str:
    """Its message; the version that was active still is."""
    said: str = command.refuse("models", "activate", version)
    assert command.rows("SELECT state FROM modiste.model_version ORDER BY id") == [("active",), ("registered",)]
    return said


@pytest.mark.parametrize("gone", ["all", "index.modiste.json", "model.onnx"])
def test_a_version_whose_files_vanished_from_the_store_is_not_activated_until_they_are_back(
    command: Command, folder: Path, two: tuple[str, Path], gone: str
) -> None:
    version, kept = two
    if gone == "all":
        shutil.rmtree(kept)
    else:
        (kept / gone).unlink()
    assert "files of model second are gone" in refused_activation(command, version)
    command.run("models", "register", folder)
    assert "second is the active version" in command.run("models", "activate", version)


def test_a_version_whose_files_changed_in_the_store_is_not_activated(command: Command, two: tuple[str, Path]) -> None:
    version, kept = two
    truncate_the_graph(kept)
    assert "SHA-256 differs" in refused_activation(command, version)


def test_a_version_whose_manifest_changed_in_the_store_is_not_activated(
    command: Command, two: tuple[str, Path]
) -> None:
    version, kept = two
    change_manifest(kept, lambda manifest: manifest["labels"]["categories"].reverse())
    assert "is not the one that was registered" in refused_activation(command, version)


@pytest.mark.parametrize("subcommand", ["show", "activate"])
def test_a_version_nobody_registered_is_named(command: Command, subcommand: str) -> None:
    assert "there is no model version nine; `modiste models` lists them" in command.refuse("models", subcommand, "nine")
