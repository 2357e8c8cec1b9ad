from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.unit.trainer.deepfashion import COARSE_PHOTOS, FINE_PHOTOS, INSHOP_PHOTOS, coarse, edit, fine, inshop
from trainer.crops import decode_box
from trainer.dataset import Dataset, build_dataset
from trainer.errors import MalformedError
from trainer.mapping import Dialect, Taxonomy
from trainer.recipe import load_recipe
from trainer.sources import Faults, SourceSpec, open_source, read_source
from trainer.vocabulary import taxonomy_of
from vision.labels import AttributeGroup, LabelSpace
from vision.preprocess import PixelRule, Resize, decode

CATEGORY = SourceSpec(name="df", kind="deepfashion-category", licence="research")  # type: ignore[arg-type]
INSHOP = SourceSpec(name="inshop", kind="deepfashion-inshop", licence="research", dev_share=0.4)  # type: ignore[arg-type]
RULE = PixelRule(size_px=32, resize=Resize.PAD_WHITE, mean=(127, 127, 127), std=(128, 128, 128))


def data_of(spec: SourceSpec, folder: Path, taxonomy: Taxonomy | None = None) -> Dataset:
    source = open_source(spec, folder)
    return build_dataset([source], taxonomy or taxonomy_of([source]))


def faults_of(spec: SourceSpec, folder: Path) -> list[str]:
    faults = Faults()
    read_source(spec, folder, faults)
    return [str(fault).removeprefix(f"{folder}/") for fault in faults.found]


def said(data: Dataset, row: int) -> set[str]:
    return {name for name, there in zip(data.labels.attributes, data.targets.attributes[row], strict=True) if there}


def known(data: Dataset, row: int) -> set[str]:
    return {name for name, there in zip(data.labels.attributes, data.targets.known[row], strict=True) if there}


def categories(data: Dataset) -> list[str]:
    return [data.labels.categories[row.argmax()] for row in data.targets.categories]


@pytest.mark.parametrize("anno", ["Anno_coarse", "Anno"])
def test_the_coarse_layout_is_read_with_ids_from_one_and_its_own_splits(tmp_path: Path, anno: str) -> None:
    data = data_of(CATEGORY, coarse(tmp_path, anno=anno))
    assert data.labels.categories == ("Blouse", "Dress", "Jeans")
    assert categories(data) == ["Blouse", "Dress", "Jeans", "Blouse", "Jeans"]
    assert data.splits.tolist() == ["train", "train", "train", "dev", "test"]
    assert [row.photo for _, row in data.rows] == [photo[0] for photo in COARSE_PHOTOS]
    assert {row.box for _, row in data.rows} == {(10, 20, 50, 60)}
    assert [group.name for group in data.labels.groups if group.exclusive] == []


def test_a_coarse_attribute_is_yes_no_or_unknown(tmp_path: Path) -> None:
    data = data_of(CATEGORY, coarse(tmp_path))
    assert said(data, 0) == {"texture:floral"}
    assert known(data, 0) == {"texture:floral", "shape:a line", "part:neck 76"}
    assert (said(data, 2), known(data, 2)) == (set(), set())
    assert (said(data, 4), known(data, 4)) == (set(), set(data.labels.attributes))


def test_the_fine_layout_has_one_value_of_each_type(tmp_path: Path) -> None:
    data = data_of(CATEGORY, fine(tmp_path))
    assert [(group.name, group.values, group.exclusive) for group in data.labels.groups] == [
        ("texture", ("floral", "solid"), True),
        ("sleeve", ("long_sleeve", "sleeveless"), True),
    ]
    assert categories(data) == ["Blouse", "Dress", "Jeans", "Jeans"]
    assert data.splits.tolist() == ["train", "train", "dev", "test"]
    assert said(data, 0) == {"texture:floral", "sleeve:sleeveless"}
    assert said(data, 1) == {"texture:floral", "texture:solid"}  # two marked: one of these
    assert known(data, 3) == {"sleeve:long_sleeve", "sleeve:sleeveless"}  # no texture marked: not known
    assert [row.photo for _, row in data.rows] == [photo[0] for photo in FINE_PHOTOS]


def test_with_both_layouts_the_spec_says_which(tmp_path: Path) -> None:
    fine(coarse(tmp_path))
    wanted = SourceSpec(name="df", kind="deepfashion-category", licence="", table="Anno_fine")  # type: ignore[arg-type]
    assert len(data_of(CATEGORY, tmp_path)) == len(COARSE_PHOTOS)
    assert len(data_of(wanted, tmp_path)) == len(FINE_PHOTOS)


