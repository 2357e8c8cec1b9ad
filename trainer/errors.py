"""What can go wrong while training, as a short tree. The docstring is the message.

TrainerError
├── SourceError      a table, its photos or its mapping cannot be used; names file, line and column
│   └── MalformedError   lines of its files are wrong; lists them
├── RecipeError      the recipe contradicts itself or the data
├── PretrainedError  no pretrained weights for this backbone are installed
├── CheckpointError  a run cannot be resumed: another recipe, other photos, a damaged file
├── DivergedError    losses or answers are not finite any more
├── ExportError      the exported graph does not answer as the network does
└── QuantisedWorseError  the eight-bit graph costs more than is allowed
"""

from __future__ import annotations

from inspect import cleandoc


class TrainerError(Exception):
    """Training cannot go on."""

    def __init__(self, detail: str = "") -> None:
        self.detail = detail
        super().__init__(f"{cleandoc(self.__doc__ or '')} {detail}".rstrip())


class SourceError(TrainerError):
    """The labels or photos cannot be used:"""


class MalformedError(SourceError):
    """The files of a source are not as they must be:"""


class RecipeError(TrainerError):
    """The recipe cannot be followed:"""


class PretrainedError(TrainerError):
    """No pretrained weights are installed for this backbone:"""


class ExportError(TrainerError):
    """The exported graph does not answer as the network does:"""


class QuantisedWorseError(TrainerError):
    """The eight-bit graph is worse than is allowed, and was not kept:"""


class CheckpointError(TrainerError):
    """The run cannot be resumed:"""


class DivergedError(TrainerError):
    """Training has diverged, its answers are no numbers any more:"""
