"""Routes about catalogues."""

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import Field

from api.answers import answer
from api.cards import Shown
from api.resources import Use
from db.browsing import list_catalogues
from db.engine import transaction

router = APIRouter(prefix="/v1", tags=["catalogues"])


class Catalogue(Shown):
    """A named set of listings."""

    name: str = Field(examples=["sample"])
    listings: int = Field(description="How many listings it has.", examples=[240])
    estimated: bool = Field(description="The number is PostgreSQL's estimate, as it is large.", examples=[False])
    created_at: datetime = Field(examples=["2026-11-23T12:00:00Z"])


@router.get("/catalogues", operation_id="list_catalogues", response_model=list[Catalogue])
def catalogues(use: Use) -> Response:
    """All catalogues by name, with their sizes."""
    with transaction(use.engine) as connection:
        return answer([Catalogue.model_validate(row) for row in list_catalogues(connection)])
