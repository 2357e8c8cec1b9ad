"""Problems as pages: where a person asked, the API's problem document becomes a sentence and what to do about it.

Wrapped around the whole application, so that it also catches what is refused before any route is found.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.pages.site import Site
from api.problems import FAILED, MEDIA_TYPE

PAGES = ("/imports", "/listings/", "/models", "/quality", "/review", "/search", "/sign-in", "/sign-out")
NEEDS_KEY = "urn:modiste:problem:key-needed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a problem page says."""

    title: str
    sentence: str


BY_TYPE: Mapping[str, Said] = {
    "unknown-listing": Said(
        title="This listing is not here",
        sentence="It may have been removed since, or the address is not quite right.",
    ),
    "empty-upload": Said(title="That file is empty", sentence="It has no bytes. Choose another photo."),
    "wrong-content-type": Said(
        title="That is not a photo", sentence="Choose a picture: a JPEG, PNG or WebP, for example."
    ),
    "no-active-model": Said(
        title="No model is active yet",
        sentence="Whoever runs modiste activates one with “modiste models activate”.",
    ),
    "internal-error": Said(title="Something went wrong here", sentence=FAILED),
    "busy": Said(title="Too busy at the moment", sentence="Try again in a few seconds."),
}
BY_REASON: Mapping[str, Said] = {
    "not_an_image": Said(title="That is not a photo", sentence="The file is no picture that modiste can read."),
    "truncated": Said(title="The photo is incomplete", sentence="The file ends in the middle of the picture."),
    "decompression_bomb": Said(title="The photo is too large", sentence="It has more pixels than modiste unpacks."),
    "too_small": Said(title="The photo is too small", sentence="There is not enough in it to recognise a garment."),
    "too_large": Said(title="The photo is too large", sentence="A photo may have at most 64 MB."),
    "unsupported_format": Said(
        title="This kind of picture cannot be read", sentence="Save it as JPEG, PNG or WebP and try again."
    ),
    "unsupported_mode": Said(
        title="This picture's colours cannot be read", sentence="Save it as an ordinary JPEG and try again."
    ),
}
BAD_ADDRESS = Said(
    title="This address cannot be read", sentence="Something in it is not as modiste writes it; go on from here."
)
NO_PHOTO = Said(title="No photo came along", sentence="Choose or drop a photo first.")
NOT_HERE = Said(title="There is no such page", sentence="The address is not quite right, or the page has moved.")


def said_of(problem: Mapping[str, Any], path: str) -> Said:
    """In words for a person; what is rare speaks for itself, as on the API."""
    kind = str(problem["type"]).rpartition(":")[2]
    if path == "/search" and problem["status"] == 422 and kind == "bad-request":
        return NO_PHOTO
    known = BY_REASON.get(str(problem.get("reason"))) or BY_TYPE.get(kind)
    if known is not None:
        return known
    if problem["status"] in (404, 405) or (kind == "bad-request" and path.startswith("/listings/")):
        return NOT_HERE
    if kind == "scope-needed":
        return Said(title="Your key does not allow this", sentence=str(problem["detail"]))
    if kind == "bad-question":
        return Said(title="This could not be taken", sentence=str(problem["detail"]))
    if kind == "unknown-choice":
        return Said(title=BAD_ADDRESS.title, sentence=str(problem["detail"]))
    if problem["status"] == 422:
        return BAD_ADDRESS
    return Said(title=str(problem["title"]), sentence=str(problem["detail"]))


class ProblemPages:
    """Pure ASGI. Other answers pass through untouched, as they come."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_for_a_person(scope):
            await self._app(scope, receive, send)
            return
        watched = WatchedAnswer(scope, receive, send, self._site)
        try:
            await self._app(scope, receive, watched.send)
        except Exception:
            if not watched.started:
                problem = {"type": "internal-error", "status": 500}
                await page_of(problem, scope, self._site)(scope, receive, send)
            raise  # the server logs it, and sees that there was an answer


def is_for_a_person(scope: Scope) -> bool:
    """Pages, and whatever else a browser asks for by its address; never what stands under /v1."""
    if scope["type"] != "http" or scope["path"].startswith("/v1/"):
        return False
    if scope["path"] == "/" or scope["path"].startswith(PAGES):
        return True
    return "text/html" in Headers(scope=scope).get("accept", "")


class WatchedAnswer:
    """One answer: held back if it is a problem document, and sent as a page once it is complete."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, site: Site) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._site = site
        self._held: bytes | None = None
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            if Headers(raw=message["headers"]).get("content-type") == MEDIA_TYPE:
                self._held = b""
                return
        if self._held is None:
            await self._send(message)
            return
        self._held += message.get("body", b"")
        if not message.get("more_body", False):
            page = page_of(json.loads(self._held), self._scope, self._site)
            await page(self._scope, self._receive, self._send)


def page_of(problem: Mapping[str, Any], scope: Scope, site: Site) -> Response:
    if problem["type"] == NEEDS_KEY:
        return RedirectResponse(f"/sign-in?next={quote(asked(scope))}", status_code=303)
    with_photo = scope["path"] == "/search" and problem["status"] < 500
    said = said_of(problem, scope["path"])
    action = asked(scope, "/search") if with_photo else None
    return site.page("problem.html", status=problem["status"], said=said, action=action)


def asked(scope: Scope, path: str | None = None) -> str:
    """The address that was asked for, without its host."""
    query = scope["query_string"].decode("latin-1")
    return f"{path or quote(scope['path'])}?{query}" if query else path or quote(scope["path"])
