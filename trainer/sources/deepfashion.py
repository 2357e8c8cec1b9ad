"""DeepFashion, Category and Attribute Prediction (Liu et al., CVPR 2016), as it is given out: coarse and fine lists.

Written to the published description of the files; not run on the full set, which is given on request only.
What is relied on, `Anno` standing for `Anno_coarse`, `Anno` or `Anno_fine`:

- Every list begins with its number of lines and a line of column names, but for those of the fine splits.
- `Anno/list_category_cloth.txt`: name, type (1 upper body, 2 lower body, 3 full body). A category's id is its
  place in that list, from 1.
- `Anno/list_attr_cloth.txt`: name (may hold spaces), type. Coarse: 1 texture, 2 fabric, 3 shape, 4 part, 5
  style; any number of them hold. Fine: 1 texture, 2 sleeve, 3 length, 4 neckline, 5 fabric, 6 fit; one of each
  holds (where a photo has several marked, it is one of these; where none, nothing is known).
- Coarse: `list_category_img.txt` (photo, id), `list_attr_img.txt` (photo, a mark for every attribute: 1 yes,
  -1 no, 0 unknown), `list_bbox.txt` (photo, x1 y1 x2 y2), `Eval/list_eval_partition.txt` (photo, train, val or
  test).
- Fine: for train, val and test `train.txt` (photos) and, line by line in step with it, `train_cate.txt` (id),
  `train_attr.txt` (1 or 0 for every attribute), `train_bbox.txt`.
- Photos are named `img/…` and lie in `Img/img/…`, `img/…`, `Img/img.zip` or `img.zip`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from trainer.sources.faults import Faults
from trainer.sources.lists import Entry, box_of, check_agreement, listed, one_of, plain
from trainer.sources.marks import AttributeList, Denied, marks_of
from trainer.sources.photos import Read
from trainer.sources.spec import Row, Source, SourceSpec
from trainer.sources.table import no_photos, photos_of
from vision.labels import AttributeGroup, LabelSpace

FOLDERS = ("Anno_coarse", "Anno", "Anno_fine")
BODY = ("upper body", "lower body", "full body")
COARSE_GROUPS = ("texture", "fabric", "shape", "part", "style")
FINE_GROUPS = ("texture", "sleeve", "length", "neckline", "fabric", "fit")
PARTITION = Path("Eval/list_eval_partition.txt")
SPLITS = {"val": "dev"}
HEADER_LINES = 2


@dataclass(frozen=True, kw_only=True)
class Lists:
    """The folder of the lists, whether they are fine, and what they name."""

    folder: Path
    fine: bool
    categories: tuple[tuple[str, str], ...]  # name and part of the body
    attributes: AttributeList

    @property
    def labels(self) -> LabelSpace:
        """Every name the lists can say."""
        return LabelSpace(
            categories=tuple(name for name, _ in self.categories),
            groups=tuple(
                AttributeGroup(name=group, values=self.attributes.values(group), exclusive=self.fine)
                for group in self.attributes.groups
                if len(self.attributes.values(group)) > self.fine  # one value alone is no choice
            ),
        )

    def words(self, photo: str, split: str, category: int, yes: bytes) -> dict[str, str]:
        """A row's words by column."""
        name, body = self.categories[category]
        place = {"photo": photo, "split": split, "folder": PurePosixPath(photo).parent.name}
        return {**place, "category": name, "body": body, **self.attributes.words(yes)}


def read_deepfashion(spec: SourceSpec, folder: Path, faults: Faults) -> Source:
    """Every photo that all lists agree on; all else is among the faults."""
    spec = replace(spec, split="split", category="category", splits={**SPLITS, **spec.splits})
    lists = _lists(folder / (spec.table or _first(folder)), faults)
    rows: list[Row] = []
    if lists.categories and lists.attributes:  # without names, every id would be a fault
        rows = _fine_rows(lists, faults) if lists.fine else _coarse_rows(lists, spec, folder / PARTITION, faults)
    return Source(
        spec=spec,
        table=lists.folder / "train.txt" if lists.fine else folder / PARTITION,
        rows=tuple(rows),
        read=deepfashion_photos(spec, folder, faults),
        labels=lists.labels,
    )


def deepfashion_photos(spec: SourceSpec, folder: Path, faults: Faults) -> Read:
    """The photos, wherever `img/` lies below the folder."""
    base = folder / spec.photos
    places = [place for place in (base, base / "Img") if (place / "img").is_dir()]
    places += [place for place in (base, base / "Img/img.zip", base / "img.zip") if place.is_file()]
    if places:
        return photos_of(spec, places[0], faults)
    faults.add(base, "no photos: neither Img/img, img, Img/img.zip nor img.zip is there")
    return no_photos


def _first(folder: Path) -> str:
    return next((name for name in FOLDERS if (folder / name).is_dir()), FOLDERS[0])


