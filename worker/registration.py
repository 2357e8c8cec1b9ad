"""The gate of the model registry: no version is registered or activated that could not take the next job.

Knows the checks and their order; a model's files are `vision.artifact`'s, the registry is `db.models`'.
"""

import logging
from pathlib import Path

from sqlalchemy import Engine

from db.engine import transaction
from db.errors import ModelDoesNotFit, NotCovered
from db.gate import what_it_lacks
from db.models import RegisteredModel, activate_model, list_models, model_before, model_by_name, register_model
from store import Area, DamagedFolder, NotInStore, Store, report_name
from vision.artifact import MANIFEST, Artifact, load_artifact
from vision.manifest import Manifest
from vision.predictor import EngineChoice, Predictor, open_engine
from vision.weights import check_weights

logger = logging.getLogger(__name__)
MODEL_CARD = "MODEL_CARD.md"
REPORT = "report.html"


def check_model(folder: Path) -> Artifact:
    """A model that may serve: files, label space, dimensions, and the golden photo on each of its graphs.

    Raises vision's ArtifactError or db's ModelDoesNotFit, which say what differs.
    """
    artifact = load_artifact(folder)
    check_serves(artifact)
    check_weights(artifact)
    graphs: tuple[EngineChoice, ...] = ("onnx", "onnx-int8") if artifact.onnx_int8 else ("onnx",)
    for graph in graphs:
        Predictor(artifact, open_engine(artifact, graph, None)).close()
    return artifact


def check_serves(artifact: Artifact) -> None:
    """An enrichment has a category and a vector; the trainer's smaller models are for comparing."""
    categories, _, embedding_dim = artifact.outputs
    if not categories or not embedding_dim:
        lacks = "categories" if not categories else "embedding"
        raise ModelDoesNotFit(f"model {artifact.manifest.version} has no {lacks}: a version in service needs both")


def register(engine: Engine, store: Store, folder: Path, *, activate: bool = False) -> str:
    """Puts the model in `folder` into the store and the registry; returns its version.

    Its report, where it has one, is kept for people to read. What the folder holds besides (checkpoints, logs) stays
    where it is. Raises what `check_model` raises, StoreError,
    or ModelDoesNotFit for a version that is registered with another manifest; nothing is registered or kept then.
    """
    artifact = check_model(folder)
    version, new = artifact.manifest.version, False
    try:
        with transaction(engine) as connection:
            # The row first: who registers another model under this name is refused before a file is copied.
            register_model(
                connection,
                name=version,
                embedding_dim=artifact.manifest.embedding_dim,
                exclusive_groups=[group.name for group in artifact.manifest.labels.groups if group.exclusive],
                manifest=artifact.manifest.to_json(),
            )
            new = store.put_folder(Area.MODELS, version, folder, only=files_of(artifact.manifest))
            if (folder / REPORT).is_file():
                store.write_file(Area.REPORTS, report_name(version), folder / REPORT)
            if activate:
                activate_model(connection, version)
    except BaseException:
        if new:
            store.remove_folder(Area.MODELS, version)
            store.remove(Area.REPORTS, report_name(version))
        raise
    return version


def files_of(manifest: Manifest) -> set[str]:
    """What of a model folder travels to the workers."""
    return {MANIFEST, MODEL_CARD, *(entry.name for entry in manifest.files)}


def activate(engine: Engine, store: Store, cache: Path, version: str, *, force: bool = False) -> None:
    """Makes a registered version the active one, once its files in the store have passed the gate again.

    `force`: also one that has not seen all that answers rest on, or whose index is not built; the log tells.
    Raises UnknownModelVersion, ModelDoesNotFit, NotCovered, or what `check_model` raises; the active version stays.
    """
    with transaction(engine) as connection:
        registered = model_by_name(connection, version)
        lacks = what_it_lacks(connection, registered)
    if lacks and not force:
        raise NotCovered(
            f"model version {version} {' and '.join(lacks)}. `modiste models backfill {version}` sees to that; --force "
            "activates it all the same"
        )
    check_registered(store, cache, registered)
    with transaction(engine) as connection:
        activate_model(connection, version)
    if lacks:
        logger.warning("model version %s was activated by force: it %s", version, " and ".join(lacks))


def rollback(engine: Engine, store: Store, cache: Path, *, force: bool = False) -> str:
    """Activates the version that was active before; returns its name. Raises as `activate` does."""
    with transaction(engine) as connection:
        version = model_before(connection).name
    activate(engine, store, cache, version, force=force)
    return version


def check_registered(store: Store, cache: Path, registered: RegisteredModel) -> None:
    """Whether the store still has the version's files, and they are the model that was registered."""
    try:
        store.require_folder(Area.MODELS, registered.name)
        folder = store.fetch_folder(Area.MODELS, registered.name, cache)
    except (NotInStore, DamagedFolder) as fault:
        raise ModelDoesNotFit(
            f"the files of model {registered.name} are gone: {fault} Bring them back by registering its folder again"
        ) from fault
    found = check_model(folder).manifest
    if found != Manifest.from_json(registered.manifest):
        raise ModelDoesNotFit(
            f"the manifest of model {registered.name} in the store is not the one that was registered; register its "
            "folder again under a new version"
        )


def ensure_model(engine: Engine, store: Store, folder: Path) -> None:
    """Registers and activates the model in `folder` if the registry is empty; afterwards the registry rules."""
    with transaction(engine) as connection:
        empty = not list_models(connection)
    if empty:
        version = register(engine, store, folder, activate=True)
        logger.info("registered and activated model %s", version)
