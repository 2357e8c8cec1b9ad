"""Filters as query parameters: those of `similar_listings`, one parameter a key, repeated for any of several values."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints

from api.questions import Question
from api.texts import Number, Text

Texts = Annotated[list[Text] | None, Field(max_length=200)]
Currency = Annotated[list[Annotated[Text, StringConstraints(max_length=20)]] | None, Field(max_length=20)]


class Filters(Question):
    """What the model says (`category`, `attributes`) and what the seller says (all others), combined with AND."""

    free_prefix: ClassVar[str] = "metadata."

    category: Texts = Field(None, description="The model's category; any of them.", examples=[["Dress"]])
    attributes: Texts = Field(
        None, description="The model's attributes as `group:value`; all of them.", examples=[["colour:Blue"]]
    )
    catalogue: Texts = Field(None, description="Any of these catalogues.", examples=[["sample"]])
    seller_category: Texts = Field(None, description="The seller's category, spelled as in the feed.")
    brand: Texts = Field(None, description="Any of these brands.")
    gender: Texts = Field(None, description="Any of these, spelled as in the feed.", examples=[["Women"]])
    colour: Texts = Field(None, description="The seller's colour; any of them.", examples=[["Blue", "Navy Blue"]])
    other_colour_than: Texts = Field(
        None, description="None of these colours, by the model's word, else the seller's.", examples=[["Red"]]
    )
    size: Texts = Field(None, description="Any of these sizes.")
    currency: Currency = Field(None, description="Any of these currencies.", examples=[["INR"]])
    price_min: Number | None = Field(None, description="At least this price.", examples=[100])
    price_max: Number | None = Field(None, description="At most this price.", examples=[1500])
    available: list[bool] | None = Field(None, max_length=2, description="In stock or not.", examples=[[True]])
    exclude_seller: Texts = Field(None, description="None of these sellers.")

    def as_filters(self) -> dict[str, Any]:
        """The JSON object that the SQL functions take."""
        said = {name: getattr(self, name) for name in Filters.model_fields}
        return {name: value for name, value in said.items() if value is not None} | (self.model_extra or {})
