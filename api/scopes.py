"""Which scope a key needs for which route: all routes, a line each. A test fails where a route is not among them."""

from starlette.routing import compile_path

from db.states import KeyScope

READ, IMPORT, ADMIN = KeyScope.READ, KeyScope.IMPORT, KeyScope.ADMIN

# None: open to everybody.
NEEDED: dict[str, KeyScope | None] = {
    "GET /healthz": None,
    "GET /readyz": None,
    "GET /sign-in": None,
    "POST /sign-in": None,
    "GET /static/{version}/{name}": None,
    "POST /sign-out": READ,
    # The API's own description.
    "GET /docs": READ,
    "GET /docs/oauth2-redirect": READ,
    "GET /docs-files/{path:path}": READ,
    "GET /openapi.json": READ,
    "GET /metrics": READ,
    # What only asks.
    "GET /v1/listings": READ,
    "GET /v1/listings/{listing_id}": READ,
    "GET /v1/listings/{listing_id}/similar": READ,
    "GET /v1/catalogues": READ,
    "GET /v1/catalogues/{catalogue}/export": READ,
    "GET /v1/catalogues/{catalogue}/listings/{external_id:path}": READ,
    "GET /v1/catalogues/{catalogue}/listings/{external_id:path}/similar": READ,
    "GET /v1/photos/{photo_id}/thumbnail": READ,
    "GET /v1/models": READ,
    "GET /v1/models/{name}": READ,
    "GET /v1/imports": READ,
    "GET /v1/imports/{import_id}": READ,
    "GET /v1/imports/{import_id}/events": READ,
    "GET /v1/imports/{import_id}/forecast": READ,
    "GET /v1/imports/{import_id}/quarantine": READ,
    "GET /v1/imports/{import_id}/report": READ,
    "GET /v1/quarantine": READ,
    "POST /v1/search/attributes": READ,
    "POST /v1/search/listings": READ,
    "POST /v1/search/photo": READ,
    "POST /v1/search/vector": READ,
    "POST /v1/similar/batch": READ,
    # What changes listings.
    "PUT /v1/catalogues/{catalogue}/listings/{external_id:path}": IMPORT,
    "DELETE /v1/catalogues/{catalogue}/listings/{external_id:path}": IMPORT,
    "DELETE /v1/listings/{listing_id}": IMPORT,
    "GET /v1/corrections": IMPORT,  # they name who said it
    "POST /v1/listings/{listing_id}/corrections": IMPORT,
    "DELETE /v1/corrections/{correction_id}": IMPORT,
    "POST /v1/photos": IMPORT,
    "POST /v1/imports": IMPORT,
    "POST /v1/imports/{import_id}/pause": IMPORT,
    "POST /v1/imports/{import_id}/resume": IMPORT,
    "POST /v1/imports/{import_id}/cancel": IMPORT,
    "POST /v1/imports/{import_id}/retry": IMPORT,
    # Pages.
    "GET /": READ,
    "GET /listings/{listing_id}": READ,
    "GET /search": READ,
    "POST /search": READ,
    "GET /imports": READ,
    "GET /imports/{import_id}": READ,
    "POST /imports": IMPORT,
    "POST /imports/{import_id}/pause": IMPORT,
    "POST /imports/{import_id}/resume": IMPORT,
    "POST /imports/{import_id}/cancel": IMPORT,
    "POST /imports/{import_id}/retry": IMPORT,
    "GET /quality": READ,
    "GET /review": READ,
    "POST /review": IMPORT,
    "POST /review/undo": IMPORT,
    "GET /models": READ,
    "GET /models/{name}": READ,
    "GET /models/{name}/report": READ,
    "POST /models/rollback": ADMIN,
    "POST /models/{name}/activate": ADMIN,
    "POST /models/{name}/backfill": ADMIN,
    "POST /models/{name}/retire": ADMIN,
}
# Not counted against a key's rate: a page asks for dozens of them.
UNCOUNTED = compile_path("/v1/photos/{photo_id}/thumbnail")[0], compile_path("/docs-files/{path:path}")[0]

ROUTES = [(route.split()[0], compile_path(route.split()[1])[0], scope) for route, scope in NEEDED.items()]


def needed_for(method: str, path: str) -> KeyScope | None:
    """The scope for a path as it was asked for; the highest where several routes have it, so that order is no matter.

    What is no route is answered by 404 or 405, which any key may see; what would change something wants the highest.
    """
    found = [scope for route_method, route, scope in ROUTES if route_method == method and route.match(path)]
    if not found:
        return READ if method in ("GET", "HEAD") else ADMIN
    scopes = [scope for scope in found if scope is not None]
    return max(scopes, key=list(KeyScope).index) if scopes else None


def is_counted(path: str) -> bool:
    return not any(route.match(path) for route in UNCOUNTED)
