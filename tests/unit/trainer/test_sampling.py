from __future__ import annotations

import math

import numpy as np
import pytest

from trainer.sampling import (
    epoch_rng,
    product_batches,
    repeat_factors,
    repeated,
    share_of,
    shuffled_batches,
)

# Products of 12 rows of a dataset: 7 has three photos, 8 and 9 two, 5 one; four rows have none.
PRODUCTS = np.array([-1, 7, 8, 9, -1, 7, 8, 9, 5, 7, -1, -1])
ALL = np.arange(12)


def mates(*, per_batch: int = 2, photos: int = 2, count: int = 50, seed: int = 0) -> list[list[int]]:
    found = product_batches(
        ALL,
        PRODUCTS,
        products_per_batch=per_batch,
        photos_per_product=photos,
        rng=np.random.default_rng(seed),
        count=count,
    )
    return [batch.tolist() for batch in found]


class TestEpochRng:
    def test_the_same_seed_stage_and_epoch_draw_the_same(self) -> None:
        assert epoch_rng(3, "joint", 5).integers(2**60) == epoch_rng(3, "joint", 5).integers(2**60)

    def test_another_seed_stage_or_epoch_draws_otherwise(self) -> None:
        sources = [(3, "joint", 5), (4, "joint", 5), (3, "heads", 5), (3, "joint", 6), (5, "joint", 3)]
        assert len({int(epoch_rng(*source).integers(2**60)) for source in sources}) == len(sources)

    def test_it_is_the_same_on_every_machine_and_in_every_run(self) -> None:
        assert epoch_rng(0, "joint", 1).permutation(8).tolist() == [5, 4, 1, 2, 7, 3, 6, 0]

    def test_numpys_global_generator_has_no_part_in_it(self) -> None:
        np.random.seed(1)
        before = np.random.get_state()[1].copy()  # type: ignore[union-attr]
        mates(), shuffled_batches(ALL, 5, epoch_rng(0, "joint", 1))
        assert (np.random.get_state()[1] == before).all()


class TestShuffledBatches:
    @pytest.mark.parametrize("size", [1, 5, 12, 100])
    def test_every_row_stands_in_one_batch(self, size: int) -> None:
        rows = ALL + 100
        batches = shuffled_batches(rows, size, np.random.default_rng(0))
        assert sorted(np.concatenate(batches)) == rows.tolist()

    def test_batches_are_even_and_none_is_larger_than_asked_for(self) -> None:
        batches = shuffled_batches(np.arange(257), 128, np.random.default_rng(0))
        assert [len(batch) for batch in batches] == [86, 86, 85]

    def test_the_order_follows_from_the_generator(self) -> None:
        def order(seed: int) -> list[int]:
            return list(np.concatenate(shuffled_batches(np.arange(50), 8, np.random.default_rng(seed))))

        assert order(1) == order(1)
        assert order(1) != order(2)
        assert order(1) != list(range(50))

    def test_no_rows_are_no_batches(self) -> None:
        assert shuffled_batches(ALL[:0], 8, np.random.default_rng(0)) == []


class TestProductBatches:
    def test_each_product_of_a_batch_stands_there_with_k_different_photos(self) -> None:
        for batch in mates():
            pairs = [batch[:2], batch[2:]]
            assert all(len(set(pair)) == 2 for pair in pairs)
            assert all(PRODUCTS[one] == PRODUCTS[other] for one, other in pairs)
            assert PRODUCTS[batch[0]] != PRODUCTS[batch[2]]

    def test_only_products_with_two_photos_take_part(self) -> None:
        assert {int(PRODUCTS[row]) for batch in mates() for row in batch} == {7, 8, 9}

    def test_only_the_given_rows_are_drawn_from(self) -> None:
        rows = np.array([1, 2, 5, 6, 3])  # one photo of product 9
        found = product_batches(
            rows, PRODUCTS, products_per_batch=2, photos_per_product=2, rng=np.random.default_rng(0), count=20
        )
        assert set(np.concatenate(found).tolist()) == {1, 2, 5, 6}

    def test_every_photo_gets_its_turn(self) -> None:
        assert {row for batch in mates() for row in batch} == {1, 5, 9, 2, 6, 3, 7}

    def test_all_products_take_their_turn_before_one_comes_again(self) -> None:
        products = np.repeat(np.arange(10), 2)
        found = product_batches(
            np.arange(20), products, products_per_batch=5, photos_per_product=2, rng=np.random.default_rng(0), count=8
        )
        for first, second in zip(found[::2], found[1::2], strict=True):
            assert set(products[first]) | set(products[second]) == set(range(10))

    def test_a_product_with_too_few_photos_gives_some_twice(self) -> None:
        for batch in mates(photos=3):
            assert len(batch) == 6
            assert all(len({int(PRODUCTS[row]) for row in batch[at : at + 3]}) == 1 for at in (0, 3))

    def test_a_row_given_twice_is_its_own_mate(self) -> None:
        rows, products = np.array([0, 0, 1, 1]), np.array([0, 1])
        found = product_batches(
            rows, products, products_per_batch=2, photos_per_product=2, rng=np.random.default_rng(0), count=3
        )
        assert all(sorted(batch) == [0, 0, 1, 1] for batch in found)

    def test_there_are_as_many_batches_as_asked_for_with_fewer_products_where_there_are_no_more(self) -> None:
        found = mates(per_batch=64, count=7)
        assert [len(batch) for batch in found] == [6] * 7

    def test_with_fewer_than_two_products_there_is_no_batch(self) -> None:
        for rows in ([], [0, 4], [1, 5, 2]):
            assert not product_batches(
                np.array(rows, np.int64),
                PRODUCTS,
                products_per_batch=2,
                photos_per_product=2,
                rng=np.random.default_rng(0),
                count=3,
            )

    def test_batches_follow_from_the_generator(self) -> None:
        assert mates(seed=1) == mates(seed=1)
        assert mates(seed=1) != mates(seed=2)


