"""A model's card, MODEL_CARD.md: what it is, learned from, reaches and cannot, out of its manifest and figures.

Says only what these hold; a person adds what they know beyond, as `notes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from trainer.report.headlines import Headline, headlines, of_task, sources, tasks
from vision.manifest import Manifest

CARD = "MODEL_CARD.md"


def write_model_card(folder: Path, manifest: Manifest, figures: Mapping[str, float], notes: str = "") -> None:
    """Writes MODEL_CARD.md into a model folder, over an older one."""
    (folder / CARD).write_text(model_card(manifest, figures, notes), encoding="utf-8")


def model_card(manifest: Manifest, figures: Mapping[str, float] | None = None, notes: str = "") -> str:
    """The card as Markdown. figures: as `trainer.evaluation` names them; the manifest's own by default."""
    measured = manifest.metrics if figures is None else figures
    parts = [
        f"# {manifest.version}",
        _what(manifest),
        "## Data and licences",
        _data(manifest),
        "## Figures on test photos",
        _figures(manifest, measured),
        "## When it keeps silent",
        _silence(manifest, measured),
        "## Limits",
        "\n".join(f"- {limit}" for limit in _limits(manifest, measured)),
        *([notes.strip()] if notes.strip() else []),
    ]
    return "\n\n".join(parts) + "\n"


def tells(manifest: Manifest) -> list[str]:
    """What the model answers of a photo, in words."""
    plan, labels = manifest.plan, manifest.labels
    parts = [f"{len(labels.categories)} categories"] if plan.category_head else []
    if plan.attribute_head:
        parts.append(f"{len(labels.groups)} attribute groups ({', '.join(group.name for group in labels.groups)})")
    if plan.embedding_dim:
        parts.append(f"an embedding of {plan.embedding_dim} numbers for finding similar photos")
    return parts


def _what(manifest: Manifest) -> str:
    pixels = manifest.pixels
    size = f"{pixels.size_px} × {pixels.size_px} pixels ({pixels.resize})"
    parent = f" It was trained on from {manifest.parent}." if manifest.parent else ""
    return f"A network on {manifest.backbone} that tells, of a photo of {size}: {'; '.join(tells(manifest))}.{parent}"


def _data(manifest: Manifest) -> str:
    rows = [(source.name, f"{source.photos:,}", source.licence) for source in manifest.sources]
    rows += [(what, "", licence) for what, licence in manifest.licences.items()]
    return _table(("source", "train photos", "licence"), rows)


def _figures(manifest: Manifest, figures: Mapping[str, float]) -> str:
    lines, names = headlines(figures, manifest.labels), sources(figures)
    shown = [task for task, *_ in tasks(manifest.labels) if any(line.task == task for line in lines)]
    if not shown:
        return "None were measured."
    names = names if len(names) > 2 else names[:1]  # of a single source, `all` says the same
    rows = [(_name(lines, task), *(_cell(of_task(lines, task, name)) for name in names)) for task in shown]
    table = _table(("task", *names), rows)
    return f"With 95 % interval, and the number of photos (of retrieval: of queries).\n\n{table}"


def _name(lines: Sequence[Headline], task: str) -> str:
    return f"{task}, {next(line.figure for line in lines if line.task == task)}"


def _cell(line: Headline | None) -> str:
    return f"{line.value:.3f} ({line.low:.3f} to {line.high:.3f}), {line.n:,}" if line else ""


def _silence(manifest: Manifest, figures: Mapping[str, float]) -> str:
    calibration, plan = manifest.calibration, manifest.plan
    parts = []
    if plan.category_head:
        parts.append(f"A category less probable than {calibration.abstain_below:.2f} is marked as abstained.")
        answered, precise = (figures.get(f"all/category/{key}") for key in ("not_abstained", "precision_not_abstained"))
        if answered is not None and precise is not None:
            parts.append(f"It answers {100 * answered:.0f} % of test photos; {100 * precise:.1f} % of these are right.")
    if plan.attribute_head and calibration.group_thresholds:
        thresholds = ", ".join(f"{name} {value:.2f}" for name, value in calibration.group_thresholds.items())
        parts.append(f"An attribute below its group's threshold is not said: {thresholds}.")
    return " ".join(parts) or "Never: it tells neither categories nor attributes."


def _limits(manifest: Manifest, figures: Mapping[str, float]) -> Iterator[str]:
    classes, few = (figures.get(f"all/category/{key}") for key in ("classes", "classes_too_few"))
    if manifest.plan.category_head:
        yield "It knows no categories but its own; a photo of anything else gets one of them too: look at `abstained`."
    if classes is not None and few:
        yield f"{few:.0f} of {classes:.0f} categories on test photos have too few of them to be judged one by one."
    unmeasured = (
        []
        if classes is None
        else [group.name for group in manifest.labels.groups if f"all/{group.name}/n" not in figures]
    )
    if manifest.plan.attribute_head and unmeasured:
        yield f"No test photo is labelled for {', '.join(unmeasured)}: nothing is known of how well these are told."
    yield "Its figures are of photos from the sources above; other shops, cameras and countries were not measured."
    yield "Labels are what sellers and shops wrote of a product; they say nothing of a person in a photo."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
