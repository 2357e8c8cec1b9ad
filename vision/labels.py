"""What the network can say: categories, and attribute groups with the categories they may be said of.

The order of names is the order of the logits. How probable a name is, and when to keep silent, stands
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from vision.errors import LabelSpaceError


@dataclass(frozen=True, kw_only=True)
class AttributeGroup:
    """One question about a garment: exactly one answer (`exclusive`: softmax) or any number (free: sigmoid).

    `categories` are those the question makes sense for; empty means all.
    """

    name: str
    values: tuple[str, ...]
    exclusive: bool
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_names(f"attribute group {self.name!r}", (self.name, *self.values))
        if len(self.values) < (2 if self.exclusive else 1):
            raise LabelSpaceError(f"Attribute group {self.name!r} has too few values: {self.values}.")

    def applies_to(self, category: str | None) -> bool:
        """Whether the group may be said of a category (of a photo without one: always)."""
        return not self.categories or category is None or category in self.categories

    def labels(self) -> tuple[str, ...]:
        """Its answers as they are written everywhere: `group:value`."""
        return tuple(f"{self.name}:{value}" for value in self.values)


@dataclass(frozen=True, kw_only=True)
class LabelSpace:
    """Every category and attribute of one model version, in the order of its logits."""

    categories: tuple[str, ...] = ()
    groups: tuple[AttributeGroup, ...] = ()

    def __post_init__(self) -> None:
        _check_names("categories", self.categories)
        _check_names("attribute groups", tuple(group.name for group in self.groups))
        for group in self.groups:
            unknown = sorted(set(group.categories) - set(self.categories))
            if unknown:
                raise LabelSpaceError(f"Attribute group {group.name!r} names unknown categories: {unknown}.")

    @property
    def attributes(self) -> tuple[str, ...]:
        """All `group:value` labels, in the order of the attribute logits."""
        return tuple(chain.from_iterable(group.labels() for group in self.groups))

    def columns(self) -> Iterator[tuple[AttributeGroup, slice]]:
        """Each group with its columns among the attribute logits."""
        start = 0
        for group in self.groups:
            yield group, slice(start, start + len(group.values))
            start += len(group.values)

    def to_json(self) -> dict[str, Any]:
        """A value for `json.dumps`; `from_json` reads it back."""
        return {
            "categories": list(self.categories),
            "groups": [
                {
                    "name": group.name,
                    "values": list(group.values),
                    "exclusive": group.exclusive,
                    "categories": list(group.categories),
                }
                for group in self.groups
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LabelSpace:
        """Raises LabelSpaceError where a part is missing or of the wrong kind."""
        try:
            return cls(
                categories=_texts(value["categories"]),
                groups=tuple(_group(group) for group in value["groups"]),
            )
        except (KeyError, TypeError) as fault:
            raise LabelSpaceError(f"It lacks a part or has one of the wrong kind: {fault!r}.") from fault


def _group(value: Mapping[str, Any]) -> AttributeGroup:
    if not isinstance(value["exclusive"], bool):
        raise TypeError("'exclusive' must be true or false")
    return AttributeGroup(
        name=str(value["name"]),
        values=_texts(value["values"]),
        exclusive=value["exclusive"],
        categories=_texts(value.get("categories", [])),
    )


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"a list of texts is needed, not {value!r}")
    return tuple(value)


def _check_names(where: str, names: tuple[str, ...]) -> None:
    bad = [name for name in names if not name.strip() or name != name.strip() or ":" in name]
    if bad:
        raise LabelSpaceError(f"In {where}: {bad} are empty, padded with spaces or hold a colon.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LabelSpaceError(f"In {where}: {twice} stand twice.")