def test_words_of_deepfashion_are_joined_to_other_names_by_a_mapping(tmp_path: Path) -> None:
    labels = LabelSpace(
        categories=("Top", "Frock", "Trousers"),
        groups=(AttributeGroup(name="pattern", values=("Flowers", "Plain"), exclusive=False),),
    )
    words = {"category": {"Blouse": ("Top",), "Dress": ("Frock",)}, "pattern": {"floral": ("Flowers",)}}
    spec = SourceSpec(
        name="df",
        kind="deepfashion-category",  # type: ignore[arg-type]
        licence="",
        attributes={"pattern": "texture"},
    )
    data = data_of(spec, coarse(tmp_path), Taxonomy(labels=labels, dialects={"df": Dialect(words=words)}))
    assert data.targets.categories.sum(1).tolist() == [1, 1, 0, 1, 0]
    assert data.ignored == {("df", "category", "Jeans"): 2}
    assert said(data, 0) == {"pattern:Flowers"}
    assert [known(data, row) for row in (1, 2)] == [{"pattern:Flowers"}, set()]  # -1, then 0


def test_photos_lie_in_img_or_beside_the_lists_or_in_a_zip(tmp_path: Path) -> None:
    first = COARSE_PHOTOS[1][0]
    content = open_source(CATEGORY, coarse(tmp_path)).read(first)
    with zipfile.ZipFile(tmp_path / "img.zip", "w") as archive:
        for photo, *_ in COARSE_PHOTOS:
            archive.write(tmp_path / "Img" / photo, photo)
    shutil.move(tmp_path / "Img/img", tmp_path / "img")
    assert open_source(CATEGORY, tmp_path).read(first) == content
    shutil.rmtree(tmp_path / "img")
    assert open_source(CATEGORY, tmp_path).read(first) == content
    (tmp_path / "img.zip").rename(tmp_path / "Img/img.zip")
    assert open_source(CATEGORY, tmp_path).read(first) == content
    (tmp_path / "Img/img.zip").unlink()
    assert faults_of(CATEGORY, tmp_path) == [
        f"{tmp_path}: no photos: neither Img/img, img, Img/img.zip nor img.zip is there"
    ]


def test_pixels_are_those_of_the_box(tmp_path: Path) -> None:
    data = data_of(CATEGORY, coarse(tmp_path))
    content = data.read(0)
    assert (data.pixels(0, RULE) == decode_box(content, RULE, (10, 20, 50, 60))).all()
    assert not (data.pixels(0, RULE) == decode(content, RULE)).all()


@pytest.mark.parametrize(
    ("file", "old", "new", "found"),
    [
        (
            "Eval/list_eval_partition.txt",
            "5\r\n",
            "6\r\n",
            "Eval/list_eval_partition.txt, line 1: it says that 6 lines follow, and 5 do",
        ),
        (
            "Eval/list_eval_partition.txt",
            "5\r\n",
            "",
            "Eval/list_eval_partition.txt, line 1: the number of lines is needed, not 'image_name  evaluation_status'",
        ),
        (
            "Anno_coarse/list_bbox.txt",
            "image_name  x_1  y_1  x_2  y_2\r\n",
            "",
            "Anno_coarse/list_bbox.txt, line 2: the names of the columns are needed, not "
            "'img/Sheer_Pleated-Front_Blouse/img_00000001.jpg   10   20…'",
        ),
        (
            "Anno_coarse/list_category_img.txt",
            "jpg   3",
            "jpg   4",
            "Anno_coarse/list_category_img.txt, line 5: category '4' is out of range; it is 1 to 3",
        ),
        (
            "Anno_coarse/list_category_img.txt",
            "jpg   1",
            "jpg   0",
            "Anno_coarse/list_category_img.txt, line 3: category '0' is out of range; it is 1 to 3",
        ),
        (
            "Anno_coarse/list_attr_img.txt",
            "1   -1   0   -1",
            "1   -1   2   -1",
            "Anno_coarse/list_attr_img.txt, line 3: '2' is no mark of an attribute; 1 is yes, -1 no, 0 unknown",
        ),
        (
            "Anno_coarse/list_attr_img.txt",
            "1   -1   0   -1",
            "1   -1   0   -1   1",
            "Anno_coarse/list_attr_img.txt, line 3: a name and 4 values are needed: "
            "'img/Sheer_Pleated-Front_Blouse/img_00000001.jpg   1   -1 …'",
        ),
        (
            "Anno_coarse/list_bbox.txt",
            "10   20   50   60",
            "50   20   10   60",
            "Anno_coarse/list_bbox.txt, line 3: the box '50 20 10 60' is empty; "
            "x2 must be right of x1, and y2 below y1",
        ),
        (
            "Anno_coarse/list_attr_cloth.txt",
            "a line   3",
            "a line   9",
            "Anno_coarse/list_attr_cloth.txt, line 4: type '9' is out of range; it is 1 to 5",
        ),
        (
            "Eval/list_eval_partition.txt",
            "   val",
            "   validation",
            "Eval/list_eval_partition.txt, line 6: 'validation' is no split; it is one of val, train, test",
        ),
        (
            "Eval/list_eval_partition.txt",
            "Blouse/img_00000002",
            "Blouse/img_00000001",
            "Eval/list_eval_partition.txt, line 6: 'img/Sheer_Pleated-Front_Blouse/img_00000001.jpg' stands there "
            "twice, first in line 3",
        ),
    ],
)
def test_what_is_wrong_in_a_coarse_list_is_named_with_file_and_line(
    tmp_path: Path, file: str, old: str, new: str, found: str
) -> None:
    edit(coarse(tmp_path) / file, old, new)
    assert found in faults_of(CATEGORY, tmp_path)


