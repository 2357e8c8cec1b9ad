"""Who changed what: a record for each request that was to change something, by whose key, and did.

Of what was asked it has the method and the path, quoted so that no name in it breaks a line; never a token, a query or
a body.
"""

import logging
from urllib.parse import quote

from starlette.types import Message, Scope, Send

from api.keys import Asker
from db.states import KeyScope

READING = ("GET", "HEAD")
log = logging.getLogger("modiste.audit")


def changes(method: str, needed: KeyScope) -> bool:
    """Whether a request of this method, for which a key of this scope is needed, changes something."""
    return method not in READING and needed is not KeyScope.READ


def audited(send: Send, scope: Scope, asker: Asker) -> Send:
    """`send`, which also notes an answer that says that it was done."""

    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 400:
            note(scope["method"], quote(scope["path"]), message["status"], asker)
        await send(message)

    return noting


def note(method: str, path: str, status: int, asker: Asker) -> None:
    fields = {"method": method, "path": path, "status": status, "key": asker.name, "key_id": asker.id}
    log.info("%s %s by %s: %d", method, path, asker.name, status, extra=fields)
