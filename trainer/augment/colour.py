"""The same garment in another colour: a mate for the metric loss, since one cut in two colours is one style.

Never for colour labels: the new colour has no name here.
"""

from __future__ import annotations

import numpy as np

from trainer.augment.garment import Floats, Pixels, garment_weight

# Luma, Cb and Cr of ITU-R BT.601 for values from 0 to 1, chroma around 0: to turn (Cb, Cr) changes the hue alone.
FROM_RGB = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
TO_RGB = np.linalg.inv(FROM_RGB).astype(np.float32)
NEUTRAL = 0.05  # mean length of chroma: below it a garment is black, white or grey, and has no hue to turn
BLEACHED = 0.2  # of coloured garments become black, white or grey
DYED = 0.75  # of neutral ones become coloured


def recolour(pixels: Pixels, seed: int) -> Pixels:
    """The same photo with its garment dyed, (S, S, 3) uint8; the same one for the same seed, in any thread or process.

    A colour is turned around the circle or bleached, black, white and grey are dyed or become another grey; white and
    black parts of a print, the background and skin stay nearly as they are. pixels (S, S, 3) uint8 are not changed.
    """
    rng = np.random.default_rng(seed)
    values = np.asarray((pixels.astype(np.float32) / 255) @ FROM_RGB.T, np.float32)
    luma, chroma = values[..., 0], values[..., 1:]
    weight = garment_weight(pixels, chroma)
    total = weight.sum()
    if total < 1:
        return pixels.copy()
    level = float(np.clip((weight * luma).sum() / total, 0.02, 0.98))
    strength = float((weight * np.hypot(chroma[..., 0], chroma[..., 1])).sum() / total)
    dye = _dyed if strength < NEUTRAL else _turned
    new = dye(luma, chroma, level, rng) @ TO_RGB.T
    old = pixels.astype(np.float32)
    return np.rint(np.clip(old + weight[..., None] * (new * 255 - old), 0, 255)).astype(np.uint8)


def _turned(luma: Floats, chroma: Floats, level: float, rng: np.random.Generator) -> Floats:
    """By 50 to 310 degrees, a little lighter or darker, fuller or paler; or bleached."""
    angle, bleached = rng.uniform(0.28, 1.72) * np.pi, rng.random() < BLEACHED
    goal = rng.uniform(0.1, 0.9) if bleached else np.clip(level * rng.uniform(0.7, 1.3), 0.2, 0.8)
    fuller = rng.uniform(0, 0.1) if bleached else rng.uniform(0.8, 1.2)
    lit = _lit(luma, level, goal)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    shade = np.minimum(1, lit / np.maximum(luma, 0.02))[..., None]
    return np.concatenate([lit[..., None], np.float32(fuller) * shade * chroma @ turn], axis=2)


def _dyed(luma: Floats, chroma: Floats, level: float, rng: np.random.Generator) -> Floats:
    """Lit anew, and given a chroma that is full at the new level and fades towards black and white."""
    angle, coloured = rng.uniform(0, 2 * np.pi), rng.random() < DYED
    goal = rng.uniform(0.25, 0.65) if coloured else _other_grey(level, rng)
    length = rng.uniform(0.1, 0.28) if coloured else 0.0
    lit = _lit(luma, level, goal)
    fade = np.minimum(lit / goal, (1 - lit) / (1 - goal))[..., None]
    tint = np.array([np.cos(angle), np.sin(angle)], np.float32) * np.float32(length)
    return np.concatenate([lit[..., None], chroma + fade * tint], axis=2).astype(np.float32)


def _other_grey(level: float, rng: np.random.Generator) -> float:
    return float(rng.uniform(0.55, 0.85) if level < 0.45 else rng.uniform(0.1, 0.35))


def _lit(luma: Floats, level: float, goal: float) -> Floats:
    """Luma with its mean moved from level to goal. Darker cloth returns a share of the light; lighter by a power, since
    a multiple of black is noise and burnt highlights."""
    moved = luma * (goal / level) if goal < level else np.maximum(luma, 0.002) ** (np.log(goal) / np.log(level))
    lit: Floats = np.clip(moved, 0, 1).astype(np.float32)
    return lit
