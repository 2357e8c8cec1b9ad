"""Cursors: where a page ended, opaque to clients, so that pages may one day go by something else than an id."""

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator


def cursor_of(last_id: int) -> str:
    return base64.urlsafe_b64encode(last_id.to_bytes(8, "big")).decode().rstrip("=")


def position_of(cursor: str) -> int:
    """The id of the last row before. Raises ValueError."""
    try:
        raw = base64.b64decode(f"{cursor}=".encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 8 or raw[0] > 127:
        raise ValueError("is no cursor; give the `next` of the page before, or leave it out for the first page")
    return int.from_bytes(raw, "big")


def checked(cursor: str) -> str:
    position_of(cursor)
    return cursor


Cursor = Annotated[str, AfterValidator(checked)]
