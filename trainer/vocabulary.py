"""A taxonomy out of the sources' own words, for recipes that give none.

Categories are the words of the category columns; attribute groups are those that the specs name, with the
words of their columns; DeepFashion's kinds bring their own names. Words of different sources are never taken
for the same unless they are written the same: for that there is a taxonomy with dialects.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain

from trainer.errors import SourceError
from trainer.mapping import Taxonomy
from trainer.sources import SEPARATOR, Source
from vision.errors import LabelSpaceError
from vision.labels import AttributeGroup, LabelSpace


def taxonomy_of(sources: Sequence[Source]) -> Taxonomy:
    """What the sources label, as one label space. Raises SourceError where a word cannot be a name.

    A group is exclusive unless a cell of it holds several values. A column with one value only is left out:
    there is nothing to choose.
    """
    try:
        spaces = [source.labels or _labels_of(source) for source in sources]
        listed = {group.name for source in sources if source.labels for group in source.labels.groups}
        return Taxonomy(labels=_joined(spaces, listed), dialects={})
    except LabelSpaceError as fault:
        raise SourceError(f"{fault} Correct the table, or map its words in a taxonomy.") from fault


def _joined(spaces: Sequence[LabelSpace], listed: Collection[str]) -> LabelSpace:
    groups: dict[str, list[AttributeGroup]] = {}
    for group in chain.from_iterable(space.groups for space in spaces):
        groups.setdefault(group.name, []).append(group)
    joined = (_one_group(several) for several in groups.values())
    return LabelSpace(
        categories=tuple(dict.fromkeys(name for space in spaces for name in space.categories)),
        groups=tuple(group for group in joined if len(group.values) > 1 or group.name in listed),
    )


def _one_group(groups: Sequence[AttributeGroup]) -> AttributeGroup:
    """One group as several sources have it; a single value says nothing of whether others exclude it."""
    values = tuple(dict.fromkeys(value for group in groups for value in group.values))
    telling = [group for group in groups if len(group.values) > 1] or groups
    exclusive = len(values) > 1 and all(group.exclusive for group in telling)
    return AttributeGroup(name=groups[0].name, values=values, exclusive=exclusive)


def _labels_of(source: Source) -> LabelSpace:
    column = source.spec.category
    return LabelSpace(
        categories=tuple(sorted({row.words[column] for row in source.rows} - {""})) if column else (),
        groups=tuple(_groups(source)),
    )


def _groups(source: Source) -> Iterator[AttributeGroup]:
    for name, column in source.spec.attributes.items():
        cells = {row.words[column] for row in source.rows}
        values = {value.strip() for cell in cells for value in cell.split(SEPARATOR)} - {""}
        if values:
            several = any(SEPARATOR in cell.strip(SEPARATOR) for cell in cells)
            yield AttributeGroup(name=name, values=tuple(sorted(values)), exclusive=not several and len(values) > 1)
