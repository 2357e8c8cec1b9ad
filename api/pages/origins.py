"""Whether a page of ours made a browser send a request: what another site makes it send is nobody's wish."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.pages.errors import FromElsewhere
from api.problems import of_error

READING = frozenset({"GET", "HEAD", "OPTIONS"})


class OwnPagesOnly:
    """Refuses what changes or uploads something on behalf of another site, also where no key is needed.

    Programs send neither of the two headers, and what carries the key was not sent by accident.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in READING and is_foreign(Headers(scope=scope)):
            await of_error(FromElsewhere())(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def is_foreign(headers: Headers) -> bool:
    """Whether a browser says that another site is behind it."""
    by_browser = "sec-fetch-site" in headers or "origin" in headers
    return by_browser and "authorization" not in headers and not is_ours(headers)


def is_ours(headers: Headers) -> bool:
    """Whether a browser says so. `Origin` is compared by its host only: a proxy may have ended TLS before us."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return "host" in headers and headers["host"] == headers.get("origin", "").partition("://")[2]
