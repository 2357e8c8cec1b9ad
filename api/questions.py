"""Questions in the query of a URL, read into a schema: only what was given, unknown parameters refused.

FastAPI can do this too, but looks at every parameter that could have been given: a third of a millisecond a question.
"""

from collections.abc import Callable, Coroutine, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator


class Question(BaseModel):
    """What may be asked in a query. Names that begin with `free_prefix` may go on as they like."""

    model_config = ConfigDict(extra="allow", frozen=True)
    free_prefix: ClassVar[str | None] = None

    @model_validator(mode="before")
    @classmethod
    def known(cls, given: Any) -> Any:
        """An unknown parameter would silently do nothing."""
        for name in given if isinstance(given, dict) else ():
            if name not in cls.model_fields and not cls.is_free(name):
                raise ValueError(unknown_parameter(name, [*cls.model_fields, *free_name(cls)]))
        return given

    @classmethod
    def is_free(cls, name: str) -> bool:
        prefix = cls.free_prefix
        return prefix is not None and name.startswith(prefix) and len(name) > len(prefix)


def free_name(question: type[Question]) -> list[str]:
    return [f"{question.free_prefix}KEY"] if question.free_prefix else []


def unknown_parameter(name: str, known: list[str]) -> str:
    """Names the nearest parameter that there is."""
    return f"there is no parameter {name[:100]!r}; {advice_among(name, known)}"


def advice_among(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name[:100].lower(), known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"


Asked = TypeVar("Asked", bound=Question)


def asked(question: type[Asked]) -> Callable[[Request], Coroutine[Any, Any, Asked]]:
    """A dependency that reads a `question` out of the query."""
    lists = {name for name, schema in properties(question).items() if takes_several(schema)}

    async def read(request: Request) -> Asked:
        given: dict[str, Any] = {}
        for name, value in request.query_params.multi_items():
            given.setdefault(name, []).append(value)
        try:
            return question.model_validate({n: v[0] if len(v) == 1 and n not in lists else v for n, v in given.items()})
        except ValidationError as error:
            faults = [{**fault, "loc": ("query", *fault["loc"])} for fault in error.errors(include_url=False)]
            raise RequestValidationError(faults) from None

    return read


def parameters(question: type[Question]) -> dict[str, Any]:
    """For `openapi_extra=` of a route: the parameters of the question."""
    described = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema.get("description", ""),
            "schema": {key: part for key, part in schema.items() if key != "description"},
        }
        for name, schema in properties(question).items()
    ]
    return {"parameters": [*described, *(free_parameter(name) for name in free_name(question))]}


def free_parameter(name: str) -> dict[str, Any]:
    """OpenAPI has no word for parameters with a free name; this one documents them."""
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": f"Any name in place of KEY, for example `{name.replace('KEY', 'season')}=Summer`.",
        "schema": {"type": "array", "items": {"type": "string"}, "examples": [["Summer"]]},
    }


def properties(question: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """The schema of each field, without the null that stands for "not given"."""
    document = question.model_json_schema()
    return {name: without_null(schema, document.get("$defs", {})) for name, schema in document["properties"].items()}


def without_null(schema: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    inner = [part for part in schema.get("anyOf", []) if part.get("type") != "null"]
    flat = {**schema, **inner[0]} if len(inner) == 1 else dict(schema)
    if "$ref" in flat:
        flat |= named[flat["$ref"].rpartition("/")[2]]
    unused = {"anyOf", "$ref", "title"} | ({"default"} if flat.get("default", 0) is None else set())
    return {key: part for key, part in flat.items() if key not in unused}


def takes_several(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "array"
