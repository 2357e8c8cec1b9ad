"""Puts the API together. Nothing is opened before the application starts."""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, Request

from api import listings, problems
from api.settings import ApiSettings
from db.engine import open_engine, require_migrated, transaction
from db.migrate import head_revision
from db.models import active_model


def make_app(settings: ApiSettings) -> FastAPI:
    """The application for one database."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.engine = open_engine(settings.database_url, application_name="modiste api", pool_size=10)
        yield
        app.state.engine.dispose()

    def require_key(request: Request) -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        if settings.key is not None and not hmac.compare_digest(given, settings.key.encode()):
            raise problems.KeyNeeded

    app = FastAPI(title="modiste", lifespan=lifespan, redirect_slashes=False)
    problems.install(app)
    app.include_router(listings.router, dependencies=[Depends(require_key)])

    @app.get("/healthz", tags=["health"])
    def healthz() -> dict[str, str]:
        """The process runs."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["health"])
    def readyz(request: Request) -> dict[str, str]:
        """The database answers, its schema fits, and a model version is active."""
        engine = request.app.state.engine
        require_migrated(engine, head_revision())
        with transaction(engine) as connection:
            return {"status": "ready", "model_version": active_model(connection).name}

    return app
