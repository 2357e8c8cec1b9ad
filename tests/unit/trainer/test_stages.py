"""Whole runs over several stages: what learns, resuming after a kill, and two processes against one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from trainer.dataset import Split
from trainer.draws import epoch_draws
from trainer.errors import CheckpointError, RecipeError
from trainer.loop import Epoch
from trainer.parent import build_network
from trainer.reading import read_all
from trainer.recipe import load_recipe
from trainer.run import How, Places, run
from trainer.stages import Begun
from trainer.tellers import Silence
from vision.artifact import load_artifact
from vision.network import load_network

STAGES = """
[[stages]]
name = "heads"
epochs = 3
batch_size = 16
learning_rate = 0.01
products_per_batch = 6

[[stages]]
name = "upper"
release = 3
views = 3
epochs = 4
batch_size = 16
learning_rate = 0.005
backbone_learning_rate = 0.001
products_per_batch = 6
recolour = 0.5
own_mates = ["shop"]
ema = 0.9
learned_weights = true
metric_loss = "proxy-anchor"
patience = 99
blends = [0.5, 1.0]
"""


@pytest.fixture
def staged(recipe_file: Path) -> Path:
    """The drawn shop's recipe with two stages."""
    text = recipe_file.read_text()
    recipe_file.write_text(text[: text.index("[[stages]]")] + STAGES)
    return recipe_file


def places(shop: Path, tmp_path: Path, out: str) -> Places:
    return Places(data={"shop": shop}, cache=tmp_path / "cache", out=tmp_path / out)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_network(load_artifact(folder)).state_dict()


def apart(one: Path, other: Path) -> float:
    a, b = weights(one), weights(other)
    return max(float((a[name].float() - b[name].float()).abs().max()) for name in a)


def command(recipe: Path, shop: Path, out: Path, cache: Path, *more: str) -> list[str]:
    data = [
        "--data",
        f"shop={shop}",
        "--out",
        str(out),
        "--cache",
        str(cache),
        "--device",
        "cpu",
        "--json",
        "--checkpoint-every",
        "0",
    ]
    return ["-m", "trainer", "run", str(recipe), *data, *more]


class Recorder(Silence):
    def __init__(self) -> None:
        self.learns: dict[str, int] = {}
        self.weights: dict[str, float] = {}

    def stage(self, begun: Begun) -> None:
        self.learns[begun.stage.name] = begun.learns

    def epoch(self, epoch: Epoch) -> None:
        self.weights = epoch.weights


def test_each_stage_releases_what_it_says_and_leaves_the_rest_alone(shop: Path, staged: Path, tmp_path: Path) -> None:
    told = Recorder()
    run(load_recipe(staged), places(shop, tmp_path, "model"), told)
    start = torch.load(staged.parent / "backbone.pth", weights_only=True)
    end = {name.removeprefix("backbone.body."): value for name, value in weights(tmp_path / "model").items()}
    moved = {name for name in start if not torch.equal(start[name].half(), end[name].half())}
    lower = ("conv_stem", "bn1", "blocks.0.", "blocks.1.", "blocks.2.")
    assert moved
    assert not [name for name in moved if name.startswith(lower)]
    assert not [name for name in moved if "running" in name or "tracked" in name]
    assert told.learns["heads"] < told.learns["upper"]
    assert len(set(told.weights.values())) > 1  # learned


def test_a_run_that_was_killed_in_its_second_stage_ends_with_the_weights_of_an_uninterrupted_one(
    shop: Path, staged: Path, tmp_path: Path
) -> None:
    run(load_recipe(staged), places(shop, tmp_path, "whole"), Silence(), How(device="cpu"))
    out, cache = tmp_path / "broken", tmp_path / "cache"
    killed = _killed_in_stage("upper", command(staged, shop, out, cache))
    assert killed
    with pytest.raises(CheckpointError, match="--resume"):
        run(load_recipe(staged), places(shop, tmp_path, "broken"), Silence(), How(device="cpu"))
    other = staged.with_name("other.toml")
    other.write_text(staged.read_text().replace("epochs = 4", "epochs = 5"))
    with pytest.raises(CheckpointError, match="another recipe"):
        run(load_recipe(other), places(shop, tmp_path, "broken"), Silence(), How(device="cpu", resume=True))
    done = subprocess.run([sys.executable, *command(staged, shop, out, cache, "--resume")], env=_alone(), check=True)
    assert done.returncode == 0
    assert apart(tmp_path / "whole", out) == 0
    events = [json.loads(line) for line in (out / "run" / "log.jsonl").read_text().splitlines()]
    assert [event["name"] for event in events if event["event"] == "stage"][:2] == ["heads", "upper"]
    assert not list((out / "run" / "checkpoints").glob("*.pt"))


def test_fresh_forgets_a_run_that_was_broken_off(shop: Path, recipe_file: Path, tmp_path: Path) -> None:
    recipe_file.write_text(recipe_file.read_text().replace("epochs = 40", "epochs = 1"))
    left = tmp_path / "model" / "run" / "checkpoints" / "last.pt"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="--fresh"):
        run(load_recipe(recipe_file), places(shop, tmp_path, "model"), Silence(), How(device="cpu", resume=True))
    run(load_recipe(recipe_file), places(shop, tmp_path, "model"), Silence(), How(device="cpu", fresh=True))
    assert load_artifact(tmp_path / "model")
    assert not left.exists()


