"""Prints on the chest: suns, hills, stripes and rings in a product's second colour."""

import numpy as np

from cli.sample.outlines import Points, band, box, curve, disc, sharp
from cli.sample.parts import Garment, Piece, Tint

_Y = -0.14


def chest_print(rng: np.random.Generator) -> Garment:
    """One of four motifs, in one or two colours."""
    motif = (_sun, _hills, _bars, _rings)[int(rng.integers(4))]
    return motif(rng.uniform(0.13, 0.18))


def _sun(size: float) -> Garment:
    """A sun that sets behind lines."""
    parts = [_flat(disc(0.0, _Y, size), Tint.ACCENT)]
    lines = (box(-1.1 * size, _Y + y * size, 1.1 * size, _Y + (y + 0.09) * size, radius=0.001)
             for y in (0.05, 0.28, 0.48, 0.66, 0.82))  # fmt: skip
    return [*parts, *(_flat(line, Tint.PLAIN) for line in lines), _caption(size)]


def _hills(size: float) -> Garment:
    frame = box(-size, _Y - size, size, _Y + size, radius=0.01)
    moon = disc(0.4 * size, _Y - 0.45 * size, 0.22 * size)
    far = sharp((-size, _Y + 0.5 * size), (-0.45 * size, _Y - 0.3 * size), (0.1 * size, _Y + 0.5 * size))
    near = sharp((-0.5 * size, _Y + size), (0.25 * size, _Y - 0.1 * size), (size, _Y + 0.8 * size), (size, _Y + size))
    return [_flat(frame, Tint.ACCENT), _flat(moon, Tint.THREAD), _flat(far, Tint.WASH), _flat(near, Tint.PLAIN)]


def _bars(size: float) -> Garment:
    """Slanting bars in a ring, as a sports club's sign."""
    parts = [_flat(disc(0.0, _Y, size), Tint.ACCENT), _flat(disc(0.0, _Y, 0.86 * size), Tint.PLAIN)]
    for x in (-0.4, 0.0, 0.4):
        reach = 0.5 if x else 0.7
        line = np.array(((x * size - 0.12 * size, _Y + reach * size), (x * size + 0.12 * size, _Y - reach * size)))
        parts.append(_flat(band(line, 0.2 * size), Tint.ACCENT))
    return [*parts, _caption(size)]


def _rings(size: float) -> Garment:
    """A wave of three lines."""
    x = np.linspace(-1.3 * size, 1.3 * size, 9)
    lines = (curve([(float(a), _Y + y * size + (0.12 if n % 2 else -0.12) * size) for n, a in enumerate(x)],
                   closed=False) for y in (-0.45, 0.0, 0.45))  # fmt: skip
    return [_flat(band(line, 0.16 * size), Tint.ACCENT) for line in lines]


def _caption(size: float) -> Piece:
    """A line of small type, too small to be read."""
    y = _Y + 1.25 * size
    return _flat(box(-0.7 * size, y, 0.7 * size, y + 0.11 * size, radius=0.001), Tint.ACCENT)


def _flat(outline: Points, tint: Tint) -> Piece:
    return Piece(outline=outline, tint=tint, flat=True)
