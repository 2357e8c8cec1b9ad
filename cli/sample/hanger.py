"""The hanger and the rail that a garment hangs from before a wall."""

from cli.sample.outlines import band, box, curve
from cli.sample.parts import Garment, Piece, Seam, Tint


def hung(garment: Garment) -> Garment:
    """The garment on a wooden hanger; the hook goes round a rail above it, and above its hood."""
    top = min(float(part.outline[:, 1].min()) for part in garment if isinstance(part, Piece))
    rail_y = min(-0.88, top - 0.06)
    hook = curve([(0.0, -0.66), (0.0, rail_y + 0.08), (0.045, rail_y + 0.035), (0.03, rail_y - 0.025),
                  (-0.03, rail_y - 0.025), (-0.05, rail_y + 0.01)], closed=False)  # fmt: skip
    shoulders = curve([(-0.37, -0.53), (-0.16, -0.62), (0.0, -0.69), (0.16, -0.62), (0.37, -0.53)], closed=False)
    rail = box(-2.5, rail_y - 0.025, 2.5, rail_y + 0.005, radius=0.01)
    return [
        Piece(outline=rail, tint=Tint.METAL, puff=0.7, folds=0, backdrop=True),
        Piece(outline=band(hook, 0.018), tint=Tint.METAL, puff=0.5, folds=0),
        Piece(outline=band(shoulders, 0.05), tint=Tint.TAN, puff=0.6, folds=0),
        Seam(line=shoulders, depth=0.2),
        *garment,
    ]
