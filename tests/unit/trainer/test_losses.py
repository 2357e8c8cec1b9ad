from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from trainer.losses import METRIC_LOSSES, free_loss, geometry_loss, partial_loss

LOGITS = torch.tensor([[math.log(1), math.log(2), math.log(5)], [math.log(3), math.log(3), math.log(2)]])
# Softmax of these: 1/8, 2/8, 5/8 and 3/8, 3/8, 2/8.


def one_hot(*columns: int) -> torch.Tensor:
    return F.one_hot(torch.tensor(columns), 3).bool()


def test_one_allowed_class_each_is_cross_entropy() -> None:
    expected = -(math.log(5 / 8) + math.log(3 / 8)) / 2
    assert float(partial_loss(LOGITS, one_hot(2, 0))) == pytest.approx(expected, rel=1e-5)


def test_one_of_several_costs_the_log_of_their_joint_probability() -> None:
    allowed = torch.tensor([[True, True, False], [False, False, True]])
    expected = -(math.log(3 / 8) + math.log(2 / 8)) / 2
    assert float(partial_loss(LOGITS, allowed)) == pytest.approx(expected, rel=1e-5)


def test_an_unlabelled_photo_costs_nothing_and_pulls_nowhere() -> None:
    logits = LOGITS.clone().requires_grad_()
    allowed = torch.tensor([[False, False, True], [False, False, False]])
    loss = partial_loss(logits, allowed, smoothing=0.1)
    loss.backward()
    assert float(partial_loss(LOGITS[:1], allowed[:1], smoothing=0.1)) == pytest.approx(float(loss))
    assert logits.grad is not None
    assert logits.grad[1].abs().sum() == 0
    assert logits.grad[0].abs().sum() > 0
    assert float(partial_loss(LOGITS, torch.zeros(2, 3, dtype=torch.bool))) == 0


def test_label_smoothing_is_pytorchs() -> None:
    expected = F.cross_entropy(LOGITS, torch.tensor([2, 0]), label_smoothing=0.2)
    assert float(partial_loss(LOGITS, one_hot(2, 0), smoothing=0.2)) == pytest.approx(float(expected), rel=1e-5)


def test_class_weights_weigh_photos_by_their_class() -> None:
    weights = torch.tensor([3.0, 1.0, 1.0])
    expected = -(1 * math.log(5 / 8) + 3 * math.log(3 / 8)) / 4
    assert float(partial_loss(LOGITS, one_hot(2, 0), weights=weights)) == pytest.approx(expected, rel=1e-5)


def test_free_loss_is_binary_cross_entropy_over_labelled_photos() -> None:
    logits = torch.tensor([[math.log(3), 0.0], [9.0, 9.0]])
    truth = torch.tensor([[True, False], [False, False]])
    known = torch.tensor([[True, True], [False, False]])
    expected = -(math.log(3 / 4) + math.log(1 / 2)) / 2
    assert float(free_loss(logits, truth, known)) == pytest.approx(expected, rel=1e-5)
    assert float(free_loss(logits, truth, torch.zeros(2, 2, dtype=torch.bool))) == 0


def test_geometry_loss_is_the_mean_squared_difference_of_cosines() -> None:
    embedding = torch.eye(2)
    reference = torch.tensor([[2.0, 0.0], [3.0, 3.0]])
    expected = 2 * math.cos(math.pi / 4) ** 2 / 4
    assert float(geometry_loss(embedding, reference)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", METRIC_LOSSES)
def test_metric_losses_draw_mates_together_and_ignore_photos_without_product(name: str) -> None:
    rng = np.random.default_rng(0)
    points = torch.from_numpy(rng.normal(size=(12, 4)).astype(np.float32))
    products = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2, -1, -1, -1])
    places = points.clone().requires_grad_()
    METRIC_LOSSES[name](F.normalize(places, dim=1), products).backward()
    assert places.grad is not None
    assert places.grad[9:].abs().sum() == 0
    moved = F.normalize(points - 0.1 * places.grad / places.grad.abs().max(), dim=1)

    def together(x: torch.Tensor) -> float:
        return sum(float((x[i : i + 3] @ x[i : i + 3].T).sum()) for i in (0, 3, 6))

    assert together(moved) > together(F.normalize(points, dim=1))
    assert float(METRIC_LOSSES[name](F.normalize(points, dim=1), torch.full((12,), -1))) == 0
