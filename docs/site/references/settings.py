"""Every variable of the environment that modiste reads, with its bounds: what cli.settings says, said in words."""

from typing import Any

from cli.settings import Settings
from references.markdown import code, table
from references.markdown import page as made

OPENING = """The variables as the program reads them: names, defaults and bounds. What each is for stands in
[Settings](../settings.md). A value outside its bounds ends a command before it starts, with a message that names it."""
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def page() -> str:
    properties = Settings.model_json_schema()["properties"]
    rows = [(code(name.upper()), kind(schema), default(schema)) for name, schema in properties.items()]
    return made("Settings as read", OPENING, [table(("variable", "value", "default"), rows)])


def kind(schema: dict[str, Any]) -> str:
    chosen = next((one for one in schema.get("anyOf", [schema]) if one["type"] != "null"), schema)
    words = {"array": "a list, with commas", "integer": "whole number", "string": "text"}
    name = {"path": "path", "password": "secret"}.get(
        chosen.get("format", ""), words.get(chosen["type"], chosen["type"])
    )
    return ", ".join([name, *(f"{sign} {chosen[key]:,}" for key, sign in BOUNDS.items() if key in chosen)])


def default(schema: dict[str, Any]) -> str:
    value = schema.get("default")
    return code(value) if value not in (None, [], ()) else "none"