class TestRepeatFactors:
    categories = np.array([[1, 0, 0]] * 90 + [[0, 1, 0]] * 8 + [[0, 0, 1]] * 2, np.bool_)

    def test_a_rare_category_is_repeated_by_the_root_of_threshold_to_share(self) -> None:
        factors = repeat_factors(self.categories, 0.32)
        assert factors[[0, 95, 99]] == pytest.approx([1, math.sqrt(0.32 / 0.08), math.sqrt(0.32 / 0.02)])

    def test_unlabelled_photos_stand_once_and_do_not_change_the_shares(self) -> None:
        more = np.concatenate([self.categories, np.zeros((500, 3), np.bool_)])
        factors = repeat_factors(more, 0.32)
        assert factors[:100] == pytest.approx(repeat_factors(self.categories, 0.32))
        assert (factors[100:] == 1).all()

    def test_a_photo_that_may_be_of_a_common_category_is_not_repeated_for_a_rare_one(self) -> None:
        either = np.concatenate([self.categories, [[True, False, True]]])
        assert repeat_factors(either, 0.32)[-1] == 1

    def test_a_dataset_without_labels_is_left_as_it_is(self) -> None:
        assert repeat_factors(np.zeros((3, 2), np.bool_), 0.1).tolist() == [1, 1, 1]
        assert len(repeat_factors(np.zeros((0, 2), np.bool_), 0.1)) == 0

    def test_rows_stand_as_often_as_their_factor_says_on_average_and_never_are_lost(self) -> None:
        rows = np.arange(1000) + 5
        factors = np.where(np.arange(1000) < 500, 1.0, 2.5)
        drawn = repeated(rows, np.concatenate([np.full(5, 9.0), factors]), np.random.default_rng(0))
        _, times = np.unique(drawn, return_counts=True)
        assert set(times[:500]) == {1}
        assert set(times[500:]) == {2, 3}
        assert times[500:].mean() == pytest.approx(2.5, abs=0.1)


class TestShares:
    @pytest.mark.parametrize("world", [1, 2, 3, 4, 7])
    @pytest.mark.parametrize("size", [1, 2, 6, 7, 12])
    def test_the_real_rows_of_all_ranks_are_the_batch_in_order(self, size: int, world: int) -> None:
        batch = np.arange(size) * 10
        shares = [share_of(batch, rank, world) for rank in range(world)]
        assert len({len(rows) for rows, _ in shares}) == 1
        assert np.concatenate([rows[:real] for rows, real in shares]).tolist() == batch.tolist()
        assert np.concatenate([rows for rows, _ in shares])[:size].tolist() == batch.tolist()

    def test_a_short_share_is_filled_with_the_first_rows(self) -> None:
        rows, real = share_of(np.array([4, 5, 6]), 1, 2)
        assert (rows.tolist(), real) == ([6, 4], 1)
        rows, real = share_of(np.array([4]), 2, 3)
        assert (rows.tolist(), real) == ([4], 0)

    def test_an_empty_batch_has_empty_shares(self) -> None:
        rows, real = share_of(ALL[:0], 1, 2)
        assert (len(rows), real) == (0, 0)
