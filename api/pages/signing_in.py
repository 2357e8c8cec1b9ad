"""`/sign-in` and `/sign-out`, where the API asks for a key; elsewhere both lead to the catalogue."""

import logging
import re
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from api.pages import session
from api.pages.site import UseSite

router = APIRouter()
log = logging.getLogger(__name__)

# A path of our own: neither `//other.example` nor what a browser would take for that.
OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20]*")


def own_path(path: str) -> str:
    """`path` if it leads to a page of ours, else the catalogue."""
    return path if OWN_PATH.fullmatch(path) else "/"


def go(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


@router.get("/sign-in")
async def ask(site: UseSite, following: Annotated[str, Query(alias="next")] = "/") -> Response:
    if await site.keys.is_open():
        return go("/")
    return site.page("sign-in.html", following=own_path(following), wrong=False)


@router.post("/sign-in")
async def enter(
    request: Request,
    site: UseSite,
    key: Annotated[str, Form()] = "",
    following: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    if await site.keys.is_open():
        return go("/")
    address = request.client.host if request.client else ""
    site.guesses.check(address)
    asker = await site.keys.of_token(key)
    if asker is None:
        site.guesses.take(address)
        log.warning("a sign-in from %s failed: no key is the one that was given", address)
        return site.page("sign-in.html", status=401, following=own_path(following), wrong=True)
    response = go(own_path(following))
    session.sign_in(response, asker, secure=request.url.scheme == "https")
    return response


@router.post("/sign-out")
async def leave(site: UseSite) -> Response:
    response = go("/" if await site.keys.is_open() else "/sign-in")
    session.sign_out(response)
    return response
