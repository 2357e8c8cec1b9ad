"""How large a body may be: counted while it streams in; of one too large nothing more is kept or looked at."""

from anyio import move_on_after
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import BodyTooLarge
from api.problems import of_error
from vision.preprocess import MAX_BYTES

JSON_BYTES = 2**20
# Boundaries and part headers around the one photo.
FORM_BYTES = 64 * 2**10
LINGER_S = 3.0
PHOTO_PATHS = frozenset({"/v1/search/photo", "/v1/photos", "/search"})
UPLOAD_PATHS = frozenset({"/v1/imports", "/imports"})


class BodyLimit:
    """Answers 413 by `Content-Length` where there is one, else as soon as too much has come."""

    def __init__(self, app: ASGIApp, max_upload_bytes: int) -> None:
        self._app = app
        self._limits = dict.fromkeys(PHOTO_PATHS, MAX_BYTES + FORM_BYTES) | dict.fromkeys(
            UPLOAD_PATHS, max_upload_bytes + FORM_BYTES
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(scope["path"], JSON_BYTES)
        if stated_length(scope) > limit:
            await refuse(limit, scope, receive, send)
        else:
            counted = CountedBody(scope, receive, send, limit)
            await self._app(scope, counted.receive, counted.send)


async def refuse(limit: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers at once, and lets the client go on for a moment: who is cut off while sending never reads the answer."""

    async def send_unfinished(message: Message) -> None:
        await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

    await of_error(BodyTooLarge(limit=limit))(scope, receive, send_unfinished)
    with move_on_after(LINGER_S):
        while (await receive()).get("more_body", False):
            pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def stated_length(scope: Scope) -> int:
    stated = Headers(scope=scope).get("content-length", "0")
    return int(stated) if stated.isdecimal() and len(stated) < 20 else 0


class CountedBody:
    """One request's body. Past the limit the client has its answer, and the application sees it hang up."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._limit = limit
        self._seen = 0
        self._answered = False

    async def receive(self) -> Message:
        if self._answered:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen <= self._limit:
            return message
        self._answered = True
        await refuse(self._limit, self._scope, self._receive, self._send)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if not self._answered:
            await self._send(message)
