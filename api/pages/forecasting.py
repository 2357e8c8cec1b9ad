"""What an import would do, in words: the forecast of a feed that was looked at first."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.forecasts import Forecast
from api.handed import FIELDS
from api.pages import wording


@dataclass(frozen=True, kw_only=True, slots=True)
class RowWouldBe:
    line: str
    listing: str
    column: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastShown:
    """`figures`: name and sentence, those that say something. `warning`: what to know before it is started."""

    figures: Sequence[tuple[str, str]]
    warning: str | None
    rejected: Sequence[RowWouldBe]
    more_rejected: str
    nothing_to_do: bool


def shown_forecast(found: Forecast) -> ForecastShown:
    figures = (
        ("Columns", columns_in_words(found)),
        ("Kept too", ", ".join(found.metadata)),
        ("Rows", rows_in_words(found)),
        ("Photos", photos_in_words(found)),
        ("From", ", ".join(f"{host} {count:,}" for host, count in found.hosts.items())),
        ("Time", time_in_words(found)),
        ("Disk", f"at most {wording.size(found.stored_bytes)} more in the store" if found.stored_bytes else ""),
        ("Memory", f"at most {wording.size(found.index_bytes)} for the index" if found.photos else ""),
        ("Off sale", off_sale_in_words(found)),
    )
    return ForecastShown(
        figures=[(name, says) for name, says in figures if says],
        warning=found.refusal or without_file(found),
        rejected=[
            RowWouldBe(
                line=wording.number(row.line),
                listing=row.external_id or "",
                column=row.column or "",
                detail=row.detail or row.reason or "",
            )
            for row in found.rejected
        ],
        more_rejected=wording.counted(found.rows.rejected, "row") if found.rows.rejected > len(found.rejected) else "",
        nothing_to_do=not (found.rows.new or found.rows.changed or found.photos or found.withdrawn),
    )


def columns_in_words(found: Forecast) -> str:
    """What is taken for what, in the order of fields."""
    taken = sorted(found.columns.items(), key=lambda pair: FIELDS.index(pair[0]))
    return ", ".join(f"{field.replace('_', ' ')} ← {column}" for field, column in taken)


def rows_in_words(found: Forecast) -> str:
    named = ("new", "changed", "unchanged", "rejected")
    parts = [f"{getattr(found.rows, name):,} {name}" for name in named if getattr(found.rows, name)]
    if found.rows.continued:
        parts.append(f"{found.rows.continued:,} that continue another")
    return ", ".join(parts) or "none: the feed has column names and nothing else"


def photos_in_words(found: Forecast) -> str:
    """What there is to look at, and what is known already."""
    parts = [
        f"{found.photos_to_fetch:,} to fetch" if found.photos_to_fetch else "",
        f"{found.photos_asked_again:,} to ask for again" if found.photos_asked_again else "",
        f"{found.photos_at_hand:,} at hand" if found.photos_at_hand else "",
        f"{found.photos_known:,} seen before" if found.photos_known else "",
    ]
    return ", ".join(filter(None, parts)) or "none to look at"


def time_in_words(found: Forecast) -> str:
    if not found.photos:
        return ""
    if found.seconds is None or found.photos_per_s is None:
        return "not known: no import has had enough photos looked at by this model version yet"
    return f"{wording.about(found.seconds)} at most, at {found.photos_per_s:,.0f} photos a second as the last import"


def off_sale_in_words(found: Forecast) -> str:
    if found.withdrawn is None or found.refusal:
        return ""
    return f"{found.withdrawn:,} of {wording.counted(found.available or 0, 'listing')}, as this feed does not have them"


def without_file(found: Forecast) -> str | None:
    if not found.photos_without_file:
        return None
    named = wording.counted(found.photos_without_file, "photo")
    return f"The feed names {named} of which there is no file in the zip: they would go into quarantine."
