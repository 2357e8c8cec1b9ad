"""Model versions in a worker: from the registry and the store to a running network, one of them at a time."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from db.engine import transaction
from db.errors import ModelDoesNotFit
from db.models import active_model, model_by_id
from store import Area, Store
from vision.manifest import Manifest
from vision.predictor import EngineChoice, Predictor
from worker.inference import Inference

logger = logging.getLogger(__name__)


def open_active(engine: Engine, store: Store, cache: Path, choice: EngineChoice) -> Predictor:
    """The active model, for a process that asks rather than works. Raises NoActiveModel."""
    with transaction(engine) as connection:
        active = active_model(connection)
    return Predictor.open(store.fetch_folder(Area.MODELS, active.name, cache), engine=choice)


class Networks:
    """The networks of the versions that shards ask for: the active one, and during a backfill a second.

    `on_broken` is told why when an engine cannot be used any more in this process.
    """

    def __init__(
        self,
        engine: Engine,
        store: Store,
        cache: Path,
        *,
        open_network: Callable[[Path], Predictor],
        on_broken: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._store = store
        self._cache = cache
        self._open_network = open_network
        self._on_broken = on_broken
        self._guard = threading.Lock()
        self._loaded: dict[int, tuple[Inference, Manifest]] = {}

    def preload_active(self) -> Manifest:
        """Loads and checks the active version before any job is taken. Raises NoActiveModel or what does not fit."""
        with transaction(self._engine) as connection:
            active = active_model(connection)
        return self.network_of(active.id)[1]

    def network_of(self, model_version_id: int) -> tuple[Inference, Manifest]:
        """The engine and manifest of a version, loaded when first asked for."""
        with self._guard:
            if model_version_id not in self._loaded:
                self._loaded[model_version_id] = self._load(model_version_id)
            return self._loaded[model_version_id]

    def close(self) -> None:
        with self._guard:
            for inference, _ in self._loaded.values():
                inference.close()
            self._loaded.clear()

    def _load(self, model_version_id: int) -> tuple[Inference, Manifest]:
        with transaction(self._engine) as connection:
            registered = model_by_id(connection, model_version_id)
        predictor = self._open_network(self._store.fetch_folder(Area.MODELS, registered.name, self._cache))
        if predictor.manifest.embedding_dim != registered.embedding_dim:
            raise ModelDoesNotFit(
                f"model {registered.name} gives {predictor.manifest.embedding_dim} numbers, "
                f"its table holds {registered.embedding_dim}"
            )
        logger.info("model %s runs on %s", registered.name, predictor.engine_name)
        begin = predictor.begin if predictor.overlaps else None
        return Inference(predictor, begin=begin, on_broken=self._on_broken), predictor.manifest
