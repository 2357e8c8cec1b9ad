"""Bodies in JSON, read into a schema: an unknown field is refused by naming the nearest one there is."""

from typing import Any

from pydantic import ConfigDict, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from api.cards import Shown
from api.questions import advice_among


class JsonBody(Shown):
    """What may be said in a body."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def known(cls, given: Any) -> Any:
        unknown = [name for name in given if name not in cls.model_fields] if isinstance(given, dict) else []
        if unknown:
            raise ValidationError.from_exception_data(cls.__name__, [unknown_field(cls, name) for name in unknown])
        return given


def unknown_field(body: type[JsonBody], name: str) -> InitErrorDetails:
    said = f"there is no such field; {advice_among(name, list(body.model_fields))}"
    return InitErrorDetails(type=PydanticCustomError("unknown_field", said), loc=(name,), input=None)
