"""Whether the process runs, and whether it can answer. The only routes without a key."""

from fastapi import APIRouter

from api.problems import documented
from api.resources import Use
from db.engine import require_migrated, transaction
from db.migrate import head_revision
from db.models import active_model

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="is_alive")
async def healthz() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


@router.get("/readyz", operation_id="is_ready", responses=documented(503))
def readyz(use: Use) -> dict[str, str]:
    """The database answers, its schema fits, and a model version is active."""
    require_migrated(use.engine, head_revision())
    with transaction(use.engine) as connection:
        return {"status": "ready", "model_version": active_model(connection).name}
