"""Pieces of Markdown that more than one reference page is made of."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty where there are no rows."""
    lines = ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines]) + "\n"


def cell(value: str) -> str:
    return " ".join(value.split()).replace("|", "\\|")


def code(value: object) -> str:
    return f"`{value}`" if str(value) else ""


def page(title: str, opening: str, parts: Iterable[str]) -> str:
    return "\n\n".join(part.strip() for part in (f"# {title}", opening, *parts) if part.strip()) + "\n"
