"""HEAD, as uptime checkers, proxies and `curl -I` ask: answered like GET, headers and all, without the body."""

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """Pure ASGI and outermost, so that the routes, the key and the pages know of GET only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        ended = False
        with CancelScope() as work:

            async def send_without_body(message: Message) -> None:
                nonlocal ended
                if message["type"] != "http.response.body":
                    await send(message)
                elif not ended:
                    ended = True
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    if message.get("more_body", False):
                        work.cancel()  # what else would come of a stream, perhaps for minutes, nobody is to have

            await self._app({**scope, "method": "GET"}, receive, send_without_body)
