"""What a network takes over from its parent."""

import pytest
import torch
from torch import nn

from trainer.errors import RecipeError
from trainer.parent import build_network, inherit_projection
from trainer.recipe import Recipe
from vision.labels import LabelSpace
from vision.plan import NetworkPlan
from vision.preprocess import PixelRule, Resize


def test_a_narrower_projection_keeps_what_the_parents_tells_apart() -> None:
    torch.manual_seed(0)
    parent = nn.Linear(40, 12)
    with torch.no_grad():
        parent.weight.copy_(torch.randn(12, 5) @ torch.randn(5, 40))  # it reaches in five directions only
        parent.bias.zero_()
    child = nn.Linear(40, 8)
    inherit_projection(child, parent)
    features = torch.randn(30, 40)
    theirs, ours = parent(features), child(features)
    assert torch.allclose(theirs @ theirs.T, ours @ ours.T, rtol=1e-3, atol=1e-2)


def test_an_equal_or_wider_one_gives_the_same_numbers() -> None:
    parent = nn.Linear(40, 12)
    features = torch.randn(5, 40)
    for width in (12, 16):
        child = nn.Linear(40, width)
        inherit_projection(child, parent)
        assert torch.allclose(child(features)[:, :12], parent(features), atol=1e-6)
        assert not child(features)[:, 12:].any()


def test_categories_that_leave_the_projection_no_room_are_a_mistake_of_the_recipe() -> None:
    recipe = Recipe(
        version="narrow",
        network=NetworkPlan(backbone="test_efficientnet", embedding_dim=3, category_share=0.2),
        pixels=PixelRule(size_px=32, resize=Resize.SQUASH, mean=(0.0,) * 3, std=(1.0,) * 3),
        sources=(),
    )
    with pytest.raises(RecipeError, match=r"\[network\]: an embedding of 3 numbers has no room beside 4 categories"):
        build_network(recipe, LabelSpace(categories=("Dress", "Shirt", "Shoes", "Hat")))
