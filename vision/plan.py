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
    embedding_dim: of the L2-normalised projection; 0: none.
    category_head, attribute_head: the thesis's smaller models leave one or both out.
    """

    backbone: str
    taps: tuple[int, ...] = ()
    palette: int = 0
    trunk_dim: int = 512
    dropout: float = 0.3
    embedding_dim: int = 256
    category_head: bool = True
    attribute_head: bool = True

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> NetworkPlan:
        """The inverse of `dataclasses.asdict`. Raises TypeError on an unknown or missing part."""
        return cls(**{**value, "taps": tuple(value.get("taps", ()))})
