"""Small folders in the exact formats of DeepFashion: counts, headers, runs of spaces, `\\r\\n`, paths with spaces."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

CATEGORIES = ("Blouse", "Dress", "Jeans")
COARSE = (("floral", 1), ("a line", 3), ("chiffon", 2), ("neck 76", 4))
FINE = (("floral", 1), ("solid", 1), ("long_sleeve", 2), ("sleeveless", 2))
COARSE_PHOTOS = (  # photo, split, category id, marks
    ("img/Sheer_Pleated-Front_Blouse/img_00000001.jpg", "train", 1, (1, -1, 0, -1)),
    ("img/A Dress with Spaces/img_00000001.jpg", "train", 2, (-1, 1, 1, -1)),
    ("img/Skinny_Jeans/img_00000001.jpg", "train", 3, (0, 0, 0, 0)),
    ("img/Sheer_Pleated-Front_Blouse/img_00000002.jpg", "val", 1, (1, 1, -1, -1)),
    ("img/Skinny_Jeans/img_00000002.jpg", "test", 3, (-1, -1, -1, -1)),
)
FINE_PHOTOS = (
    ("img/Blouse/img_00000001.jpg", "train", 1, (1, 0, 0, 1)),
    ("img/Dress one/img_00000001.jpg", "train", 2, (1, 1, 0, 0)),
    ("img/Jeans/img_00000001.jpg", "val", 3, (0, 1, 1, 0)),
    ("img/Jeans/img_00000002.jpg", "test", 3, (0, 0, 0, 1)),
)
INSHOP_PHOTOS = (  # photo, item, split
    ("img/WOMEN/Dresses/id_00000002/02_1_front.jpg", "id_00000002", "train"),
    ("img/WOMEN/Dresses/id_00000002/02_3_back.jpg", "id_00000002", "train"),
    ("img/MEN/Denim/id_00000007/01_1_front.jpg", "id_00000007", "train"),
    ("img/WOMEN/Blouses_Shirts/id_00000001/02_1_front.jpg", "id_00000001", "query"),
    ("img/WOMEN/Blouses_Shirts/id_00000001/02_3_back.jpg", "id_00000001", "gallery"),
    ("img/WOMEN/Dresses/id_00000004/03_7_additional.jpg", "id_00000004", "gallery"),
)


def coarse(folder: Path, *, anno: str = "Anno_coarse") -> Path:
    """The original layout."""
    names(folder / anno, COARSE)
    listing(folder / "Eval/list_eval_partition.txt", "image_name  evaluation_status", [p[:2] for p in COARSE_PHOTOS])
    listing(
        folder / anno / "list_category_img.txt", "image_name  category_label", [(p[0], p[2]) for p in COARSE_PHOTOS]
    )
    listing(folder / anno / "list_attr_img.txt", "image_name  attribute_labels", [(p[0], *p[3]) for p in COARSE_PHOTOS])
    listing(
        folder / anno / "list_bbox.txt",
        "image_name  x_1  y_1  x_2  y_2",
        [(p[0], 10, 20, 50, 60) for p in COARSE_PHOTOS],
    )
    photos(folder / "Img", [photo[0] for photo in COARSE_PHOTOS])
    return folder


def fine(folder: Path) -> Path:
    """The fine layout: lists in step, without count and header."""
    anno = folder / "Anno_fine"
    names(anno, FINE)
    for split in ("train", "val", "test"):
        mine = [photo for photo in FINE_PHOTOS if photo[1] == split]
        plain(anno / f"{split}.txt", [(photo[0],) for photo in mine])
        plain(anno / f"{split}_cate.txt", [(photo[2],) for photo in mine])
        plain(anno / f"{split}_attr.txt", [photo[3] for photo in mine])
        plain(anno / f"{split}_bbox.txt", [(10, 20, 50, 60) for _ in mine])
    photos(folder, [photo[0] for photo in FINE_PHOTOS])
    return folder


def inshop(folder: Path) -> Path:
    """In-shop clothes retrieval."""
    listing(folder / "Eval/list_eval_partition.txt", "image_name item_id evaluation_status", [*INSHOP_PHOTOS])
    listing(
        folder / "Anno/list_bbox_inshop.txt",
        "image_name clothes_type pose_type x_1 y_1 x_2 y_2",
        [(photo[0], 3, 1, 5, 6, 60, 70) for photo in INSHOP_PHOTOS],
    )
    attributes = folder / "Anno/attributes"
    listing(attributes / "list_attr_cloth.txt", "attribute_names", [("linen blend",), ("zip",)])
    items = ("id_00000002", "id_00000007", "id_00000001")
    marks = ((1, -1), (-1, 1), (-1, -1))
    listing(
        attributes / "list_attr_items.txt",
        "item_id attribute_labels",
        [(i, *m) for i, m in zip(items, marks, strict=True)],
    )
    photos(folder / "Img", [photo[0] for photo in INSHOP_PHOTOS])
    return folder


def names(anno: Path, attributes: Sequence[tuple[str, int]]) -> None:
    """The lists that name categories and attributes."""
    listing(
        anno / "list_category_cloth.txt", "category_name  category_type", list(zip(CATEGORIES, (1, 3, 2), strict=True))
    )
    listing(anno / "list_attr_cloth.txt", "attribute_name  attribute_type", list(attributes))


def listing(path: Path, header: str, lines: Sequence[Sequence[object]]) -> None:
    """A list with count and header, its columns cut by runs of spaces."""
    texts = [str(len(lines)), header, *("   ".join(map(str, line)) for line in lines)]
    _write(path, texts)


def plain(path: Path, lines: Sequence[Sequence[object]]) -> None:
    """A list without count and header."""
    _write(path, [" ".join(map(str, line)) for line in lines])


def edit(path: Path, old: str, new: str) -> None:
    """Breaks a list in one place."""
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode())


def photos(folder: Path, paths: Sequence[str]) -> None:
    """A JPEG of its own for each path."""
    for number, path in enumerate(paths):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(photo(number))


def photo(number: int) -> bytes:
    """80 x 100 pixels of noise about one colour."""
    rng = np.random.default_rng(number)
    out = io.BytesIO()
    noise = rng.integers(0, 60, (100, 80, 3)) + rng.integers(0, 190, 3)
    Image.fromarray(noise.astype(np.uint8)).save(out, "JPEG")
    return out.getvalue()


def _write(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode())
