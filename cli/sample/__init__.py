"""The sample catalogue: garments drawn by the program, with perfect labels, the same for the same seed."""

from cli.sample.catalogue import draw_catalogue

__all__ = ["draw_catalogue"]
