"""Routes about listings."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict

from db.engine import transaction
from db.errors import BadQuestion
from db.similarity import similar_listings

router = APIRouter(prefix="/v1/listings", tags=["listings"])
LARGEST_ID = 2**63 - 1


class Similar(BaseModel):
    """One similar listing; the columns of `modiste.similar_listings`."""

    model_config = ConfigDict(from_attributes=True)

    listing_id: int
    catalogue: str
    external_id: str
    title: str | None
    category: str
    score: float
    photo_id: int | None
    matched_photo_id: int
    folded: int
    why: dict[str, Any]
    how: str


@router.get("/{listing_id}/similar")
def similar(
    request: Request,
    listing_id: Annotated[int, Path(ge=1, le=LARGEST_ID)],
    k: Annotated[int, Query(ge=1, le=1000)] = 12,
    filters: Annotated[
        str, Query(description="A JSON object, as in SQL.", examples=['{"gender": "Women", "price_max": 1500}'])
    ] = "{}",
) -> list[Similar]:
    """Listings similar to this one, best first."""
    with transaction(request.app.state.engine) as connection:
        found = similar_listings(connection, listing_id, k=k, filters=parse_filters(filters))
    return [Similar.model_validate(row) for row in found]


def parse_filters(text: str) -> dict[str, Any]:
    """Raises `BadQuestion` where it is no JSON object."""
    try:
        filters = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadQuestion(f"filters is no JSON: {error}") from error
    if not isinstance(filters, dict):
        raise BadQuestion('filters takes a JSON object, for example {"gender": "Women"}')
    return filters
