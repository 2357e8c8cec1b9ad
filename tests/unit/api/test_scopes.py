from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from api.app import make_app
from api.scopes import NEEDED, is_counted, needed_for
from api.settings import ApiSettings
from db.states import KeyScope


def routes_of(routes: Iterable[Any]) -> Iterator[str]:
    """`METHOD /path` of every route, those of included routers too."""
    for route in routes:
        if isinstance(route, Mount):
            yield f"GET {route.path}/{{path:path}}"
        elif isinstance(route, APIRoute | Route):
            yield from (f"{method} {route.path}" for method in (route.methods or ()) if method != "HEAD")
        else:
            yield from routes_of(route.original_router.routes)


def served() -> set[str]:
    nowhere = {"database_url": "postgresql://x/y", "broker_url": "redis://localhost/0", "store_url": "/nowhere"}
    return set(routes_of(make_app(ApiSettings(**nowhere, cache=Path("/nowhere"))).routes))


def test_every_route_says_which_scope_it_needs() -> None:
    assert sorted(served() - set(NEEDED)) == []


def test_no_scope_is_said_of_a_route_that_is_gone() -> None:
    assert sorted(set(NEEDED) - served()) == []


def test_what_changes_something_is_never_for_reading() -> None:
    asks = ("POST /v1/search/", "POST /v1/similar/", "POST /search", "POST /sign-")
    open_to_readers = {
        route
        for route, scope in NEEDED.items()
        if not route.startswith(("GET ", *asks)) and scope in (None, KeyScope.READ)
    }
    assert open_to_readers == set()


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/healthz", None),
        ("GET", "/static/abc/modiste.css", None),
        ("GET", "/v1/catalogues/shop/listings/a/b/similar", KeyScope.READ),
        ("PUT", "/v1/catalogues/shop/listings/a/b", KeyScope.IMPORT),
        ("POST", "/models/lite0/activate", KeyScope.ADMIN),
        ("GET", "/static/../v1/listings", KeyScope.READ),
        ("GET", "/healthz/", KeyScope.READ),
        ("GET", "/no/such/route", KeyScope.READ),
        ("DELETE", "/no/such/route", KeyScope.ADMIN),
        ("OPTIONS", "/v1/listings", KeyScope.ADMIN),
    ],
)
def test_a_path_needs_the_scope_of_its_route(method: str, path: str, scope: KeyScope | None) -> None:
    assert needed_for(method, path) == scope


def test_a_scope_includes_those_before_it() -> None:
    assert [[a.includes(b) for b in KeyScope] for a in KeyScope] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_thumbnails_are_not_counted() -> None:
    assert not is_counted("/v1/photos/7/thumbnail")
    assert is_counted("/v1/listings/7")
