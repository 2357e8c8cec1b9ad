"""Everything that can go wrong in `vision`, as a short tree. The docstring is the message.

VisionError
├── PhotoError            one photo cannot be used (vision.preprocess; carries a PhotoFault)
├── LabelSpaceError       a label space that contradicts itself
├── ArtifactError         a model folder cannot be used
│   ├── MissingFileError
│   ├── DamagedFileError
│   ├── ManifestError
│   ├── WrongShapeError
│   └── GoldenMismatchError
└── EngineError           the asked engine cannot run here
"""

from __future__ import annotations

from inspect import cleandoc


class VisionError(Exception):
    """Something went wrong in vision."""

    def __init__(self, detail: str = "") -> None:
        self.detail = detail
        says = cleandoc(self.__doc__ or type(self).__name__)
        super().__init__(f"{says} {detail}".rstrip())


class LabelSpaceError(VisionError):
    """The label space contradicts itself; correct the names it is built from."""


class ArtifactError(VisionError):
    """The model folder cannot be used."""


class MissingFileError(ArtifactError):
    """A file of the model is missing; copy the whole folder again or export the model again."""


class DamagedFileError(ArtifactError):
    """A file of the model is not the one its manifest names (SHA-256 differs); copy the folder again."""


class ManifestError(ArtifactError):
    """The manifest cannot be read; export the model again with this version of the trainer."""


class WrongShapeError(ArtifactError):
    """The network answers in other dimensions than the manifest says; export the model again."""


class GoldenMismatchError(ArtifactError):
    """The model answers its golden photo differently than when it was exported: it is not the model it says,
    or this engine computes wrongly here; try another engine, then export the model again."""


class EngineError(VisionError):
    """The engine asked for cannot run here."""
