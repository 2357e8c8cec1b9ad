"""DeepFashion, In-Shop Clothes Retrieval (Liu et al., CVPR 2016), as it is given out.

Written to the published description of the files; not run on the full set, which is given on request only.
What is relied on; every list begins with its number of lines and a line of column names:

- `Eval/list_eval_partition.txt`: photo, item id, train, query or gallery. The protocol: each query photo
  searches the gallery, right is a photo of its item; both are our test split, dev is carved out of train by
  item.
- `Anno/list_bbox_inshop.txt`: photo, clothes type (1 to 3), pose type (1 to 6), x1 y1 x2 y2.
- `Anno/list_attr_cloth.txt` (names) and `Anno/list_attr_items.txt` (item id, a mark for every attribute), or
  both in `Anno/attributes/`; may be left out. They are one free group, `attribute`.
- A photo's path says gender and category: `img/WOMEN/Dresses/id_00000002/02_1_front.jpg`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from trainer.sources.deepfashion import PARTITION, deepfashion_photos, label_name, split_word
from trainer.sources.faults import Faults
from trainer.sources.lists import Entry, box_of, check_agreement, entries, listed
from trainer.sources.marks import AttributeList, Denied, Marks, marks_of
from trainer.sources.spec import ROLES, Box, Row, Source, SourceSpec
from vision.labels import AttributeGroup, LabelSpace

SPLITS = {"query": "test", "gallery": "test"}
GROUP = "attribute"
CLOTHES, POSES = 3, 6  # how many types of each there are
NO_ATTRIBUTES = AttributeList(attributes=())


@dataclass(frozen=True, kw_only=True)
class Items:
    """The attributes of items: their names, and each item's marks."""

    attributes: AttributeList = NO_ATTRIBUTES
    marks: dict[str, Marks]


def read_inshop(spec: SourceSpec, folder: Path, faults: Faults) -> Source:
    """Every photo that the lists agree on; all else is among the faults."""
    spec = replace(
        spec, split="split", category="category", product=spec.product or "product", splits={**SPLITS, **spec.splits}
    )
    anno = folder / (spec.table or "Anno")
    items = _items(anno / "attributes" if (anno / "attributes").is_dir() else anno, faults)
    rows = tuple(_rows(spec, folder / PARTITION, anno / "list_bbox_inshop.txt", items, faults))
    return Source(
        spec=spec,
        table=folder / PARTITION,
        rows=rows,
        read=deepfashion_photos(spec, folder, faults),
        labels=_labels(rows, items.attributes),
        notes=_notes(rows, items),
    )


def _rows(spec: SourceSpec, partition: Path, bbox: Path, items: Items, faults: Faults) -> Iterator[Row]:
    places = listed(partition, faults, values=2, parse=lambda entry: _place(entry, spec))
    boxes = listed(bbox, faults, values=6, parse=_box)
    check_agreement([places, boxes], faults)
    for photo, words in places.values.items():
        if photo in boxes.values:
            marks = items.marks.get(words["product"])
            yield Row(
                line=places.lines[photo],
                photo=photo,
                words={**words, GROUP: "", **(items.attributes.words(marks.yes) if marks else {})},
                box=boxes.values[photo],
                role=words["split"] if words["split"] in ROLES else "",
                denied=Denied(attributes=items.attributes, bits=marks.no) if marks else None,
            )


def _place(entry: Entry, spec: SourceSpec) -> dict[str, str]:
    """Words of a photo by column. Raises ValueError."""
    item, split = entry.values[0], split_word(entry, spec)
    folders = PurePosixPath(entry.name).parts[:-1]
    if item not in folders[2:]:
        raise ValueError(f"{entry.name!r} is not in a folder GENDER/CATEGORY/{item}")
    at = folders.index(item)
    return {
        "photo": entry.name,
        "product": item,
        "split": split,
        "category": label_name(folders[at - 1]),
        "gender": label_name(folders[at - 2]),
    }


def _box(entry: Entry) -> Box:
    for word, types, what in zip(entry.values, (CLOTHES, POSES), ("clothes", "pose"), strict=False):
        if not word.isdecimal() or not 1 <= int(word) <= types:
            raise ValueError(f"{what} type {word!r} is out of range; it is 1 to {types}")
    return box_of(entry)


def _items(folder: Path, faults: Faults) -> Items:
    names, lines = folder / "list_attr_cloth.txt", folder / "list_attr_items.txt"
    if not names.exists() and not lines.exists():
        return Items(marks={})
    found = tuple((GROUP, label_name(entry.name)) for entry in entries(names, faults, values=0))
    return Items(attributes=AttributeList(attributes=found), marks=_marks(lines, len(found), faults))


def _marks(path: Path, count: int, faults: Faults) -> dict[str, Marks]:
    """Each item's marks. An item may stand there twice; where its lines disagree, the second is a fault."""
    marks: dict[str, Marks] = {}
    for entry in entries(path, faults, values=count) if count else ():
        try:
            found = marks_of(entry)
        except ValueError as fault:
            faults.add(path, str(fault), line=entry.line)
            continue
        if marks.setdefault(entry.name, found) != found:
            faults.add(path, f"{entry.name!r} stands there before, with other attributes", line=entry.line)
    return marks


def _labels(rows: tuple[Row, ...], attributes: AttributeList) -> LabelSpace:
    """Categories and genders that the paths name, and the attributes of the list."""
    genders = tuple(sorted({row.words["gender"] for row in rows}))
    gender = [AttributeGroup(name="gender", values=genders, exclusive=True)] if len(genders) > 1 else []
    details = [
        AttributeGroup(name=group, values=attributes.values(group), exclusive=False) for group in attributes.groups
    ]
    return LabelSpace(categories=tuple(sorted({row.words["category"] for row in rows})), groups=(*gender, *details))


def _notes(rows: tuple[Row, ...], items: Items) -> tuple[str, ...]:
    without = {row.words["product"] for row in rows} - items.marks.keys()
    if not items.marks or not without:
        return ()
    return (f"items that list_attr_items.txt leaves out, unlabelled in their attributes: {len(without)}.",)
