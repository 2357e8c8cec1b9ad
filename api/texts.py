"""Texts and numbers as they may come in from outside: nothing that PostgreSQL could not hold."""

import re
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, Field, StringConstraints

LARGEST_ID = 2**63 - 1
SUSPECT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")


def without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL character, which no text of a catalogue can hold")
    return text


def clean(text: str) -> str:
    """Stripped; refused where a feed's cell would be."""
    if SUSPECT.search(text):
        raise ValueError("holds a control character, or half of a surrogate pair")
    return text.strip()


def strip_name(text: str) -> str:
    """A name that something new may have."""
    name = clean(text)
    if not name or name != text:
        raise ValueError("must not be empty, nor begin or end with a space")
    return name


Text = Annotated[str, StringConstraints(max_length=2000), AfterValidator(without_nul)]
Number = Annotated[float, Field(allow_inf_nan=False)]

ListingId = Annotated[
    int, Path(ge=1, le=LARGEST_ID, description="The listing's id in `modiste.listing`.", examples=[42])
]
PhotoId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="A photo's id, as a listing gives it.", examples=[7])]
CatalogueName = Annotated[Text, Path(description="The catalogue's name.", examples=["sample"])]
ExternalId = Annotated[Text, Path(description="The seller's own id; it may hold slashes.", examples=["TEE-0001"])]
ModelName = Annotated[Text, Path(description="The model version's name.", examples=["lite0-staged-5"])]
