"""What an import would do: the forecast of a feed that was handed in to be looked at first."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from api.answers import answer
from api.cards import Shown
from api.imports import ImportId
from api.problems import documented
from api.resources import Use
from db.engine import transaction
from db.errors import NoForecast
from db.imports import import_status
from db.plans import forecast_of

router = APIRouter(prefix="/v1/imports", tags=["imports"])


class RowsForecast(Shown):
    """Rows of the feed by what would become of them."""

    new: int = Field(examples=[20])
    changed: int = Field(examples=[1])
    unchanged: int = Field(examples=[4180])
    continued: int = Field(description="Rows that continue the listing of the row before.", examples=[0])
    rejected: int = Field(examples=[1])


class RejectedRow(Shown):
    """A row that would not be taken, and why."""

    line: int = Field(examples=[3])
    external_id: str | None = Field(examples=["TEE-0002"])
    column: str | None = Field(examples=["price"])
    reason: str | None = Field(examples=["bad_price"])
    detail: str | None = Field(examples=['no price: "cheap"'])


class Forecast(Shown):
    """What the import would do, and what it would take: upper bounds, as a URL may give bytes that are known."""

    rows: RowsForecast
    photos: int = Field(description="To look at: the sum of the three that follow.", examples=[20])
    photos_to_fetch: int = Field(examples=[0])
    photos_asked_again: int = Field(description="Known URLs that are asked whether they changed.", examples=[0])
    photos_at_hand: int = Field(description="Their bytes lie beside the feed or in the store.", examples=[20])
    photos_known: int = Field(description="The active model version has seen these bytes.", examples=[4180])
    photos_without_file: int = Field(description="The feed names a file that did not come.", examples=[0])
    hosts: dict[str, int] = Field(description="Photos by host, the ten with most.", examples=[{"img.example": 20}])
    photos_per_s: float | None = Field(description="Of the last import; null where none tells.", examples=[96.0])
    seconds: float | None = Field(description="At most about, at that rate.", examples=[0.2])
    stored_bytes: int = Field(description="More in the store.", examples=[1_400_000])
    index_bytes: int = Field(description="Memory of the index once all is enriched.", examples=[3_800_000])
    withdrawn: int | None = Field(description="With `full`: listings that would become unavailable.", examples=[None])
    available: int | None = Field(description="With `full`: of how many that are available.", examples=[None])
    refusal: str | None = Field(description="With `full`: why nothing would be withdrawn.", examples=[None])
    columns: dict[str, str] = Field(
        {},
        description="Field → the column taken for it.",
        examples=[{"external_id": "sku", "photos": "image"}],
    )
    metadata: list[str] = Field([], description="Columns that are kept as they are.", examples=[["season"]])
    rejected: list[RejectedRow] = Field(description="The first hundred.")


@router.get(
    "/{import_id}/forecast",
    operation_id="get_forecast",
    response_model=Forecast,
    responses=documented(404)
    | documented(409, text="It was not handed in with `preview`, is not read yet, or started."),
)
def forecast(use: Use, import_id: ImportId) -> Response:
    """What it would do, of an import that is `previewed`."""
    with transaction(use.engine) as connection:
        import_status(connection, import_id)
        found: Any = forecast_of(connection, import_id)
    if found is None:
        raise NoForecast
    return answer(Forecast.model_validate(found))
