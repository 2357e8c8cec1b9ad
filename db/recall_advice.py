"""What a check of recall means, and what to do about it: from figures alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from db.recall import Check, Recall

ENOUGH = 0.98
# What is promised to listings that ask for something far from them (docs/benchmarks.md).
ENOUGH_FROM_OUTSIDE = 0.95
FELL = 0.02
ESTIMATE_OFF = 3.0
# Below this share, whatever the planner takes it for, all that is kept is compared.
WORTH_AN_ESTIMATE = 0.005


def worded(filters: Mapping[str, Any]) -> str:
    """`brand Kepler`; catalogue and availability, which are the same in a whole check, left out."""
    words = [f"{key} {value}" for key, value in filters.items() if key not in ("catalogue", "available")]
    return ", ".join(words) or "no filter"


def is_low(row: Recall) -> bool:
    return row.recall is not None and row.recall < (ENOUGH if row.inside else ENOUGH_FROM_OUTSIDE)


def estimate_is_off(row: Recall) -> bool:
    more, less = max(row.kept_share, row.estimated_share), min(row.kept_share, row.estimated_share)
    return more >= WORTH_AN_ESTIMATE and more > ESTIMATE_OFF * less


def advice(row: Recall) -> str | None:
    """One sentence for a filter whose recall is low; None where it is as it should be, or was not measured."""
    if not is_low(row):
        return None
    asked = f"{worded(row.filter)}{'' if row.inside else ', asked from outside'}: recall {row.recall:.3f}"
    if estimate_is_off(row):
        return (
            f"{asked}; the planner takes the {row.kept_share:.1%} that pass for {row.estimated_share:.1%}: "
            "ANALYZE modiste.listing, modiste.listing_summary"
        )
    return (
        f"{asked} over {row.queries} queries; ask more (modiste recall --queries 200), and where it stays so: "
        "VACUUM and REINDEX INDEX CONCURRENTLY the embedding_*_vec*_idx of the active version"
    )


def warnings(check: Check, before: Check | None = None) -> Iterator[str]:
    """What somebody should look at, given the check before of the same version and k, if there was one."""
    yield from filter(None, map(advice, check.rows))
    if before is None or before.model_version != check.model_version or check.recall is None or before.recall is None:
        return
    if before.recall - check.recall >= FELL - 1e-9:
        yield (
            f"recall over all filters fell from {before.recall:.3f} to {check.recall:.3f} since "
            f"{before.checked_at:%Y-%m-%d}: ANALYZE modiste.listing, modiste.listing_summary, and where listings or "
            "photos were replaced by the thousand since, REINDEX INDEX CONCURRENTLY embedding_*_vec_idx"
        )
