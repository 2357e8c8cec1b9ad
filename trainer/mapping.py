"""The taxonomy, and how each source's words are said in it: one TOML file for all sources of a run.

A source's word may stand for one of our names or for several ("Shoes" is any of our shoe categories): the
photo then is labelled "one of these". A word that is neither one of our names nor mapped is unlabelled, and
counted.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trainer.errors import SourceError
from vision.errors import LabelSpaceError
from vision.labels import AttributeGroup, LabelSpace

CATEGORY = "category"
Names = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Where all of `when` (column: word) hold, the row has these labels (category or attribute group: names).

    The first rule that decides a label wins. One for the category overrides the category column's word; one
    for an attribute speaks only where the row itself is silent.
    """

    when: Mapping[str, str]
    then: Mapping[str, Names]

    def holds(self, row: Mapping[str, str]) -> bool:
        """Whether the row has all the words asked for."""
        return all(row.get(column) == word for column, word in self.when.items())


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How one source speaks: words[label][word] are our names for it."""

    words: Mapping[str, Mapping[str, Names]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    def decided(self, label: str, row: Mapping[str, str]) -> Names | None:
        """What the first rule that holds says of a label; None where none does."""
        found = (rule.then[label] for rule in self.rules if label in rule.then and rule.holds(row))
        return next(found, None)


@dataclass(frozen=True, kw_only=True)
class Taxonomy:
    """The label space of a run and each source's dialect."""

    labels: LabelSpace
    dialects: Mapping[str, Dialect]

    def without_groups(self, names: Collection[str]) -> Taxonomy:
        """The same without some attribute groups."""
        kept = tuple(group for group in self.labels.groups if group.name not in names)
        return replace(self, labels=replace(self.labels, groups=kept))

    def names(self, label: str) -> Names:
        """Every name a label can take: the categories, or an attribute group's values."""
        if label == CATEGORY:
            return self.labels.categories
        return next(group.values for group in self.labels.groups if group.name == label)

    def dialect(self, source: str) -> Dialect:
        """A source without a dialect speaks our names."""
        return self.dialects.get(source, Dialect())


def load_taxonomy(path: Path) -> Taxonomy:
    """Reads the TOML file. Raises SourceError that names the file and the place in it."""
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8"))
        labels = LabelSpace(
            categories=tuple(value["categories"]),
            groups=tuple(
                _group(name, group, value.get("kinds", {})) for name, group in value.get("groups", {}).items()
            ),
        )
        taxonomy = Taxonomy(
            labels=labels,
            dialects={name: _dialect(dialect) for name, dialect in value.get("sources", {}).items()},
        )
    except OSError as fault:
        raise SourceError(f"{path}: {fault.strerror}.") from fault
    except KeyError as fault:
        raise SourceError(f"{path}: {fault} is missing.") from fault
    except (tomllib.TOMLDecodeError, LabelSpaceError, TypeError, AttributeError) as fault:
        raise SourceError(f"{path}: {fault!r}.") from fault
    _check(path, taxonomy)
    return taxonomy


def _group(name: str, value: Mapping[str, Any], kinds: Mapping[str, list[str]]) -> AttributeGroup:
    """`applies_to` lists categories, or kinds: named lists of categories."""
    categories = [category for entry in value.get("applies_to", []) for category in kinds.get(entry, [entry])]
    return AttributeGroup(
        name=name,
        values=tuple(value["values"]),
        exclusive=bool(value.get("exclusive", True)),
        categories=tuple(dict.fromkeys(categories)),
    )


def _dialect(value: Mapping[str, Any]) -> Dialect:
    return Dialect(
        words={
            label: {word: _names(ours) for word, ours in words.items()}
            for label, words in value.get("words", {}).items()
        },
        rules=tuple(
            Rule(when=dict(rule["when"]), then={label: _names(ours) for label, ours in rule["then"].items()})
            for rule in value.get("rules", [])
        ),
    )


def _names(value: str | list[str]) -> Names:
    return (value,) if isinstance(value, str) else tuple(value)


def _check(path: Path, taxonomy: Taxonomy) -> None:
    """Every name on the right-hand side must be ours: a typing error would silently unlabel photos."""
    known = {CATEGORY, *(group.name for group in taxonomy.labels.groups)}
    for source, dialect in taxonomy.dialects.items():
        said = [(label, ours) for label, words in dialect.words.items() for ours in words.values()]
        said += [(label, ours) for rule in dialect.rules for label, ours in rule.then.items()]
        for label, ours in said:
            if label not in known:
                raise SourceError(f"{path}: source {source!r} maps {label!r}; there is no such attribute group.")
            unknown = sorted(set(ours) - set(taxonomy.names(label)))
            if unknown:
                raise SourceError(f"{path}: source {source!r}, {label}: {unknown} are not among its names.")
