"""Every route of /v1 with its parameters, bodies and answers, out of the API's own OpenAPI document."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from api.app import make_app
from api.settings import ApiSettings
from references.markdown import code, table
from references.markdown import page as made

OPENING = """Made from the OpenAPI document, which a running API serves as `/openapi.json`; its `/docs` tries every
route in a browser. [HTTP](../http.md) tells the same with examples."""
NOWHERE = Path("/nonexistent")
Schema = Mapping[str, Any]


def page() -> str:
    document = make_app(
        ApiSettings(database_url="postgresql+psycopg2:///", broker_url="redis://", store_url="/", cache=NOWHERE)
    ).openapi()
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    parts = [
        part
        for tag in document["tags"]
        for part in of_tag(tag, [one for one in operations if tag["name"] in one[1].get("tags", ())])
    ]
    shapes = [
        part for name, schema in sorted(document["components"]["schemas"].items()) for part in shape(name, schema)
    ]
    return made("HTTP routes", OPENING, [*parts, "## Shapes", *shapes])


def of_tag(tag: Schema, operations: list[tuple[str, Schema]]) -> Iterator[str]:
    yield f"## {tag['name'].capitalize()}"
    yield tag["description"]
    for route, operation in operations:
        yield f"### `{route}`"
        yield operation.get("description", "")
        yield table(
            ("parameter", "in", "type", "what"),
            [
                (code(one["name"]), one["in"], type_of(one["schema"]), said(one | one["schema"], one.get("required")))
                for one in operation.get("parameters", [])
            ],
        )
        for media, body in operation.get("requestBody", {}).get("content", {}).items():
            yield f"Body: `{media}`, {type_of(body['schema'])}."
        yield table(
            ("status", "answer", "when"), [answer(status, one) for status, one in operation["responses"].items()]
        )


def answer(status: str, response: Schema) -> tuple[str, str, str]:
    shapes = [
        type_of(body["schema"]) if "schema" in body else code(media)
        for media, body in response.get("content", {}).items()
    ]
    return status, ", ".join(dict.fromkeys(shape or "any" for shape in shapes)), response["description"]


def shape(name: str, schema: Schema) -> Iterator[str]:
    yield f"({anchor(name)})=\n### {name}"
    yield schema.get("description", "")
    if "enum" in schema:
        yield "One of " + ", ".join(code(value) for value in schema["enum"]) + "."
    needed = schema.get("required", [])
    rows = [
        (code(field), type_of(one), said(one, field in needed)) for field, one in schema.get("properties", {}).items()
    ]
    yield table(("field", "type", "what"), rows)


def anchor(name: str) -> str:
    return f"shape-{name.lower().replace('_', '-')}"


def type_of(schema: Schema) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{anchor(name)})"
    if "anyOf" in schema:
        return " or ".join(type_of(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {})) or 'anything'}"
    if "contentMediaType" in schema:
        return "file"
    return str(schema.get("format") or schema.get("type", ""))


def said(schema: Schema, needed: bool | None) -> str:
    bounds = [
        f"{sign} {schema[key]:g}"
        for key, sign in (("minimum", "≥"), ("maximum", "≤"))
        if abs(schema.get(key, 1e18)) < 1e18
    ]
    default = [f"default {code(schema['default'])}"] if schema.get("default") not in (None, "", [], {}) else []
    facts = "; ".join([*(["needed"] if needed else []), *bounds, *default])
    return " ".join(part for part in (schema.get("description", ""), f"({facts})" if facts else "") if part)
