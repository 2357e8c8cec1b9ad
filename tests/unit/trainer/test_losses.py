from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from timm.loss import AsymmetricLossMultiLabel
from torch.nn import functional as F

from trainer.errors import RecipeError
from trainer.losses import (
    METRIC_LOSSES,
    TaskWeights,
    class_weights,
    free_loss,
    geometry_loss,
    metric_loss,
    partial_loss,
    positive_weights,
    product_numbers,
)
from trainer.losses.weighting import LIMIT

LOGITS = torch.tensor([[math.log(1), math.log(2), math.log(5)], [math.log(3), math.log(3), math.log(2)]])
# Softmax of these: 1/8, 2/8, 5/8 and 3/8, 3/8, 2/8.


def one_hot(*columns: int) -> torch.Tensor:
    return F.one_hot(torch.tensor(columns), 3).bool()


def on_circle(*degrees: float) -> torch.Tensor:
    """Unit vectors; the cosine of two is that of the angle between them."""
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return torch.stack([angles.cos(), angles.sin()], 1).float()


class TestPartialLoss:
    def test_one_allowed_class_each_is_cross_entropy(self) -> None:
        expected = -(math.log(5 / 8) + math.log(3 / 8)) / 2
        assert float(partial_loss(LOGITS, one_hot(2, 0))) == pytest.approx(expected, rel=1e-5)

    def test_one_of_several_costs_the_log_of_their_joint_probability(self) -> None:
        allowed = torch.tensor([[True, True, False], [False, False, True]])
        expected = -(math.log(3 / 8) + math.log(2 / 8)) / 2
        assert float(partial_loss(LOGITS, allowed)) == pytest.approx(expected, rel=1e-5)

    def test_an_unlabelled_photo_costs_nothing_and_pulls_nowhere(self) -> None:
        logits = LOGITS.clone().requires_grad_()
        allowed = torch.tensor([[False, False, True], [False, False, False]])
        loss = partial_loss(logits, allowed, smoothing=0.1)
        loss.backward()
        assert float(partial_loss(LOGITS[:1], allowed[:1], smoothing=0.1)) == pytest.approx(loss.item())
        assert logits.grad is not None
        assert logits.grad[1].abs().sum() == 0
        assert logits.grad[0].abs().sum() > 0
        assert float(partial_loss(LOGITS, torch.zeros(2, 3, dtype=torch.bool))) == 0

    def test_label_smoothing_is_pytorchs(self) -> None:
        expected = F.cross_entropy(LOGITS, torch.tensor([2, 0]), label_smoothing=0.2)
        assert float(partial_loss(LOGITS, one_hot(2, 0), smoothing=0.2)) == pytest.approx(float(expected), rel=1e-5)

    def test_class_weights_weigh_photos_by_their_class(self) -> None:
        weights = torch.tensor([3.0, 1.0, 1.0])
        expected = -(1 * math.log(5 / 8) + 3 * math.log(3 / 8)) / 4
        assert float(partial_loss(LOGITS, one_hot(2, 0), weights=weights)) == pytest.approx(expected, rel=1e-5)


