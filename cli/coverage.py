"""How much of what answers rest on a model version has seen, as people read it."""

import math
from typing import Any

from db.coverage import Coverage


def percent(share: float) -> str:
    """Rounded down: 100 % is all."""
    return f"{math.floor(share * 1000) / 10:g} %"


def coverage_as_json(seen: Coverage) -> dict[str, Any]:
    return {
        "shown": seen.shown,
        "covered": seen.covered,
        "given_up": seen.given_up,
        "late": seen.late,
        "lacking": seen.lacking,
        "share": seen.share,
    }


def say_coverage(seen: Coverage) -> str:
    """`1,180 of 1,200 photo contents (98.3 %)`, and what is with the others."""
    parts = [f"{seen.covered:,} of {seen.shown:,} photo contents ({percent(seen.share)})"]
    parts += [f"{seen.given_up:,} could not be had"] if seen.given_up else []
    parts += [f"{seen.lacking:,} not seen yet"] if seen.lacking else []
    return ", ".join(parts)
