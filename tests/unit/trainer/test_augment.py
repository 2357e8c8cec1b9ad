from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from trainer.augment import Augmentation, draw, recolour
from trainer.augment.garment import garment_weight
from trainer.errors import RecipeError

SIDE = 64
NONE = Augmentation.none()
EVERYTHING = Augmentation(flip=0.5, erase=1, blur=1, jpeg=1, hue=0.3)


def shirt(
    garment: tuple[int, int, int], background: tuple[int, int, int] = (255, 255, 255), *, pad: int = 0
) -> NDArray[np.uint8]:
    """(64, 64, 3): a garment with folds in the middle, white padding left and right."""
    image = Image.new("RGB", (SIDE, SIDE), background)
    pen = ImageDraw.Draw(image)
    for at in range(16, 48):
        fold = 0.9 + 0.1 * np.cos(at)
        pen.line((at, 12, at, 52), fill=tuple(round(value * fold) for value in garment))
    pixels = np.array(image)
    pixels[:, :pad] = pixels[:, SIDE - pad :] = 255
    return pixels


def garment_of(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean colour of the garment's inner part."""
    mean: NDArray[np.float64] = pixels[20:44, 24:40].reshape(-1, 3).mean(0)
    return mean


def chroma_of(pixels: NDArray[np.uint8]) -> float:
    return float(np.ptp(garment_of(pixels)))


class TestDraw:
    def test_none_leaves_the_photo_as_vision_made_it(self) -> None:
        photo = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        assert all((draw(photo, NONE, seed) == photo).all() for seed in range(5))

    def test_the_same_seed_draws_the_same_photo_and_another_another(self) -> None:
        photo = shirt((180, 40, 40))
        one, again, other = (draw(photo, EVERYTHING, seed) for seed in (1, 1, 2))
        assert (one == again).all()
        assert (one != other).any()
        assert (one != photo).any()

    def test_it_draws_the_same_in_many_threads_at_once(self) -> None:
        photo = shirt((180, 40, 40))
        alone = [draw(photo, EVERYTHING, seed) for seed in range(40)]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda seed: draw(photo, EVERYTHING, seed), range(40)))
        assert all((one == other).all() for one, other in zip(alone, together, strict=True))

    def test_no_global_generator_is_touched(self) -> None:
        before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[union-attr]
        draw(shirt((180, 40, 40)), EVERYTHING, 3)
        recolour(shirt((180, 40, 40)), 3)
        assert (torch.get_rng_state() == before[0]).all()
        assert (np.random.get_state()[1] == before[1]).all()

    @pytest.mark.parametrize("seed", range(10))
    def test_what_comes_out_is_a_photo_of_the_same_size_and_the_input_is_not_changed(self, seed: int) -> None:
        photo = shirt((180, 40, 40))
        kept = photo.copy()
        out = draw(photo, EVERYTHING, seed)
        assert (out.shape, out.dtype, out.flags.c_contiguous) == (photo.shape, np.uint8, True)
        assert (photo == kept).all()

    def test_a_flip_is_exact(self) -> None:
        photo = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        flipped = draw(photo, replace(NONE, flip=1.0), 0)
        assert np.abs(flipped.astype(int) - photo[:, ::-1]).max() <= 1

    @pytest.mark.parametrize("seed", range(5))
    def test_what_comes_in_from_outside_a_white_photo_is_white_without_a_seam(self, seed: int) -> None:
        white = np.full((SIDE, SIDE, 3), 255, np.uint8)
        moved = draw(white, replace(NONE, flip=0.5, crop=(0.6, 1.4), rotate=20, perspective=0.1), seed)
        assert (moved == 255).all()

    def test_the_window_keeps_its_bounds(self) -> None:
        """A square of a quarter of the photo takes a quarter of it, divided by the window's area."""
        photo = np.full((SIDE, SIDE, 3), 255, np.uint8)
        photo[16:48, 16:48] = 0
        shares = [(draw(photo, replace(NONE, crop=(0.9, 1.2)), seed) < 128).mean() for seed in range(60)]
        assert 0.25 / 1.2 - 0.015 < min(shares) < 0.22
        assert 0.26 < max(shares) < 0.25 / 0.9 + 0.015

    def test_light_keeps_its_bounds_and_hue(self) -> None:
        photo = np.full((SIDE, SIDE, 3), (150, 100, 50), np.uint8)
        lit = [draw(photo, replace(NONE, brightness=0.2), seed)[5, 5] / (150, 100, 50) for seed in range(60)]
        assert 0.79 < np.min(lit) < 0.85
        assert 1.15 < np.max(lit) < 1.21
        assert all(np.ptp(factors) < 0.02 for factors in lit)

    def test_a_patch_is_erased_no_larger_than_promised(self) -> None:
        photo = np.zeros((SIDE, SIDE, 3), np.uint8)
        shares = [(draw(photo, replace(NONE, erase=1.0), seed) != 0).mean() for seed in range(60)]
        assert min(shares) > 0.015
        assert max(shares) < 0.13
        assert (draw(photo, NONE, 0) == 0).all()

    @pytest.mark.parametrize("part", ["blur", "jpeg"])
    def test_wear_changes_details_and_keeps_the_whole(self, part: str) -> None:
        photo = shirt((180, 40, 40))
        worn = draw(photo, replace(NONE, **{part: 1.0}), 0)
        assert (worn != photo).any()
        assert np.abs(garment_of(worn) - garment_of(photo)).max() < 4

    def test_only_a_hue_makes_colour_labels_wrong(self) -> None:
        assert Augmentation().keeps_colours
        assert not Augmentation(hue=0.1).keeps_colours

    @pytest.mark.parametrize(
        ("part", "value"),
        [("crop", (0, 1)), ("crop", (1.2, 1.0)), ("crop", (1,)), ("hue", 0.6), ("flip", 1.5), ("perspective", -0.1)],
    )
    def test_what_cannot_be_drawn_is_refused_by_name(self, part: str, value: object) -> None:
        with pytest.raises(RecipeError, match=part):
            Augmentation(**{part: value})  # type: ignore[arg-type]

    def test_a_list_from_a_recipe_is_the_same_augmentation(self) -> None:
        assert Augmentation(crop=[0.5, 1.0]) == Augmentation(crop=(0.5, 1.0))  # type: ignore[arg-type]


