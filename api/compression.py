"""Answers in words are sent compressed to who takes it: a page of the catalogue is eight times smaller so."""

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

# Photos are compressed as they are, and who exports a catalogue or follows an import wants each part at once.
PLAIN = ("/v1/photos/", "/v1/catalogues/", "/v1/imports/")
SMALLEST_BYTES = 1_000
LEVEL = 5


class Compressed:
    """Pure ASGI; server-sent events and short answers pass as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressing = GZipMiddleware(app, minimum_size=SMALLEST_BYTES, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        compresses = scope["type"] == "http" and not scope["path"].startswith(PLAIN)
        await (self._compressing if compresses else self._app)(scope, receive, send)
