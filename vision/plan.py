"""How a network is built, as data without torch: the manifest keeps it, `vision.network` builds from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class NetworkPlan:
    """The parts of one multitask network.

    backbone: `resnet50` (torchvision) or the name of any timm model.
    taps: indices of earlier stages whose pooled maps join the last features (deep ImageNet features are
        nearly blind to colour, early ones are not). Empty: the last features only.
    palette: bins per colour channel of the soft colour histogram that joins the features; 0: none.
    trunk_dim: width of the hidden layer that both heads share; 0: the heads stand on the features themselves.
    embedding_dim: of the L2-normalised embedding; 0: none.
    category_share: how much of two embeddings' cosine is what categories both are taken for (the Bhattacharyya
        coefficient of the category head's two answers); the rest is the projection's. 0: all of it.
    category_head, attribute_head: the thesis's smaller models leave one or both out.
    """

    backbone: str
    taps: tuple[int, ...] = ()
    palette: int = 0
    trunk_dim: int = 512
    dropout: float = 0.3
    embedding_dim: int = 256
    category_share: float = 0.0
    category_head: bool = True
    attribute_head: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.category_share < 1:
            raise ValueError(f"category_share is {self.category_share}; it is a share below one")
        if self.category_share and not (self.category_head and self.embedding_dim):
            raise ValueError("category_share goes with a category head and an embedding")

    def projection_dim(self, categories: int) -> int:
        """How many numbers of the embedding the projection gives. Raises ValueError where categories leave it none."""
        dim = self.embedding_dim - (categories if self.category_share else 0)
        if dim <= 0 < self.embedding_dim:
            raise ValueError(f"an embedding of {self.embedding_dim} numbers has no room beside {categories} categories")
        return dim

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> NetworkPlan:
        """The inverse of `dataclasses.asdict`. Raises TypeError on an unknown or missing part."""
        return cls(**{**value, "taps": tuple(value.get("taps", ()))})