class TestRecolour:
    red, black, white, grey = (190, 40, 50), (25, 25, 28), (235, 235, 235), (128, 128, 128)

    @pytest.mark.parametrize("garment", [red, black, white, grey])
    @pytest.mark.parametrize("seed", range(12))
    def test_the_garment_changes_and_a_white_background_stays_white(
        self, garment: tuple[int, int, int], seed: int
    ) -> None:
        photo = shirt(garment)
        changed = recolour(photo, seed)
        assert np.abs(garment_of(changed) - garment_of(photo)).max() > 15
        assert (changed[:8] == 255).all()
        assert (changed[:, :10] == 255).all()

    @pytest.mark.parametrize("garment", [black, white, grey])
    def test_black_white_and_grey_are_dyed_most_times_and_become_another_grey_at_others(
        self, garment: tuple[int, int, int]
    ) -> None:
        dyed = [chroma_of(recolour(shirt(garment), seed)) > 20 for seed in range(80)]
        assert 0.6 < np.mean(dyed) < 0.9

    def test_a_colour_becomes_many_others_and_is_bleached_at_times(self) -> None:
        changed = [recolour(shirt(self.red), seed) for seed in range(80)]
        strongest = {int(garment_of(photo).argmax()) for photo in changed if chroma_of(photo) > 30}
        assert strongest == {0, 1, 2}
        assert 0.05 < np.mean([chroma_of(photo) < 20 for photo in changed]) < 0.4

    @pytest.mark.parametrize("seed", range(6))
    def test_before_a_coloured_background_it_is_the_garment_that_changes(self, seed: int) -> None:
        photo = shirt((40, 60, 160), (200, 170, 120), pad=6)
        change = np.abs(recolour(photo, seed).astype(int) - photo).max(2)
        assert change[:, :6].max() == 0
        assert change[:, SIDE - 6 :].max() == 0
        assert change[:5, 8:56].mean() < 0.2 * change[20:44, 24:40].mean()

    def test_folds_stay(self) -> None:
        photo = shirt(self.red)
        before = photo[30, 24:40].mean(1)
        for seed in range(12):
            after = recolour(photo, seed)[30, 24:40].mean(1)
            assert np.corrcoef(before, after)[0, 1] > 0.8

    def test_the_same_seed_recolours_alike_and_the_input_is_not_changed(self) -> None:
        photo = shirt(self.red)
        kept = photo.copy()
        assert (recolour(photo, 5) == recolour(photo, 5)).all()
        assert (recolour(photo, 5) != recolour(photo, 6)).any()
        assert (photo == kept).all()

    @pytest.mark.parametrize("value", [0, 128, 255])
    def test_a_photo_without_anything_in_it_is_no_trouble(self, value: int) -> None:
        blank = np.full((SIDE, SIDE, 3), value, np.uint8)
        assert recolour(blank, 0).shape == blank.shape

    def test_skin_before_white_is_not_the_garment(self) -> None:
        photo = shirt((40, 60, 160))
        photo[2:11, 26:38] = (224, 172, 140)
        chroma = np.zeros((SIDE, SIDE, 2), np.float32)
        chroma[2:11, 26:38] = (-0.11, 0.12)
        weight = garment_weight(photo, chroma)
        assert weight[5:9, 29:35].max() < 0.1
        assert weight[20:44, 24:40].min() > 0.9