def _lists(folder: Path, faults: Faults) -> Lists:
    fine = (folder / "train.txt").is_file()
    groups = FINE_GROUPS if fine else COARSE_GROUPS
    bodies = _typed(folder / "list_category_cloth.txt", BODY, faults)
    types = _typed(folder / "list_attr_cloth.txt", groups, faults)
    attributes = AttributeList(attributes=tuple((group, name) for name, group in types))
    return Lists(folder=folder, fine=fine, categories=bodies, attributes=attributes)


def _typed(path: Path, types: Sequence[str], faults: Faults) -> tuple[tuple[str, str], ...]:
    """Names with what their type stands for, by place. Names count from the top of the file, so a line that
    is a fault keeps its place."""
    found = listed(path, faults, values=1, parse=lambda entry: types[one_of(entry, len(types), "type")])
    last = max(found.lines.values(), default=HEADER_LINES)
    names = [(f"line {line}", types[0]) for line in range(HEADER_LINES + 1, last + 1)]
    for name, kind in found.values.items():
        names[found.lines[name] - HEADER_LINES - 1] = (label_name(name), kind)
    return tuple(names)


def label_name(name: str) -> str:
    """A name as a label space allows it."""
    return " ".join(name.replace(":", " ").replace(";", " ").split())


def _coarse_rows(lists: Lists, spec: SourceSpec, partition: Path, faults: Faults) -> list[Row]:
    folder, ids = lists.folder, len(lists.categories)
    splits = listed(partition, faults, values=1, parse=lambda entry: split_word(entry, spec))
    categories = listed(
        folder / "list_category_img.txt", faults, values=1, parse=lambda entry: one_of(entry, ids, "category")
    )
    marks = listed(folder / "list_attr_img.txt", faults, values=len(lists.attributes), parse=marks_of)
    boxes = listed(folder / "list_bbox.txt", faults, values=4, parse=box_of)
    check_agreement([splits, categories, marks, boxes], faults)
    return [
        Row(
            line=splits.lines[photo],
            photo=photo,
            words=lists.words(photo, split, categories.values[photo], marks.values[photo].yes),
            box=boxes.values[photo],
            denied=Denied(attributes=lists.attributes, bits=marks.values[photo].no),
        )
        for photo, split in splits.values.items()
        if photo in categories.values and photo in marks.values and photo in boxes.values
    ]


def split_word(entry: Entry, spec: SourceSpec) -> str:
    """The last value of a partition's line. Raises ValueError where it is no split."""
    try:
        spec.our_split(entry.values[-1])
    except ValueError:
        known = ", ".join(dict.fromkeys([*spec.splits, "train", "test"]))
        raise ValueError(f"{entry.values[-1]!r} is no split; it is one of {known}") from None
    return entry.values[-1]


def _fine_rows(lists: Lists, faults: Faults) -> list[Row]:
    return [row for split in ("train", "val", "test") for row in _fine_split(lists, split, faults)]


def _fine_split(lists: Lists, split: str, faults: Faults) -> Iterator[Row]:
    """The photos of one split; none where its lists are not in step."""
    folder, before = lists.folder, len(faults)
    names = folder / f"{split}.txt"
    photos = plain(names, faults, values=0)
    widths = {"cate": 1, "attr": len(lists.attributes), "bbox": 4}
    parts = {part: plain(folder / f"{split}_{part}.txt", faults, values=width) for part, width in widths.items()}
    for part, lines in parts.items():
        if len(lines) != len(photos):
            what = f"it has {len(lines)} lines, and {names.name} has {len(photos)} photos"
            faults.add(folder / f"{split}_{part}.txt", what)
    if len(faults) == before:
        for photo, *rest in zip(photos, *parts.values(), strict=True):
            yield from _fine_row(lists, split, photo, rest, faults)


def _fine_row(lists: Lists, split: str, photo: Entry, rest: list[Entry], faults: Faults) -> Iterator[Row]:
    """The photo's row, or faults in the list that each is in."""
    ids = len(lists.categories)
    parsers = {"cate": lambda entry: one_of(entry, ids, "category"), "attr": fine_marks, "bbox": box_of}
    found: dict[str, Any] = {}
    for (part, parse), entry in zip(parsers.items(), rest, strict=True):
        try:
            found[part] = parse(entry)
        except ValueError as fault:
            faults.add(lists.folder / f"{split}_{part}.txt", str(fault), line=entry.line)
    if len(found) == len(parsers):
        words = lists.words(photo.name, split, found["cate"], found["attr"])
        yield Row(line=photo.line, photo=photo.name, words=words, box=found["bbox"])


def fine_marks(entry: Entry) -> bytes:
    """The attributes of a line of 1 and 0, as bits. Raises ValueError."""
    if "-1" in entry.values:
        raise ValueError("'-1' is no mark of a fine attribute; 1 is yes, 0 no")
    return marks_of(entry).yes