def test_a_photo_that_is_missing_from_one_list_is_named_in_the_others(tmp_path: Path) -> None:
    lost = COARSE_PHOTOS[1][0]
    edit(coarse(tmp_path) / "Anno_coarse/list_category_img.txt", f"{lost}   2\r\n", "")
    edit(tmp_path / "Anno_coarse/list_category_img.txt", "5\r\n", "4\r\n")
    assert faults_of(CATEGORY, tmp_path) == [
        f"{file}, line 4: '{lost}' is not in list_category_img.txt"
        for file in ("Anno_coarse/list_attr_img.txt", "Anno_coarse/list_bbox.txt", "Eval/list_eval_partition.txt")
    ]
    with pytest.raises(MalformedError, match=r"3 faults\."):
        open_source(CATEGORY, tmp_path)
    assert len(read_source(CATEGORY, tmp_path, Faults()).rows) == len(COARSE_PHOTOS) - 1


def test_a_missing_list_is_one_fault_not_one_of_every_photo(tmp_path: Path) -> None:
    (coarse(tmp_path) / "Anno_coarse/list_bbox.txt").unlink()
    assert faults_of(CATEGORY, tmp_path) == ["Anno_coarse/list_bbox.txt: No such file or directory"]
    (tmp_path / "Anno_coarse/list_category_cloth.txt").unlink()
    assert faults_of(CATEGORY, tmp_path) == ["Anno_coarse/list_category_cloth.txt: No such file or directory"]


@pytest.mark.parametrize(
    ("file", "old", "new", "found"),
    [
        ("train_cate.txt", "1\r\n", "", "train_cate.txt: it has 1 lines, and train.txt has 2 photos"),
        ("train_cate.txt", "2", "51", "train_cate.txt, line 2: category '51' is out of range; it is 1 to 3"),
        (
            "train_attr.txt",
            "1 0 0 1",
            "1 -1 0 1",
            "train_attr.txt, line 1: '-1' is no mark of a fine attribute; 1 is yes, 0 no",
        ),
        ("val_attr.txt", "0 1 1 0", "0 1 1", "val_attr.txt, line 1: 4 values are needed: '0 1 1'"),
        (
            "test_bbox.txt",
            "10 20 50 60",
            "10 20 10 60",
            "test_bbox.txt, line 1: the box '10 20 10 60' is empty; x2 must be right of x1, and y2 below y1",
        ),
    ],
)
def test_what_is_wrong_in_a_fine_list_is_named_with_file_and_line(
    tmp_path: Path, file: str, old: str, new: str, found: str
) -> None:
    edit(fine(tmp_path) / "Anno_fine" / file, old, new)
    assert faults_of(CATEGORY, tmp_path) == [f"Anno_fine/{found}"]


def test_in_shop_items_are_products_and_query_and_gallery_are_test(tmp_path: Path) -> None:
    data = data_of(INSHOP, inshop(tmp_path))
    assert data.roles.tolist() == ["", "", "", "query", "gallery", "gallery"]
    assert data.splits[3:].tolist() == ["test"] * 3
    assert set(data.splits[:3].tolist()) <= {"train", "dev"}
    assert data.splits[0] == data.splits[1]
    assert data.targets.products.tolist() == [0, 0, 1, 2, 2, 3]
    assert categories(data) == ["Dresses", "Dresses", "Denim", "Blouses_Shirts", "Blouses_Shirts", "Dresses"]
    assert {row.box for _, row in data.rows} == {(5, 6, 60, 70)}
    assert [row.photo for _, row in data.rows] == [photo[0] for photo in INSHOP_PHOTOS]