class TestFreeLoss:
    logits = torch.tensor([[math.log(3), 0.0], [math.log(4), -1.0]])  # probabilities 3/4, 1/2, 4/5
    truth = torch.tensor([[True, False], [False, False]])
    known = torch.tensor([[True, True], [True, False]])

    def test_it_is_binary_cross_entropy_over_the_known_values(self) -> None:
        expected = -(math.log(3 / 4) + math.log(1 / 2) + math.log(1 / 5)) / 3
        assert float(free_loss(self.logits, self.truth, self.known)) == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize("kind", ["bce", "asymmetric"])
    def test_what_is_not_known_pulls_nowhere_even_if_it_is_said_to_hold(self, kind: str) -> None:
        logits = self.logits.clone().requires_grad_()
        free_loss(logits, torch.ones_like(self.truth), self.known, kind=kind).backward()  # type: ignore[arg-type]
        assert logits.grad is not None
        assert logits.grad[1, 1] == 0
        assert (logits.grad[self.known] < 0).all()
        nothing = free_loss(logits, self.truth, torch.zeros_like(self.known), kind=kind)  # type: ignore[arg-type]
        assert nothing.item() == 0
        assert nothing.requires_grad

    @pytest.mark.parametrize("kind", ["bce", "asymmetric"])
    def test_a_positive_weight_multiplies_only_what_its_value_costs_where_it_holds(self, kind: str) -> None:
        def each(weights: torch.Tensor | None) -> torch.Tensor:
            logits = self.logits.clone().requires_grad_()
            free_loss(logits, self.truth, self.known, positive_weights=weights, kind=kind).backward()  # type: ignore[arg-type]
            assert logits.grad is not None
            return logits.grad

        plain, weighed = each(None), each(torch.tensor([7.0, 7.0]))
        assert torch.allclose(weighed, plain * torch.tensor([[7.0, 1.0], [1.0, 1.0]]))

    def test_asymmetric_loss_is_the_papers_formula(self) -> None:
        positive = -math.log(3 / 4)
        negatives = [-((p - 0.05) ** 4) * math.log(1 - (p - 0.05)) for p in (1 / 2, 4 / 5)]
        loss = free_loss(self.logits, self.truth, self.known, kind="asymmetric")
        assert float(loss) == pytest.approx((positive + sum(negatives)) / 3, rel=1e-5)

    def test_asymmetric_loss_is_timms_where_everything_is_known(self) -> None:
        logits = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))
        truth = logits.roll(1, 0) > 0.5
        known = torch.ones_like(truth)
        theirs = (
            AsymmetricLossMultiLabel(gamma_neg=4, gamma_pos=0, clip=0.05)(logits, truth.float()) / 5
        )  # summed over values
        assert float(free_loss(logits, truth, known, kind="asymmetric")) == pytest.approx(float(theirs), rel=1e-5)

    def test_asymmetric_loss_lets_an_easy_negative_go_and_stays_finite(self) -> None:
        logits = torch.tensor([[-5.0, -200.0, 200.0]], requires_grad=True)
        truth = torch.zeros(1, 3, dtype=torch.bool)
        loss = free_loss(logits, truth, ~truth, kind="asymmetric")
        loss.backward()
        assert torch.isfinite(loss)
        assert logits.grad is not None
        assert torch.isfinite(logits.grad).all()
        assert logits.grad[0, :2].abs().sum() == 0


class TestWeightsOfRareLabels:
    def test_positive_weight_is_the_root_of_absent_to_present_among_the_known(self) -> None:
        truth = np.zeros((100, 1), np.bool_)
        truth[:10] = True
        known = np.ones_like(truth)
        known[90:] = False
        assert positive_weights(truth, known).tolist() == pytest.approx([math.sqrt(80 / 10)])

    def test_a_rare_value_cannot_explode_nor_a_common_one_vanish(self) -> None:
        truth = np.zeros((100_000, 3), np.bool_)
        truth[0, 0] = True  # once
        truth[:, 1] = True  # always
        weights = positive_weights(truth, np.ones_like(truth), cap=6.0)
        assert weights.tolist() == pytest.approx([6.0, 1 / 6.0, 6.0])
        assert weights.dtype == torch.float32

    def test_a_value_of_which_nothing_is_known_weighs_one(self) -> None:
        truth = np.array([[True, True]])
        assert positive_weights(truth, np.array([[False, True]]))[0] == 1

    def test_class_weights_are_an_inverse_power_of_the_count_with_mean_one(self) -> None:
        categories = np.array([[1, 0, 0]] * 16 + [[0, 1, 0]] * 4 + [[0, 0, 0]], np.bool_)
        expected = np.array([1 / 4, 1 / 2, 1.0])  # square roots of 16, 4 and, for none, 1
        np.testing.assert_allclose(class_weights(categories, 0.5).numpy(), expected / expected.mean(), rtol=1e-6)

    def test_a_photo_of_two_allowed_categories_counts_half_for_each(self) -> None:
        categories = np.array([[1, 1]] * 8 + [[0, 1]] * 4, np.bool_)
        weights = class_weights(categories, 1.0)
        assert float(weights[0] / weights[1]) == pytest.approx(8 / 4)


