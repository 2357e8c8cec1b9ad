"""Turns corrections into a better model: what to learn from, what to judge by, and the recipe between them.

Knows the exported manifest and the active model's manifest; training and the gate are the trainer's.
"""

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.errors import UsageError

TABLE = "improve.csv"
SOURCE = "catalogue"
# Of all products, by a hash of their name, for ever: judged by, and never learned from; and for early stopping.
FROZEN, DEV = range(20), range(20, 30)
FROZEN_MIN = 30
MADE = "-corrected-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Photos by what became of them; `corrected` of those learned from were said by a person, and count as three.

    `aside`: corrected photos of products in the frozen set, which neither teach nor judge.
    """

    learned: int
    corrected: int
    dev: int
    frozen: int
    aside: int
    unlabelled: int


# A correction is one photo against many that only hold what is known.
WEIGHT = 3


def split_of(product: str) -> str:
    """train, dev or test; the same product is always in the same."""
    place = int.from_bytes(hashlib.sha256(product.encode()).digest()[:4], "big") % 100
    return "test" if place in FROZEN else "dev" if place in DEV else "train"


def write_table(
    folder: Path,
    corrected: Mapping[str, Mapping[str, str | None]],
    meanings: Mapping[str, str],
    labels: Mapping[str, Any],
) -> Counts:
    """Of an exported catalogue, the table to learn from. `corrected`: by external id what people said of a listing.

    Words that the model does not have are no labels. Raises UsageError where too little is left to judge by.
    """
    groups = {group["name"]: frozenset(group["values"]) for group in labels["groups"]}
    counts = dict.fromkeys(("learned", "corrected", "dev", "frozen", "aside", "unlabelled"), 0)
    with (
        (folder / "manifest.csv").open(newline="", encoding="utf-8") as manifest,
        (folder / TABLE).open("w", newline="", encoding="utf-8") as file,
    ):
        write = csv.writer(file).writerow
        write(["photo", "category", "product", "split", *groups])
        for row in csv.DictReader(manifest):
            said = corrected.get(row["external_id"], {})
            category = said.get("category") or meanings.get(row["seller_category"], "")
            split = split_of(row["product"])
            if said and split != "train":
                counts["aside"] += 1
                continue
            if not category and not said:
                counts["unlabelled"] += 1
                continue
            words = {name: word if (word := row.get(name) or "") in values else "" for name, values in groups.items()}
            times = WEIGHT if said else 1
            counts["corrected"] += bool(said)
            counts[{"train": "learned", "dev": "dev", "test": "frozen"}[split]] += 1
            for _ in range(times):
                write([row["photo"], category, row["product"], split, *words.values()])
    found = Counts(**counts)
    if found.frozen < FROZEN_MIN:
        raise UsageError(
            f"only {found.frozen} photos are left to judge by, and {FROZEN_MIN} are needed: import more listings whose "
            "seller's category says what they are"
        )
    return found


def recipe_text(manifest: Mapping[str, Any], version: str, parent: Path, taxonomy: Path, epochs: int) -> str:
    """The parent's network, one stage: heads and projection go on learning on the frozen backbone."""
    groups = {group["name"]: group["name"] for group in manifest["labels"]["groups"]}
    return "\n".join(
        [
            f"version = {json.dumps(version)}",
            f"parent = {json.dumps(str(parent))}",
            f"taxonomy = {json.dumps(str(taxonomy))}",
            *_part("network", manifest["plan"]),
            *_part("pixels", manifest["pixels"]),
            "[[sources]]",
            f'name = "{SOURCE}"',
            f'table = "{TABLE}"',
            'photos = "photos"',
            'licence = "the catalogue\'s own"',
            'product = "product"',
            'split = "split"',
            f"attributes = {_inline(groups)}",
            "[[stages]]",
            'name = "corrections"',
            f"epochs = {epochs}",
            "batch_size = 128",
            "learning_rate = 1e-4",
            "geometry = 1.0",
            "",
        ]
    )


def taxonomy_text(labels: Mapping[str, Any]) -> str:
    """The parent's label space; the table holds its words and no others."""
    lines = [f"categories = {json.dumps(labels['categories'])}"]
    for group in labels["groups"]:
        lines += [f"[groups.{json.dumps(group['name'])}]", f"values = {json.dumps(group['values'])}"]
        lines += [f"exclusive = {json.dumps(group['exclusive'])}"]
        if group["categories"]:
            lines.append(f"applies_to = {json.dumps(group['categories'])}")
    return "\n".join(lines) + "\n"


def _part(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield f"[{name}]"
    for key, value in values.items():
        yield f"{key} = {json.dumps(value)}"


def _inline(values: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in values.items()) + " }"


def next_version(active: str, known: Sequence[str]) -> str:
    """`shop-corrected-1` after `shop`, and `-2` after that; the first that is not taken."""
    base, _, number = active.rpartition(MADE)
    base, first = (base, int(number) + 1) if base and number.isdecimal() else (active, 1)
    return next(name for n in range(first, first + len(known) + 1) if (name := f"{base}{MADE}{n}") not in known)
