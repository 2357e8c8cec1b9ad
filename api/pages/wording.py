"""How values read to people: prices, shares, attributes, and why a photo is not there. Knows neither HTML nor rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from db.states import PhotoState, Reason

# Of what a card has room for: what one looks for in a garment before its fit.
FIRST_GROUPS = ("colour", "pattern", "sleeve", "neck")

SWATCHES: Mapping[str, str] = {
    "Black": "#1c1c1e",
    "White": "#ffffff",
    "Grey": "#8e9196",
    "Blue": "#2f6fd0",
    "Navy Blue": "#1b2a52",
    "Brown": "#6f4a2e",
    "Beige": "#d9c5a0",
    "Cream": "#f5ecd2",
    "Red": "#c8272d",
    "Maroon": "#6d1a2b",
    "Pink": "#ee8fb0",
    "Purple": "#6f3fa0",
    "Orange": "#ea7a1e",
    "Yellow": "#f2c81f",
    "Green": "#2c8a4b",
    "Olive": "#6b6b2c",
    "Silver": "#c3c7cc",
    "Gold": "#c49a3a",
}

STATES: Mapping[PhotoState, str] = {
    PhotoState.PENDING: "Waiting for the model",
    PhotoState.CANCELLED: "Its import was cancelled",
    PhotoState.QUARANTINED: "In quarantine",
}

IMPORT_STATES: Mapping[str, str] = {
    "planning": "Reading the feed",
    "previewed": "Waits for you",
    "running": "Looking at photos",
    "done": "Done",
    "failed": "Feed not read to its end",
    "cancelled": "Cancelled",
    "paused": "Paused",
}

REASONS: Mapping[Reason, str] = {
    Reason.NOT_AN_IMAGE: "The file is not an image.",
    Reason.TRUNCATED: "The file ends in the middle of the picture.",
    Reason.DAMAGED: "The file is damaged.",
    Reason.DECOMPRESSION_BOMB: "The picture has more pixels than modiste unpacks.",
    Reason.TOO_SMALL: "The picture is too small to see anything.",
    Reason.TOO_LARGE: "The file is too large.",
    Reason.UNSUPPORTED_FORMAT: "The picture is of a kind that modiste does not read.",
    Reason.UNSUPPORTED_MODE: "The picture's colours are stored in a way that modiste does not read.",
    Reason.EMPTY: "The file is empty.",
    Reason.NOT_FOUND: "There is no photo at its address.",
    Reason.GONE: "The photo was taken down.",
    Reason.FORBIDDEN: "The photo's server does not hand it out.",
    Reason.BAD_URL: "Its address cannot be read.",
    Reason.REFUSED_HOST: "Its address is one that modiste does not fetch from.",
    Reason.RATE_LIMITED: "The photo's server asked to be left alone for a while.",
    Reason.TIMEOUT: "The photo's server did not answer in time.",
    Reason.DNS: "The photo's server has no address.",
    Reason.CONNECTION: "The photo's server could not be reached.",
    Reason.CRASHED_WORKER: "The photo brought a worker down.",
}


def reason(value: Reason) -> str:
    """A sentence; what is rare says its own name."""
    return REASONS.get(value, f"The photo could not be fetched ({value.replace('_', ' ')}).")


def percent(score: float) -> str:
    """A probability; neither certainty nor its opposite is ever claimed."""
    return f"{min(99, max(1, round(100 * score)))} %"


def number(value: int) -> str:
    return f"{value:,}"


def rough(count: int, *, about: bool) -> str:
    """`1,234`, or of an estimate two digits: `about 1,200`."""
    if not about:
        return f"{count:,}"
    digits = max(0, len(str(count)) - 2)
    return f"about {round(count, -digits):,}"


def counted(count: int, what: str) -> str:
    """`1 photo`, `4,200 photos`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def filter_words(filters: Mapping[str, object]) -> str:
    """`category Dress, available`; of none: `everything`."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in filters.items()) or "everything"


def import_state(state: str, *, faults: int = 0, unread: bool = False) -> str:
    """As `ImportStatus.shown_state` has it. `faults`: rows that were rejected and photos in quarantine.

    `unread`: it failed before a row of its feed was read.
    """
    if unread:
        return "This feed cannot be imported"
    said = IMPORT_STATES.get(state, state.capitalize())
    return f"{said}, {number(faults)} to look at" if faults and state == "done" else said


def time_left(seconds: float | None) -> str:
    """Roughly: nobody plans by the second. Empty where it is not known, or nothing is left."""
    if not seconds:
        return ""
    if seconds < 90:
        return "about a minute left" if seconds > 45 else "less than a minute left"
    minutes = round(seconds / 60)
    return f"about {minutes} minutes left" if minutes < 90 else f"about {round(minutes / 60)} hours left"


def about(seconds: float) -> str:
    """`a minute`, `20 minutes`, `3 hours`: as long as something takes."""
    if seconds < 90:
        return "a minute" if seconds > 20 else "a few seconds"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 90 else f"{round(minutes / 60)} hours"


def size(count: int) -> str:
    """Bytes as `850 kB`, `12 MB` or `1.2 GB`."""
    if count < 1_000_000:
        return f"{-(-count // 1000)} kB"
    return f"{count / 1e6:,.0f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"


def moment(of: datetime) -> str:
    """In the server's own time: `30 November 2026, 18:45`."""
    here = of.astimezone()
    return f"{day(here)}, {here:%H:%M}"


def day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def price(amount: Decimal | None, currency: str | None) -> str | None:
    """As the seller says it: `1,499 INR`, `14.90 EUR`."""
    if amount is None:
        return None
    digits = f"{amount:,.0f}" if amount == amount.to_integral_value() else f"{amount:,.2f}"
    return f"{digits} {currency}" if currency else digits


def apart(attribute: str) -> tuple[str, str]:
    """`group:value` as both."""
    group, _, value = attribute.partition(":")
    return group, value


def group_name(group: str) -> str:
    """`shoe_type` -> `Shoe type`."""
    return group.replace("_", " ").capitalize()


def for_a_card(groups: Sequence[str], at_most: int) -> list[str]:
    """Those of the groups (best first) that a card shows."""
    first = [group for group in FIRST_GROUPS if group in groups]
    return (first + [group for group in groups if group not in first])[:at_most]
