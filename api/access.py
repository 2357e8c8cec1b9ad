"""Who may ask: the API key, or the session of one who knew it, before anything else is looked at, health excepted."""

import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import KeyNeeded
from api.pages import session
from api.pages.assets import PREFIX
from api.problems import of_error

OPEN = frozenset({"/healthz", "/readyz", "/sign-in"})


class KeyGuard:
    """Pure ASGI, so that it also guards what is no route: the docs, their schema, and paths that do not exist."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_open(scope["path"]) or self.admits(scope["method"], Headers(scope=scope)):
            await self._app(scope, receive, send)
        else:
            await of_error(KeyNeeded())(scope, receive, send)

    def admits(self, method: str, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return hmac.compare_digest(given.strip().encode("latin-1"), self._key.encode())
        return session.admits(method, headers, self._key)


def is_open(path: str) -> bool:
    return path in OPEN or path.startswith(PREFIX)