def test_in_shop_attributes_belong_to_items_and_may_be_missing(tmp_path: Path) -> None:
    data = data_of(INSHOP, inshop(tmp_path))
    assert said(data, 0) == {"gender:WOMEN", "attribute:linen blend"}
    assert said(data, 2) == {"gender:MEN", "attribute:zip"}
    assert known(data, 3) == {"gender:WOMEN", "gender:MEN", "attribute:linen blend", "attribute:zip"}
    assert known(data, 5) == {"gender:WOMEN", "gender:MEN"}
    assert "inshop: items that list_attr_items.txt leaves out, unlabelled in their attributes: 1." in data.warnings
    shutil.rmtree(tmp_path / "Anno/attributes")
    assert [group.name for group in data_of(INSHOP, tmp_path).labels.groups] == ["gender"]


def test_dev_items_are_carved_out_of_train_and_never_torn_apart(tmp_path: Path) -> None:
    lines = [f"img/MEN/Denim/id_{item:08}/0{view}_1_front.jpg" for item in range(60) for view in (1, 2)]
    header = [str(len(lines)), "image_name item_id evaluation_status"]
    (tmp_path / "Eval").mkdir()
    (tmp_path / "Anno").mkdir()
    (tmp_path / "img").mkdir()
    (tmp_path / "Eval/list_eval_partition.txt").write_text(
        "\n".join([*header, *(f"{line} {line.split('/')[3]} train" for line in lines)])
    )
    (tmp_path / "Anno/list_bbox_inshop.txt").write_text(
        "\n".join(
            [header[0], "image_name clothes_type pose_type x_1 y_1 x_2 y_2", *(f"{x} 1 1 1 1 9 9" for x in lines)]
        )
    )
    data = data_of(INSHOP, tmp_path)
    assert 0.2 < np.mean(data.splits == "dev") < 0.6
    assert (data.splits[0::2] == data.splits[1::2]).all()


@pytest.mark.parametrize(
    ("file", "old", "new", "found"),
    [
        (
            "Eval/list_eval_partition.txt",
            "id_00000001   query",
            "id_00000009   query",
            "Eval/list_eval_partition.txt, line 6: 'img/WOMEN/Blouses_Shirts/id_00000001/02_1_front.jpg' is not in a "
            "folder GENDER/CATEGORY/id_00000009",
        ),
        (
            "Eval/list_eval_partition.txt",
            "query",
            "asked",
            "Eval/list_eval_partition.txt, line 6: 'asked' is no split; it is one of query, gallery, train, test",
        ),
        (
            "Anno/list_bbox_inshop.txt",
            "3   1   5",
            "3   7   5",
            "Anno/list_bbox_inshop.txt, line 3: pose type '7' is out of range; it is 1 to 6",
        ),
        (
            "Anno/attributes/list_attr_items.txt",
            "id_00000007   -1   1",
            "id_00000007   -1",
            "Anno/attributes/list_attr_items.txt, line 4: a name and 2 values are needed: 'id_00000007   -1'",
        ),
        (
            "Anno/attributes/list_attr_items.txt",
            "id_00000007",
            "id_00000002",
            "Anno/attributes/list_attr_items.txt, line 4: 'id_00000002' stands there before, with other attributes",
        ),
    ],
)
def test_what_is_wrong_in_an_in_shop_list_is_named(tmp_path: Path, file: str, old: str, new: str, found: str) -> None:
    edit(inshop(tmp_path) / file, old, new)
    assert found in faults_of(INSHOP, tmp_path)


def test_a_photo_of_one_in_shop_list_only_is_named_from_both_sides(tmp_path: Path) -> None:
    edit(inshop(tmp_path) / "Anno/list_bbox_inshop.txt", "img/MEN", "img/KIDS")
    found = faults_of(INSHOP, tmp_path)
    assert (
        "Anno/list_bbox_inshop.txt, line 5: 'img/KIDS/Denim/id_00000007/01_1_front.jpg' is not in "
        "list_eval_partition.txt" in found
    )
    assert (
        "Eval/list_eval_partition.txt, line 5: 'img/MEN/Denim/id_00000007/01_1_front.jpg' is not in "
        "list_bbox_inshop.txt" in found
    )


@pytest.mark.parametrize(
    ("name", "build", "groups"),
    [
        ("deepfashion-coarse", coarse, {"texture", "shape", "fabric", "part"}),
        ("deepfashion-fine", fine, {"texture", "sleeve"}),
        ("inshop", inshop, {"gender", "attribute"}),
    ],
)
def test_the_recipes_read_their_folders(
    tmp_path: Path, name: str, build: Callable[[Path], Path], groups: set[str]
) -> None:
    [spec] = load_recipe(Path("trainer/recipes") / f"{name}.toml").sources
    data = data_of(spec, build(tmp_path))
    assert {group.name for group in data.labels.groups} == groups
    assert [data.pixels(row, RULE).shape for row in range(len(data))] == [(32, 32, 3)] * len(data)
