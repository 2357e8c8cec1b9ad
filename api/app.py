"""Puts the API together. Nothing is opened before the application starts."""

import logging
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
    corrections,
    events,
    export,
    forecasts,
    health,
    imports,
    listings,
    metrics,
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
from api.compression import Compressed
from api.following import Following, look_at
from api.heads import HeadAsGet
from api.keys import KeyRing, KeysOfDatabase
from api.limits import BodyLimit
from api.network import ActiveNetwork
from api.pages.mounting import mount_pages
from api.rates import Rate
from api.resources import Resources
from api.review_ahead import ReviewAhead
from api.settings import ApiSettings
from db.engine import MAX_OVERFLOW, open_engine
from store import Store

log = logging.getLogger(__name__)
PHOTOS_AT_ONCE = 2
POOL_SIZE = 10


def make_app(settings: ApiSettings) -> FastAPI:
    """The application for one database and store."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = open_engine(settings.database_url, application_name="modiste api", pool_size=POOL_SIZE)
        store = Store.open(settings.store_url)
        network = ActiveNetwork(engine, store, settings.cache)
        queues = broker.make_app(settings.broker_url)
        app.state.resources = Resources(
            engine=engine,
            store=store,
            broker=queues,
            network=network,
            at_once=CapacityLimiter(PHOTOS_AT_ONCE),
            following=Following(partial(look_at, engine)),
            review_ahead=ReviewAhead(),
            metrics=metrics.registry_of(
                metrics.PoolCollector(engine, most=POOL_SIZE + MAX_OVERFLOW), broker.VitalsCollector(engine, queues)
            ),
        )
        network.warm()
        log.info("ready")
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
    keys = KeyRing(settings.key, KeysOfDatabase(lambda: app.state.resources.engine))
    openapi.describe(app, keys)
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
        forecasts,
        control,
        events,
        reports,
        quarantine,
        corrections,
        models,
        health,
        metrics,
    ):
        app.include_router(part.router)
    app.add_middleware(BodyLimit, max_upload_bytes=settings.max_upload_bytes)
    app.add_middleware(KeyGuard, keys=keys, rate=Rate(settings.rate_per_minute))  # added last, so asked first
    mount_pages(app, keys)
    app.add_middleware(Compressed)
    app.add_middleware(metrics.Counted)
    app.add_middleware(HeadAsGet)
    return app
