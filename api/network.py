"""The active version's network in this process: opened when first needed, and again when another becomes active.

Knows nothing of HTTP. Decoding and running are bounded by whoever calls; two threads may `embed` at once.
"""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from db.engine import transaction
from db.errors import DbError
from db.models import active_model
from metrics.asking import PHOTOS_EMBEDDED
from store import Area, Store, StoreError
from vision.errors import VisionError

if TYPE_CHECKING:  # ONNX Runtime and what it brings take a third of a second: not before the API listens
    from vision.prediction import Prediction
    from vision.predictor import Predictor
    from vision.preprocess import Box

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """What the network said of a photo, and which version it was."""

    model_version: str
    prediction: "Prediction"


class ActiveNetwork:
    """Thread-safe. Nothing is opened before `warm` or the first `embed`."""

    def __init__(self, engine: Engine, store: Store, cache: Path) -> None:
        self._engine = engine
        self._store = store
        self._cache = cache
        self._opening = threading.Lock()
        self._running = threading.Lock()
        self._opened: tuple[str, Predictor] | None = None
        self._warming: threading.Thread | None = None

    def warm(self) -> None:
        """Opens the network beside the first requests. What hinders it now is said to the request that needs it."""
        self._warming = threading.Thread(target=self._try_to_open, name="warm the network", daemon=True)
        self._warming.start()

    def embed(self, photo: bytes, box: "Box | None" = None) -> Embedded:
        """What the network last opened says of a photo, or of a part of it.

        Raises PhotoError; and where none is open yet, what `reopen` raises.
        """
        version, predictor = self._opened or self.reopen()
        pixels = predictor.decode(photo, box)
        with self._running:
            PHOTOS_EMBEDDED.inc()
            return Embedded(model_version=version, prediction=predictor.predict(pixels[None])[0])

    def reopen(self) -> "tuple[str, Predictor]":
        """Makes sure that the network of the active version is open. Raises NoActiveModel, StoreError, VisionError."""
        from vision.predictor import Predictor

        with self._opening:
            with transaction(self._engine) as connection:
                active = active_model(connection).name
            if self._opened is None or self._opened[0] != active:
                folder = self._store.fetch_folder(Area.MODELS, active, self._cache)
                # The one before is freed when the last photo in it is done.
                self._opened = active, Predictor.open(folder, engine="onnx")
                logger.info("model %s is open for photos", active)
            return self._opened

    def check(self, version: str) -> None:
        """Whether the store has a version's files whole, and they say of the golden photo what they should.

        Takes about a second. Raises StoreError or VisionError.
        """
        from vision.predictor import Predictor

        self._store.require_folder(Area.MODELS, version)
        Predictor.open(self._store.fetch_folder(Area.MODELS, version, self._cache), engine="onnx").close()

    def close(self) -> None:
        """Waits for an opening under way, so that nobody is left talking to a database that goes."""
        if self._warming is not None:
            self._warming.join(timeout=10)

    def _try_to_open(self) -> None:
        try:
            self.reopen()
        except (DbError, SQLAlchemyError, StoreError, VisionError) as error:
            logger.warning("photos cannot be searched with yet: %s", error)
