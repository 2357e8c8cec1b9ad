"""Who is signed in: a cookie that proves its bearer knew a key, without holding it. Nothing is stored.

The token is the key's id, an expiry, and an HMAC of both under a secret that only that key gives: who revokes a key, or
sets another MODISTE_API_KEY, ends its sessions.
"""

import hashlib
import hmac
import re
import time

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response

from api.keys import Asker, KeyRing
from api.pages.origins import READING, is_ours

COOKIE = "modiste_session"
LASTS_S = 30 * 24 * 3600
TOKEN = re.compile(r"(\d{1,18})\.(\d{1,12})\.([0-9a-f]{64})", re.ASCII)


def token_of(asker: Asker, *, now_s: float | None = None) -> str:
    """`KEY.EXPIRY.SIGNATURE`; EXPIRY in seconds since 1970."""
    expires = str(int((time.time() if now_s is None else now_s) + LASTS_S))
    return f"{asker.id}.{expires}.{signature(asker, expires)}"


def signature(asker: Asker, expires: str) -> str:
    signed = f"modiste session of key {asker.id} until {expires}"
    return hmac.new(asker.secret, signed.encode(), hashlib.sha256).hexdigest()


def claimed_key(token: str) -> int | None:
    """The id of the key that a token says it is of; None for what is no token."""
    parts = TOKEN.fullmatch(token)
    return int(parts[1]) if parts else None


def is_valid(token: str, asker: Asker, *, now_s: float | None = None) -> bool:
    parts = TOKEN.fullmatch(token)
    if parts is None or parts[1] != str(asker.id):
        return False
    if not hmac.compare_digest(parts[3], signature(asker, parts[2])):
        return False
    return int(parts[2]) > (time.time() if now_s is None else now_s)


async def asker_of(method: str, headers: Headers, keys: KeyRing) -> Asker | None:
    """Whom the request's cookie lets in: for reading, and for what our own pages send."""
    token = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    key_id = claimed_key(token)
    if key_id is None or not (method in READING or is_ours(headers)):
        return None
    asker = await keys.of_id(key_id)
    return asker if asker is not None and is_valid(token, asker) else None


def sign_in(response: Response, asker: Asker, *, secure: bool) -> None:
    response.set_cookie(COOKIE, token_of(asker), max_age=LASTS_S, httponly=True, samesite="strict", secure=secure)


def sign_out(response: Response) -> None:
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
