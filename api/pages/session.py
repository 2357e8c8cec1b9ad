"""Who is signed in: a cookie that proves its bearer knew the key, without holding it. Nothing is stored.

The token is an expiry and an HMAC of it under the key: a new key ends every session at once.
"""

import hashlib
import hmac
import time

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response

from api.pages.origins import READING, is_ours

COOKIE = "modiste_session"
LASTS_S = 30 * 24 * 3600


def token_of(key: str, *, now_s: float | None = None) -> str:
    """`EXPIRY.SIGNATURE`; EXPIRY in seconds since 1970."""
    expires = int((time.time() if now_s is None else now_s) + LASTS_S)
    return f"{expires}.{signature(key, str(expires))}"


def signature(key: str, expires: str) -> str:
    return hmac.new(key.encode(), b"modiste session until " + expires.encode(), hashlib.sha256).hexdigest()


def is_valid(token: str, key: str, *, now_s: float | None = None) -> bool:
    expires, _, signed = token.partition(".")
    if not token.isascii() or not hmac.compare_digest(signed, signature(key, expires)):
        return False
    return int(expires) > (time.time() if now_s is None else now_s)


def admits(method: str, headers: Headers, key: str) -> bool:
    """Whether the request's cookie lets it in: for reading, and for what our own pages send."""
    token = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    return is_valid(token, key) and (method in READING or is_ours(headers))


def sign_in(response: Response, key: str, *, secure: bool) -> None:
    response.set_cookie(COOKIE, token_of(key), max_age=LASTS_S, httponly=True, samesite="strict", secure=secure)


def sign_out(response: Response) -> None:
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
