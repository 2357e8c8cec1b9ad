"""A small drawn shop: red shirts, blue shoes and green bags, several photos a product, and its recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image, ImageDraw

TAXONOMY = """
categories = ["Shirt", "Boot", "Sandal", "Bag"]
[kinds]
shoes = ["Boot", "Sandal"]
[groups.colour]
values = ["Red", "Blue", "Green"]
[groups.heel]
values = ["Flat", "High"]
applies_to = ["shoes"]
[groups.detail]
values = ["Zip", "Bow"]
exclusive = false
[sources.shop.words.category]
shirts = "Shirt"
shoes = ["Boot", "Sandal"]
bags = "Bag"
[[sources.shop.rules]]
when = { category = "shoes", shape = "open" }
then = { category = "Sandal", heel = "Flat" }
"""

RECIPE = """
version = "drawn-1"
taxonomy = "taxonomy.toml"
weights = "backbone.pth"
[network]
backbone = "test_efficientnet"
taps = [0]
palette = 3
trunk_dim = 16
dropout = 0.0
embedding_dim = 8
[pixels]
size_px = 32
resize = "pad-white"
mean = [127.0, 127.0, 127.0]
std = [128.0, 128.0, 128.0]
[[sources]]
name = "shop"
table = "shop.csv"
photos = "photos"
licence = "drawn"
product = "style"
dev_share = 0.25
test_share = 0.25
[[stages]]
name = "heads"
epochs = 40
batch_size = 16
learning_rate = 0.01
products_per_batch = 8
photos_per_product = 2
"""

KINDS = (("shirts", "Red", (200, 30, 30)), ("shoes", "Blue", (30, 30, 200)), ("bags", "Green", (30, 160, 30)))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny networks only wait for each other's threads on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Folder with shop.csv and photos: 40 products of two photos."""
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    lines = ["photo,category,colour,shape,detail,style"]
    for product in range(40):
        word, colour, rgb = KINDS[product % 3]
        for view in range(2):
            name = f"{product}-{view}.png"
            draw_photo(rng, product % 3, rgb).save(tmp_path / "photos" / name)
            shape = "open" if product % 2 else ""
            lines.append(f"{name},{word},{colour},{shape},{'Zip;Bow' if view else ''},s{product}")
    (tmp_path / "shop.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    """A recipe for the shop, on an untrained tiny backbone."""
    torch.manual_seed(0)
    body = timm.create_model("test_efficientnet", pretrained=False, num_classes=0)
    folder = tmp_path / "recipe"
    folder.mkdir()
    torch.save(body.state_dict(), folder / "backbone.pth")
    (folder / "taxonomy.toml").write_text(TAXONOMY)
    (folder / "recipe.toml").write_text(RECIPE)
    return folder / "recipe.toml"


def draw_photo(rng: np.random.Generator, kind: int, rgb: tuple[int, int, int]) -> Image.Image:
    image = Image.fromarray(rng.integers(235, 256, (40, 40, 3), dtype=np.uint8))  # no two photos are the same
    left, top = (int(x) for x in rng.integers(2, 8, 2))
    box = (left, top, left + 26, top + 26)
    draw = ImageDraw.Draw(image)
    (draw.rectangle, draw.ellipse, draw.rectangle)[kind](box, fill=rgb)
    return image
