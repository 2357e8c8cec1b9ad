"""A registered model version as a person reads it: what it says, how well, from what, and what it weighs.

Other programs may have registered a manifest that lacks a part: such a part is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape

from api.sources import public_source
from cli.coverage import coverage_as_json, percent
from cli.output import out, print_table
from db.coverage import Coverage, GivenUp
from db.models import RegisteredModel

# What a task is first judged by, in the names of `trainer.metrics`, and where the number of its photos stands.
HEADLINES = ("top1", "macro_f1", "micro_f1", "recall@1", "map@r")
COUNTS = ("n", "queries")
ALL_SOURCES = "all"
TASKS = {"category": -1, "attributes": 1, "retrieval": 2}  # the groups of attributes stand at 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Headline:
    """One figure of the test photos of a source; n: over how many photos or queries, where that is told."""

    source: str
    task: str
    figure: str
    value: float
    n: int | None


def headlines(metrics: Mapping[str, float]) -> list[Headline]:
    """The figures to read first: of all sources together, or where there is no such thing, of each."""
    parts = {name: name.split("/") for name in metrics if name.count("/") == 2}
    counts = {(source, task): int(metrics[name]) for name, (source, task, figure) in parts.items() if figure in COUNTS}
    found = [
        Headline(source=source, task=task, figure=figure, value=metrics[name], n=counts.get((source, task)))
        for name, (source, task, figure) in parts.items()
        if figure in HEADLINES
    ]
    found.sort(key=lambda one: (one.source, TASKS.get(one.task, 0), one.task, HEADLINES.index(one.figure)))
    return [headline for headline in found if headline.source == ALL_SOURCES] or found


def described(model: RegisteredModel, enrichments: int, seen: Coverage, missing: Sequence[GivenUp]) -> dict[str, Any]:
    """Everything worth knowing of a version, as `modiste models show --json` gives it.

    `missing`: photos that its backfill could not have.
    """
    manifest = model.manifest
    labels, plan = manifest.get("labels", {}), manifest.get("plan", {})
    files = manifest.get("files", [])
    return {
        "name": model.name,
        "state": model.state,
        "parent": manifest.get("parent"),
        "backbone": plan.get("backbone"),
        "embedding_dim": model.embedding_dim,
        "categories": len(labels.get("categories", [])),
        "attributes": {group["name"]: len(group["values"]) for group in labels.get("groups", [])},
        "sources": manifest.get("sources", []),
        "licences": manifest.get("licences", {}),
        "metrics": headlines(manifest.get("metrics", {})),
        "thresholds": thresholds(manifest.get("calibration", {})),
        "files": [{"name": file["name"], "bytes": file["bytes"]} for file in files],
        "bytes": sum(file["bytes"] for file in files),
        "registered_at": model.registered_at,
        "activated_at": model.activated_at,
        "indexed": model.indexed,
        "enrichments": enrichments,
        "coverage": coverage_as_json(seen),
        "given_up": [{**asdict(photo), "source": public_source(photo.source)} for photo in missing],
    }


def thresholds(calibration: Mapping[str, Any]) -> dict[str, float]:
    """Below which probability the category and each attribute group is not said."""
    category = {"category": calibration["abstain_below"]} if "abstain_below" in calibration else {}
    return category | dict(calibration.get("group_thresholds", {}))


def show_version(said: Mapping[str, Any]) -> None:
    """On stdout: a line for each fact, then tables."""
    for name, value in facts(said):
        out.print(f"[bold]{name:<13}[/]{escape(str(value))}", soft_wrap=True)
    tables = (
        ("Measured", ("source", "task", "figure", "value", "n"), measured(said["metrics"])),
        ("Said from", ("label", "probability"), [list(pair) for pair in said["thresholds"].items()]),
        ("Learned from", ("source", "photos", "licence"), [list(source.values()) for source in said["sources"]]),
        ("Could not be had", ("photo", "catalogue", "listing", "source"), [list(p.values()) for p in said["given_up"]]),
        ("Files", ("file", "bytes"), [[file["name"], f"{file['bytes']:,}"] for file in said["files"]]),
    )
    for title, columns, rows in tables:
        if rows:
            out.print()
            print_table(title, columns, rows)
    for what, licence in said["licences"].items():
        out.print(f"{what}: {licence}", soft_wrap=True, markup=False)


def facts(said: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Name and value, those without a value left out."""
    groups = ", ".join(f"{name} {values}" for name, values in said["attributes"].items())
    yield "version", f"{said['name']} ({said['state'].value})"
    yield "parent", said["parent"] or "none"
    yield "backbone", said["backbone"] or "not told"
    yield "says", f"{said['categories']} categories" + (f"; attributes: {groups}" if groups else "")
    yield "embedding", f"{said['embedding_dim']} numbers, searched {'by HNSW' if said['indexed'] else 'exactly'}"
    seen = said["coverage"]
    yield "enrichments", f"{said['enrichments']:,}"
    yield "covers", f"{percent(seen['share'])} of the {seen['shown']:,} photo contents that answers rest on"
    yield "size", f"{said['bytes'] / 1e6:.1f} MB"
    yield "registered", f"{said['registered_at']:%Y-%m-%d %H:%M}"
    if said["activated_at"]:
        yield "activated", f"{said['activated_at']:%Y-%m-%d %H:%M}"


def measured(figures: Sequence[Headline]) -> list[list[object]]:
    """Rows of the table."""
    return [[f.source, f.task, f.figure, f"{f.value:.3f}", "" if f.n is None else f"{f.n:,}"] for f in figures]