TOLERANCE = 1e-3  # of a weight kept in float16; sums over processes are added in another order


def test_two_processes_end_where_one_does(shop: Path, staged: Path, tmp_path: Path) -> None:
    staged.write_text(staged.read_text().replace("ema = 0.9", "ema = 0.5"))
    more = ["--workers", "0"]
    one, two, cache = tmp_path / "one", tmp_path / "two", tmp_path / "cache"
    subprocess.run([sys.executable, *command(staged, shop, one, cache, *more)], env=_alone(), check=True)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([*torchrun, *command(staged, shop, two, cache, *more)], env=_alone(), check=True)
    assert apart(one, two) < TOLERANCE
    first, second = (load_artifact(out).manifest.metrics for out in (one, two))
    assert first.keys() == second.keys()
    assert first["shop/category/top1"] == pytest.approx(second["shop/category/top1"], abs=0.06)


def test_live_views_learn_past_broken_photos_and_name_them(shop: Path, staged: Path, tmp_path: Path) -> None:
    (shop / "photos" / "3-0.png").write_bytes(b"no image")
    text = staged.read_text()
    staged.write_text(
        text[: text.index("[[stages]]")] + '[[stages]]\nname = "all"\nrelease = -1\nviews = 0\nepochs = 2\n'
    )
    told: list[str] = []

    class Faults(Silence):
        def faults(self, faults: Sequence[str]) -> None:
            told.extend(faults)

    run(load_recipe(staged), places(shop, tmp_path, "model"), Faults(), How(device="cpu", workers=1))
    assert [fault.split(":")[0] for fault in told] == ["shop.csv, line 8, photo 3-0.png"]


def test_a_model_learns_on_from_its_parent_and_names_it(shop: Path, staged: Path, tmp_path: Path) -> None:
    run(load_recipe(staged), places(shop, tmp_path, "first"), Silence())
    taxonomy = staged.parent / "taxonomy.toml"
    taxonomy.write_text(taxonomy.read_text().replace('"Bag"]', '"Hat", "Bag"]'))
    staged.write_text(
        f'version = "drawn-2"\nparent = "{tmp_path / "first"}"\n'
        + staged.read_text().replace('version = "drawn-1"', "")
    )
    recipe = load_recipe(staged)
    data, _ = read_all(recipe, {"shop": shop})
    network, parent = build_network(recipe, data.labels)
    before = weights(tmp_path / "first")
    assert parent is not None
    assert parent.version == "drawn-1"
    assert data.labels.categories == ("Shirt", "Boot", "Sandal", "Hat", "Bag")
    assert network.heads.category is not None
    assert torch.equal(network.heads.category.weight[4], before["heads.category.weight"][3].float())
    assert torch.equal(network.heads.attribute.weight, before["heads.attribute.weight"].float())  # type: ignore[union-attr]
    run(recipe, places(shop, tmp_path, "second"), Silence())
    assert load_artifact(tmp_path / "second").manifest.parent == "drawn-1"
    staged.write_text(staged.read_text().replace("size_px = 32", "size_px = 48"))
    with pytest.raises(RecipeError, match=r"another \[network\] or \[pixels\]"):
        run(load_recipe(staged), places(shop, tmp_path, "third"), Silence())


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        ('name = "x"\nwatch = ["colour"]', "watch lists some of category, attributes, retrieval"),
        ('name = "x"\nepochs = 0', "epochs is 0"),
        ('name = "x"\nprecision = "fp8"', "auto, fp32, bf16, fp16"),
        ('name = "x"\n[[stages]]\nname = "x"', "two stages are called x"),
        ('name = "x"\n[heads]\nepochs = 3', "it has no part heads"),
    ],
)
def test_a_stage_with_a_mistake_is_refused_by_name(staged: Path, stage: str, says: str) -> None:
    text = staged.read_text()
    staged.write_text(f"{text[: text.index('[[stages]]')]}[[stages]]\n{stage}\n")
    with pytest.raises(RecipeError, match=says):
        load_recipe(staged)


def _killed_in_stage(stage: str, arguments: list[str]) -> bool:
    """Starts a run and kills it, as a machine does that loses power, once an epoch of the stage is written down."""
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=_alone()) as running:
        assert running.stdout is not None
        for line in running.stdout:
            event = json.loads(line)
            if event["event"] == "epoch" and event["stage"] == stage and event["number"] == 2:
                running.send_signal(signal.SIGKILL)
                break
        running.wait(60)
        return running.returncode == -signal.SIGKILL


def _alone() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def test_draws_depend_on_stage_seed_and_epoch_alone(shop: Path, staged: Path) -> None:
    recipe = load_recipe(staged)
    data, _ = read_all(recipe, {"shop": shop})
    train = np.flatnonzero(data.splits == Split.TRAIN)
    stage = recipe.stages[1]
    one, same, later = (epoch_draws(stage, train, data, seed=0, epoch=epoch) for epoch in (1, 1, 2))
    assert all((a.rows == b.rows).all() and (a.seeds == b.seeds).all() for a, b in zip(one, same, strict=True))
    assert any((a.rows[:4] != b.rows[:4]).any() for a, b in zip(one, later, strict=True))
    seen = np.concatenate([drawn.rows for drawn in one])
    assert set(seen.tolist()) == set(train.tolist())
    assert not any(drawn.recoloured[: len(drawn.rows) // 2].all() for drawn in one)
    assert any(drawn.recoloured.any() for drawn in one)
