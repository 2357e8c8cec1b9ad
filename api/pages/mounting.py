"""Puts the pages into an application."""

from fastapi import FastAPI

from api.keys import KeyRing
from api.pages import (
    catalogue,
    import_progress,
    imports,
    listing,
    models,
    quality,
    review,
    search,
    signing_in,
    static_files,
)
from api.pages.origins import OwnPagesOnly
from api.pages.problem_pages import ProblemPages
from api.pages.site import make_site

PARTS = (
    catalogue,
    import_progress,
    imports,
    listing,
    models,
    quality,
    review,
    search,
    signing_in,
    static_files,
)


def mount_pages(app: FastAPI, keys: KeyRing) -> None:
    """After every other middleware was added: what these refuse is to be a page as well."""
    app.state.site = make_site(keys)
    for part in PARTS:
        app.include_router(part.router, include_in_schema=False)
    app.add_middleware(OwnPagesOnly)
    app.add_middleware(ProblemPages, site=app.state.site)
