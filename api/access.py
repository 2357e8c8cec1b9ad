"""Who may ask: the API key, checked before anything else is looked at, for every path but health."""

import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import KeyNeeded
from api.problems import of_error

OPEN = frozenset({"/healthz", "/readyz"})


class KeyGuard:
    """Pure ASGI, so that it also guards what is no route: the docs, their schema, and paths that do not exist."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN or self.admits(Headers(scope=scope)):
            await self._app(scope, receive, send)
        else:
            await of_error(KeyNeeded())(scope, receive, send)

    def admits(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1"), self._key)
