"""Puts the API together. Nothing is opened before the application starts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

import broker
from api import (
    asking,
    catalogues,
    control,
    events,
    export,
    health,
    imports,
    listings,
    models,
    openapi,
    photos,
    problems,
    quarantine,
    reports,
    search,
    similar,
    writing,
)
from api.access import KeyGuard
from api.following import Following, look_at
from api.heads import HeadAsGet
from api.limits import BodyLimit
from api.network import ActiveNetwork
from api.pages.mounting import mount_pages
from api.resources import Resources
from api.settings import ApiSettings
from db.engine import open_engine
from store import Store

PHOTOS_AT_ONCE = 2


def make_app(settings: ApiSettings) -> FastAPI:
    """The application for one database and store."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = open_engine(settings.database_url, application_name="modiste api", pool_size=10)
        store = Store.open(settings.store_url)
        network = ActiveNetwork(engine, store, settings.cache)
        app.state.resources = Resources(
            engine=engine,
            store=store,
            broker=broker.make_app(settings.broker_url),
            network=network,
            at_once=CapacityLimiter(PHOTOS_AT_ONCE),
            following=Following(partial(look_at, engine)),
        )
        network.warm()
        yield
        network.close()
        engine.dispose()

    app = FastAPIOffline(
        title="modiste",
        version="1",
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
        static_url="/docs-files",
    )
    problems.install(app)
    openapi.describe(app, with_key=settings.key is not None)
    for part in (
        similar,
        asking,
        search,
        listings,
        writing,
        catalogues,
        export,
        photos,
        imports,
        control,
        events,
        reports,
        quarantine,
        models,
        health,
    ):
        app.include_router(part.router)
    app.add_middleware(BodyLimit, max_upload_bytes=settings.max_upload_bytes)
    if settings.key is not None:
        app.add_middleware(KeyGuard, key=settings.key)  # added last, so asked first
    mount_pages(app, key=settings.key)
    app.add_middleware(HeadAsGet)
    return app