class TestMetricLosses:
    """On a circle, so that every distance is known: 2 sin(angle / 2)."""

    degrees = (0.0, 40.0, 60.0, 170.0)
    products = torch.tensor([0, 0, 1, 1])

    def distance(self, one: int, other: int) -> float:
        return 2 * math.sin(math.radians(abs(self.degrees[one] - self.degrees[other])) / 2)

    def cosine(self, one: int, other: int) -> float:
        return math.cos(math.radians(self.degrees[one] - self.degrees[other]))

    def value(self, name: str, margin: float = 0.1) -> float:
        loss = metric_loss(name, products=2, embedding_dim=2, margin=margin)
        return float(loss(on_circle(*self.degrees), self.products))

    def test_batch_hard_takes_the_farthest_mate_and_the_nearest_other_of_every_anchor(self) -> None:
        hardest = [(0, 1, 2), (1, 0, 2), (2, 3, 1), (3, 2, 1)]
        costs = [max(0, self.distance(a, p) - self.distance(a, n) + 0.1) for a, p, n in hardest]
        assert costs[0] == 0  # counts in the mean all the same
        assert self.value("triplet-batch-hard") == pytest.approx(sum(costs) / 4, rel=1e-4)

    def test_semi_hard_takes_others_that_are_farther_than_the_mate_but_not_by_the_margin(self) -> None:
        mates = [(0, 1), (1, 0), (2, 3), (3, 2)]
        costs = []
        for a, p in mates:
            for n in (2, 3) if a < 2 else (0, 1):
                gap = self.distance(a, n) - self.distance(a, p)
                costs += [0.5 - gap] if 0 < gap <= 0.5 else []
        assert len(costs) in range(1, 8)
        assert self.value("triplet-semi-hard", margin=0.5) == pytest.approx(sum(costs) / len(costs), rel=1e-4)

    def test_multi_similarity_weighs_the_mined_pairs(self) -> None:
        total = 0.0
        for a, p in ((0, 1), (1, 0), (2, 3), (3, 2)):
            others = [n for n in range(4) if n not in (a, p)]
            mined = [n for n in others if self.cosine(a, n) + 0.1 > self.cosine(a, p)]
            if self.cosine(a, p) - 0.1 < max(self.cosine(a, n) for n in others):
                total += math.log1p(math.exp(-2 * (self.cosine(a, p) - 0.5))) / 2
            total += math.log1p(sum(math.exp(40 * (self.cosine(a, n) - 0.5)) for n in mined)) / 40
        assert self.value("multi-similarity") == pytest.approx(total / 4, rel=1e-4)

    def test_supcon_is_a_softmax_over_all_other_photos(self) -> None:
        total = 0.0
        for a, p in ((0, 1), (1, 0), (2, 3), (3, 2)):
            below = sum(math.exp(self.cosine(a, x) / 0.1) for x in range(4) if x != a)
            total -= math.log(math.exp(self.cosine(a, p) / 0.1) / below)
        assert self.value("supcon") == pytest.approx(total / 4, rel=1e-4)

    def test_proxy_anchor_draws_photos_to_the_proxy_of_their_product_and_from_others(self) -> None:
        loss = metric_loss("proxy-anchor", products=3, embedding_dim=2)
        (proxies,) = loss.parameters()
        cosines = (on_circle(*self.degrees) @ F.normalize(proxies, dim=1).T).tolist()
        near = [[0, 1], [2, 3], []]
        pull = [math.log1p(sum(math.exp(-32 * (cosines[x][c] - 0.1)) for x in near[c])) for c in (0, 1)]
        push = [
            math.log1p(sum(math.exp(32 * (cosines[x][c] + 0.1)) for x in range(4) if x not in near[c]))
            for c in range(3)
        ]
        expected = sum(pull) / 2 + sum(push) / 3
        assert loss(on_circle(*self.degrees), self.products).item() == pytest.approx(expected, rel=1e-4)

    def test_proxies_learn_to_stand_by_their_products(self) -> None:
        torch.manual_seed(0)
        loss = metric_loss("proxy-anchor", products=3, embedding_dim=2)
        (proxies,) = loss.parameters()
        optimiser = torch.optim.Adam(loss.parameters(), lr=0.05)
        for _ in range(200):
            optimiser.zero_grad()
            loss(on_circle(0, 10, 120, 130, 240, 250), torch.tensor([0, 0, 1, 1, 2, 2])).backward()
            optimiser.step()
        nearest = (on_circle(5, 125, 245) @ F.normalize(proxies.detach(), dim=1).T).argmax(1)
        assert nearest.tolist() == [0, 1, 2]

    @pytest.mark.parametrize("name", METRIC_LOSSES)
    def test_mates_are_drawn_together_and_photos_without_product_are_let_be(self, name: str) -> None:
        rng = np.random.default_rng(0)
        points = torch.from_numpy(rng.normal(size=(12, 4)).astype(np.float32))
        products = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2, -1, -1, -1])
        loss = metric_loss(name, products=3, embedding_dim=4, margin=1.0)
        if name == "proxy-anchor":
            (proxies,) = loss.parameters()
            proxies.data = points[:9].reshape(3, 3, 4).mean(1)
        places = points.clone().requires_grad_()
        loss(F.normalize(places, dim=1), products).backward()
        assert places.grad is not None
        assert places.grad[9:].abs().sum() == 0
        moved = F.normalize(points - 0.1 * places.grad / places.grad.abs().max(), dim=1)

        def apart(x: torch.Tensor) -> float:
            """Mean cosine of mates less that of the others."""
            cosines, same = x[:9] @ x[:9].T, products[:9, None] == products[None, :9]
            return float(cosines[same].mean() - cosines[~same].mean())

        assert apart(moved) > apart(F.normalize(points, dim=1))

    @pytest.mark.parametrize("name", METRIC_LOSSES)
    @pytest.mark.parametrize("products", [[-1, -1, -1], []])
    def test_with_nothing_to_compare_it_is_zero_and_still_of_the_graph(self, name: str, products: list[int]) -> None:
        loss = metric_loss(name, products=3, embedding_dim=2)
        places = on_circle(*range(len(products))).reshape(-1, 2).requires_grad_()
        value = loss(places, torch.tensor(products, dtype=torch.int64))
        value.backward()
        assert float(value) == 0
        assert places.grad is not None
        assert places.grad.abs().sum() == 0
        assert all(proxy.grad is not None for proxy in loss.parameters())

    @pytest.mark.parametrize("name", [name for name in METRIC_LOSSES if name.startswith("triplet")])
    def test_one_product_alone_gives_no_triplet(self, name: str) -> None:
        places = on_circle(0, 90, 180).requires_grad_()
        value = metric_loss(name, products=1, embedding_dim=2)(places, torch.tensor([0, 0, 0]))
        value.backward()
        assert float(value) == 0

    @pytest.mark.parametrize("name", METRIC_LOSSES)
    def test_it_is_computed_in_float32_under_mixed_precision(self, name: str) -> None:
        loss = metric_loss(name, products=2, embedding_dim=2)
        places = on_circle(*self.degrees)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mixed = loss(places, self.products)
        assert mixed.dtype == torch.float32
        assert float(mixed.detach()) == float(loss(places, self.products).detach())

    def test_another_name_is_refused_with_the_names_there_are(self) -> None:
        with pytest.raises(RecipeError, match=r"magic.*proxy-anchor"):
            metric_loss("magic", products=2, embedding_dim=2)

    def test_products_are_numbered_without_gaps_and_the_unknown_stay_unknown(self) -> None:
        numbers, count = product_numbers(np.array([70, -1, 5, 70, 900, -1]))
        assert numbers.tolist() == [1, -1, 0, 1, 2, -1]
        assert count == 3
        assert product_numbers(np.array([4, 4]))[0].tolist() == [0, 0]


