from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from vision.backbones import Backbone, Palette
from vision.errors import EngineError
from vision.network import MultitaskNetwork, Normalised
from vision.plan import NetworkPlan
from vision.preprocess import PixelRule, Resize

PLAN = NetworkPlan(backbone="test_efficientnet", trunk_dim=16, embedding_dim=8)


def outputs(plan: NetworkPlan):  # type: ignore[no-untyped-def]
    network = MultitaskNetwork(plan, categories=3, attributes=5).eval()
    with torch.no_grad():
        return network(torch.rand(2, 3, 64, 64))


@pytest.mark.parametrize(
    ("heads", "shapes"),
    [
        ({}, (3, 5, 8)),
        ({"attribute_head": False, "embedding_dim": 0}, (3, 0, 0)),
        ({"category_head": False, "embedding_dim": 0}, (0, 5, 0)),
        ({"category_head": False, "attribute_head": False}, (0, 0, 8)),
        ({"embedding_dim": 0}, (3, 5, 0)),
    ],
)
def test_the_five_models_of_the_thesis_are_one_network_with_fewer_heads(heads, shapes) -> None:  # type: ignore[no-untyped-def]
    assert tuple(part.shape[1] for part in outputs(replace(PLAN, **heads))) == shapes


def test_embeddings_have_length_one() -> None:
    assert torch.allclose(outputs(PLAN).embedding.norm(dim=1), torch.ones(2), atol=1e-5)


def test_a_share_of_two_embeddings_cosine_is_what_categories_they_are_taken_for() -> None:
    plan = replace(PLAN, category_share=0.25)
    network = MultitaskNetwork(plan, categories=3, attributes=5).eval()
    with torch.no_grad():
        said = network(torch.rand(6, 3, 64, 64))
    assert said.embedding.shape == (6, 8)
    assert torch.allclose(said.embedding.norm(dim=1), torch.ones(6), atol=1e-5)
    own, chances = said.embedding[:, :5], said.category_logits.softmax(1)
    own = own / own.norm(dim=1, keepdim=True)
    for one in range(6):
        for other in range(6):
            overlap = sum(float(a * b) ** 0.5 for a, b in zip(chances[one], chances[other], strict=True))
            expected = 0.75 * float(own[one] @ own[other]) + 0.25 * overlap
            assert float(said.embedding[one] @ said.embedding[other]) == pytest.approx(expected, abs=1e-5)


def test_the_losses_of_an_embedding_do_not_reach_the_category_head() -> None:
    network = MultitaskNetwork(replace(PLAN, category_share=0.25), categories=3, attributes=5)
    network(torch.rand(2, 3, 64, 64)).embedding.sum().backward()
    assert network.heads.category.weight.grad is None
    assert network.heads.projection.weight.grad.isfinite().all()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"category_share": 1.0}, "a share below one"),
        ({"category_share": 0.2, "category_head": False}, "goes with a category head"),
        ({"category_share": 0.2, "embedding_dim": 0}, "goes with a category head and an embedding"),
    ],
)
def test_a_share_that_makes_no_sense_is_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(PLAN, **wrong)
    with pytest.raises(ValueError, match="no room beside 8 categories"):
        MultitaskNetwork(replace(PLAN, category_share=0.2), categories=8, attributes=5)


def test_resnet50_takes_torchvisions_own_names_and_gives_its_features() -> None:
    import torchvision

    theirs = torchvision.models.resnet50(weights=None).eval()
    ours = Backbone("resnet50", taps=(0,)).eval()
    state = {f"net.{key}": value for key, value in theirs.state_dict().items() if not key.startswith("fc.")}
    ours.body.load_state_dict(state)
    theirs.fc = torch.nn.Identity()
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(ours(images)[:, :2048], theirs(images), atol=1e-5)
    assert (ours.width, ours.last_width) == (2048 + 256, 2048)


def test_an_unknown_backbone_is_refused_by_name() -> None:
    with pytest.raises(EngineError, match="resnot"):
        Backbone("resnot")


def test_palette_tells_red_from_blue_and_middle_from_border() -> None:
    palette = Palette(3)
    red, blue = torch.full((1, 3, 64, 64), -0.9), torch.full((1, 3, 64, 64), -0.9)
    red[:, 0], blue[:, 2] = 0.9, 0.9
    shares = palette(red)
    assert shares.shape == (1, palette.width) == (1, 54)
    assert torch.allclose(shares.sum(), torch.tensor(2.0))
    assert shares[0, :27].argmax() == 18  # red high, green low, blue low: 2 * 9 + 0 * 3 + 0
    assert palette(blue)[0, :27].argmax() == 2
    red[:, :, 16:48, 16:48] = blue[:, :, 16:48, 16:48]
    whole, middle = palette(red)[0].split(27)
    assert whole[18] > whole[2]
    assert middle.argmax() == 2
    assert middle[18] < 0.01


def test_normalisation_is_inside_in_units_of_0_to_255() -> None:
    rule = PixelRule(size_px=8, resize=Resize.SQUASH, mean=(10.0, 20.0, 30.0), std=(2.0, 4.0, 5.0))
    pixels = torch.tensor([30, 60, 80], dtype=torch.uint8).expand(1, 8, 8, 3)
    normalised = Normalised(torch.nn.Identity(), rule).normalise(pixels)
    assert normalised[0, :, 0, 0].tolist() == [10.0, 10.0, 10.0]


@pytest.mark.parametrize(
    ("name", "taps", "sections"),
    [("test_efficientnet", (0, 2), 7), ("resnet50", (1,), 6), ("test_convnext", (0, 1), 1), ("test_vit", (), 1)],
)
def test_a_walk_in_sections_ends_where_the_whole_walk_does(name: str, taps: tuple[int, ...], sections: int) -> None:
    size = 160 if "vit" in name else 64
    plan = replace(PLAN, backbone=name, taps=taps, palette=3)
    network = MultitaskNetwork(plan, categories=3, attributes=5).eval()
    assert network.backbone.sections == sections
    images = torch.rand(2, 3, size, size)
    with torch.no_grad():
        whole = network.features(images)
        for cut in range(sections + 1):
            assert torch.equal(network.pooled(network.halfway(images, cut), cut), whole)
