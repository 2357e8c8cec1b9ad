"""A part of a photo as clients name it: `left,top,width,height`, in shares of the upright photo."""

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, StringConstraints

if TYPE_CHECKING:  # brings Pillow and numpy: not before the API listens
    from vision.preprocess import Box

SMALLEST = 0.01


def shares_of(crop: str) -> tuple[float, float, float, float]:
    """Raises ValueError."""
    try:
        left, top, width, height = map(float, crop.split(","))
    except ValueError:
        raise ValueError("is left,top,width,height in shares of the photo, as 0.1,0,0.5,0.4") from None
    inside = 0 <= left <= 1 and 0 <= top <= 1 and left + width <= 1.001 and top + height <= 1.001
    if not (inside and width >= SMALLEST and height >= SMALLEST):
        raise ValueError(f"lies within the photo: shares from 0 to 1, at least {SMALLEST} wide and high")
    return left, top, width, height


def readable(crop: str) -> str:
    if crop:
        shares_of(crop)
    return crop


def box_of(crop: str | None) -> "Box | None":
    """None for the whole photo."""
    from vision.preprocess import Box

    return Box(*shares_of(crop)) if crop else None


Crop = Annotated[
    str,
    StringConstraints(max_length=100),
    AfterValidator(readable),
    Field(
        description="Only this part of the photo: left,top,width,height in shares of the upright photo, from its upper "
        "left corner.",
        examples=["0.1,0,0.5,0.4"],
    ),
]
