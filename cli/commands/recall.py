"""`modiste recall`: how much of what comparing everything finds, similar listings find."""

from collections.abc import Sequence
from typing import Annotated

import typer

from cli.coverage import percent
from cli.opening import open_stack
from cli.output import err, out, print_json, print_table
from cli.settings import Settings
from db.engine import transaction
from db.recall import Check, check_recall, last_checks
from db.recall_advice import warnings, worded
from db.recall_filters import Probe

SHOWN = 30


def recall(
    queries: Annotated[int, typer.Option(min=1, max=1000, help="Listings that ask, for each filter.")] = 50,
    k: Annotated[int, typer.Option("-k", "--k", min=1, max=100, help="How many are asked for.")] = 10,
    limit_s: Annotated[
        float, typer.Option("--limit", min=1, help="Seconds for all of it; what is not done by then stays open.")
    ] = 600,
    history: Annotated[bool, typer.Option("--history", help="Show the checks of before; measure nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Measure how many of the truly nearest listings are found, and how fast; each check is kept."""
    with open_stack(Settings()) as stack:
        if not history:
            check = check_recall(stack.engine, queries=queries, k=k, limit_s=limit_s, on_filter=tell)
        with transaction(stack.engine) as connection:
            kept = last_checks(connection, SHOWN)
    if history:
        print_json(kept) if as_json else show_history(kept)
        return
    before = next((one for one in kept if one.checked_at < check.checked_at), None)
    said = list(warnings(check, before))
    if as_json:
        print_json({"check": check, "recall": check.recall, "advice": said})
    else:
        show(check, said)


def tell(done: int, of: int, probe: Probe) -> None:
    err.print(
        f"{done + 1} of {of}: {worded(probe.filters)}{'' if probe.inside else ', from outside'}",
        soft_wrap=True,
        markup=False,
    )


def show(check: Check, said: Sequence[str]) -> None:
    print_table(
        f"Recall of {check.model_version}",
        ["filter", "asked from", "kept", "estimated", "queries", "recall", "below half", "p50 ms", "p95 ms"],
        [
            [
                worded(row.filter), "inside" if row.inside else "outside", percent(row.kept_share),
                percent(row.estimated_share), row.queries, figure(row.recall, 3), row.below_half,
                figure(row.p50_ms, 1), figure(row.p95_ms, 1),
            ]
            for row in check.rows
        ],
    )  # fmt: skip
    if any(row.recall is None for row in check.rows):
        out.print("A filter without figures ran out of time: give more with --limit SECONDS.", soft_wrap=True)
    for sentence in said:
        out.print(f"→ {sentence}", markup=False, soft_wrap=True)


def show_history(checks: Sequence[Check]) -> None:
    if not checks:
        out.print("No check was made yet: modiste recall makes one.")
        return
    print_table(
        "",
        ["checked", "version", "queries", "recall", "worst", "p95 ms at most"],
        [
            [
                f"{check.checked_at:%Y-%m-%d %H:%M}",
                check.model_version,
                sum(row.queries for row in check.rows),
                figure(check.recall, 3),
                figure(min((r.recall for r in check.rows if r.recall is not None), default=None), 3),
                figure(max((r.p95_ms for r in check.rows if r.p95_ms is not None), default=None), 1),
            ]
            for check in checks
        ],
    )


def figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
