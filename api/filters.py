"""Filters as query parameters: those of `similar_listings`, one parameter a key, repeated for any of several values."""

from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.texts import Number, Text

Texts = Annotated[list[Text] | None, Field(max_length=200)]
Currency = Annotated[list[Annotated[Text, StringConstraints(max_length=20)]] | None, Field(max_length=20)]
METADATA = "metadata."

METADATA_PARAMETER: dict[str, Any] = {
    "name": "metadata.KEY",
    "in": "query",
    "required": False,
    "description": "Any key of the listing's metadata, written in place of KEY: `metadata.season=Summer`.",
    "schema": {"type": "array", "items": {"type": "string", "maxLength": 2000}, "examples": [["Summer"]]},
}
"""OpenAPI has no word for parameters with a free name; this one documents them."""


class Filters(BaseModel):
    """What the model says (`category`, `attributes`) and what the seller says (all others), combined with AND."""

    model_config = ConfigDict(extra="allow", frozen=True)

    category: Texts = Field(None, description="The model's category; any of them.", examples=[["Dress"]])
    attributes: Texts = Field(
        None, description="The model's attributes as `group:value`; all of them.", examples=[["colour:Blue"]]
    )
    catalogue: Texts = Field(None, description="Any of these catalogues.", examples=[["sample"]])
    seller_category: Texts = Field(None, description="The seller's category, spelled as in the feed.")
    brand: Texts = Field(None, description="Any of these brands.")
    gender: Texts = Field(None, description="Any of these, spelled as in the feed.", examples=[["Women"]])
    colour: Texts = Field(None, description="The seller's colour; any of them.", examples=[["Blue", "Navy Blue"]])
    size: Texts = Field(None, description="Any of these sizes.")
    currency: Currency = Field(None, description="Any of these currencies.", examples=[["INR"]])
    price_min: Number | None = Field(None, description="At least this price.", examples=[100])
    price_max: Number | None = Field(None, description="At most this price.", examples=[1500])
    available: list[bool] | None = Field(None, max_length=2, description="In stock or not.", examples=[[True]])
    exclude_seller: Texts = Field(None, description="None of these sellers.")

    @model_validator(mode="before")
    @classmethod
    def known(cls, given: Any) -> Any:
        """An unknown parameter would silently filter nothing."""
        for name in given if isinstance(given, dict) else ():
            if name not in cls.model_fields and not is_metadata(name):
                raise ValueError(unknown_parameter(name, list(cls.model_fields)))
        return given

    def as_filters(self) -> dict[str, Any]:
        """The JSON object that the SQL functions take."""
        said = {name: getattr(self, name) for name in Filters.model_fields}
        return {name: value for name, value in said.items() if value is not None} | (self.model_extra or {})


def is_metadata(name: str) -> bool:
    return name.startswith(METADATA) and len(name) > len(METADATA)


def unknown_parameter(name: str, known: list[str]) -> str:
    """Names the nearest parameter that there is."""
    near = get_close_matches(name.lower(), known, n=1) or [METADATA + "KEY"] * name.startswith("meta")
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}, {METADATA}KEY"
    return f"there is no parameter {name[:100]!r}; {advice}"