def test_geometry_loss_is_the_mean_squared_difference_of_cosines() -> None:
    embedding = torch.eye(2)
    reference = torch.tensor([[2.0, 0.0], [3.0, 3.0]])
    expected = 2 * math.cos(math.pi / 4) ** 2 / 4
    assert float(geometry_loss(embedding, reference)) == pytest.approx(expected, rel=1e-5)


class TestTaskWeights:
    fixed = {"category": 2.0, "metric": 0.5}  # noqa: RUF012

    def test_fixed_weights_multiply_the_tasks_that_a_batch_has(self) -> None:
        weights = TaskWeights(self.fixed, learned=False)
        losses = {"category": torch.tensor(3.0), "metric": torch.tensor(4.0)}
        assert float(weights(losses)) == 8
        assert float(weights({"metric": losses["metric"]})) == 2
        assert weights.current() == self.fixed
        assert not list(weights.parameters())

    def test_learnt_weights_start_as_the_fixed_ones(self) -> None:
        weights = TaskWeights(self.fixed, learned=True)
        assert float(weights({"category": torch.tensor(3.0), "metric": torch.tensor(4.0)})) == 8
        assert weights.current() == self.fixed

    def test_the_total_is_kendalls(self) -> None:
        weights = TaskWeights(self.fixed, learned=True)
        assert weights.log_variances is not None
        weights.log_variances.data = torch.tensor([0.7, -1.2])
        total = weights({"category": torch.tensor(3.0), "metric": torch.tensor(4.0)})
        expected = 2 * (math.exp(-0.7) * 3 + 0.7) + 0.5 * (math.exp(1.2) * 4 - 1.2)
        assert float(total) == pytest.approx(expected, rel=1e-5)
        assert weights.current() == pytest.approx({"category": 2 * math.exp(-0.7), "metric": 0.5 * math.exp(1.2)})

    def test_a_task_is_led_to_weigh_the_inverse_of_its_loss(self) -> None:
        current = self.learnt({"category": 3.0, "metric": 0.25})
        assert current == pytest.approx({"category": 2 / 3, "metric": 0.5 / 0.25}, rel=0.02)

    def test_a_task_that_is_absent_or_has_nothing_to_learn_from_keeps_its_weight(self) -> None:
        assert self.learnt({"category": 3.0})["metric"] == 0.5
        assert self.learnt({"category": 3.0, "metric": 0.0})["metric"] == 0.5

    def test_none_runs_away_and_one_at_the_limit_comes_back(self) -> None:
        weights = TaskWeights(self.fixed, learned=True)
        limit = 0.5 * math.exp(LIMIT)
        assert self.learnt({"metric": 1e-9}, weights)["metric"] == pytest.approx(limit, rel=1e-5)
        assert self.learnt({"metric": 1.0}, weights)["metric"] == pytest.approx(0.5, rel=0.02)

    def learnt(self, losses: dict[str, float], weights: TaskWeights | None = None) -> dict[str, float]:
        weights = weights or TaskWeights(self.fixed, learned=True)
        optimiser = torch.optim.SGD(weights.parameters(), lr=0.02)
        for _ in range(600):
            optimiser.zero_grad()
            weights({name: torch.tensor(value) for name, value in losses.items()}).backward()
            optimiser.step()
        return weights.current()
