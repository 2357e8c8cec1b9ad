"""Who may ask: a key, or the session of one who knew it, with the scope that the route needs (`api.scopes`).

Before anything else is looked at; health and signing in excepted. Where no key stands, everything is open. While the
database does not answer, a key that was right a while ago opens what tells that it does not, and nothing else.
"""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.audit import audited, changes
from api.errors import ApiError, KeyNeeded, ScopeNeeded
from api.keys import ASKING, Asker, KeyRing
from api.pages import session
from api.problems import of_db, of_error
from api.rates import Rate
from api.scopes import is_counted, needed_for
from db.errors import DbError, NotReachable
from db.states import KeyScope

TELLS_OF_OUTAGES = frozenset({"/metrics"})


class KeyGuard:
    """Pure ASGI, so that it also guards what is no route: the docs, their schema, and paths that do not exist."""

    def __init__(self, app: ASGIApp, keys: KeyRing, rate: Rate) -> None:
        self._app = app
        self._keys = keys
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        needed = needed_for(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if needed is None:
            await self._app(scope, receive, send)
            return
        try:
            asker = await self.admit(scope, needed)
            ASKING.set(asker)
        except ApiError as error:
            await of_error(error)(scope, receive, send)
        except DbError as error:
            await of_db(Request(scope), error)(scope, receive, send)
        else:
            if asker is not None and changes(scope["method"], needed):
                send = audited(send, scope, asker)
            await self._app(scope, receive, send)

    async def admit(self, scope: Scope, needed: KeyScope) -> Asker | None:
        """Who asks; None where no key stands. Raises `KeyNeeded`, `ScopeNeeded`, `TooManyRequests` and `DbError`."""
        headers = Headers(scope=scope)
        try:
            if await self._keys.is_open():
                return None
            asker = await self.identify(scope["method"], headers)
        except NotReachable:
            asker = self._keys.of_token_lately(bearer_of(headers) or "") if scope["path"] in TELLS_OF_OUTAGES else None
            if asker is None:
                raise
        if asker is None:
            self._rate.take(address_of(scope))
            raise KeyNeeded
        if is_counted(scope["path"]):
            self._rate.take(asker.id)
        if not asker.scope.includes(needed):
            ASKING.set(asker)  # the page that says so is one for who is signed in
            raise ScopeNeeded(needed=needed, name=asker.name, has=asker.scope)
        return asker

    async def identify(self, method: str, headers: Headers) -> Asker | None:
        token = bearer_of(headers)
        if token is not None:
            return await self._keys.of_token(token)
        return await session.asker_of(method, headers, self._keys)


def bearer_of(headers: Headers) -> str | None:
    """The key that a request was sent with; None where it has none."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    # Headers are read as latin-1; who sends a key in UTF-8 means the same key.
    return given.encode("latin-1").decode("utf-8", "replace") if scheme.lower() == "bearer" else None


def address_of(scope: Scope) -> str:
    """The client's, as the server knows it; behind a proxy that uvicorn trusts, the one that the proxy names."""
    return scope["client"][0] if scope.get("client") else ""
