"""The cuts: from a product's words to the pieces and seams of its garment."""

from cli.sample.cuts.kinds import cut_garment

__all__ = ["cut_garment"]
