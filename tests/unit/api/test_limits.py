import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from api import limits
from api.limits import JSON_BYTES, BodyLimit


class Application:
    """Reads its whole body, then answers 200; knows how much it was given."""

    def __init__(self) -> None:
        self.read = 0
        self.hung_up = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            self.hung_up = message["type"] == "http.disconnect"
            self.read += len(message.get("body", b""))
            if self.hung_up or not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def ask(pieces: Iterable[bytes], *, path: str = "/v1/search/vector", length: int | None = None) -> Any:
    """Sends a body in pieces; the application behind the limit, the status and how many pieces were taken."""
    behind, sent, taken = Application(), [], []
    left = iter(pieces)

    async def receive() -> Any:
        piece = next(left, None)
        taken.append(piece)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    scope = {"type": "http", "path": path, "method": "POST", "headers": headers}
    asyncio.run(BodyLimit(behind, max_upload_bytes=3 * JSON_BYTES)(scope, receive, send))
    assert [message["type"] for message in sent].count("http.response.start") == 1
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    return behind, sent[0]["status"], len(taken)


def test_a_body_within_its_limit_passes_untouched() -> None:
    behind, status, _ = ask([b"x" * JSON_BYTES])
    assert (status, behind.read) == (200, JSON_BYTES)


def test_a_body_that_says_it_is_too_large_never_reaches_the_application() -> None:
    behind, status, _ = ask([b"x"], length=JSON_BYTES + 1)
    assert (status, behind.read) == (413, 0)


def test_a_body_that_does_not_say_so_is_stopped_where_it_is_too_large() -> None:
    behind, status, _ = ask([b"x" * JSON_BYTES, b"x", b"x" * JSON_BYTES])
    assert (status, behind.read, behind.hung_up) == (413, JSON_BYTES, True)


def test_what_a_client_goes_on_sending_is_thrown_away_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LINGER_S", 0.05)

    async def slowly() -> None:
        calls = 0

        async def receive() -> Any:
            nonlocal calls
            calls += 1
            await asyncio.sleep(0.02)
            return {"type": "http.request", "body": b"x" * JSON_BYTES, "more_body": True}

        async def send(_: Any) -> None: ...

        scope = {"type": "http", "path": "/v1/photos", "method": "POST", "headers": [(b"content-length", b"9" * 12)]}
        await asyncio.wait_for(BodyLimit(Application(), max_upload_bytes=1)(scope, receive, send), timeout=5)
        assert 1 <= calls <= 3

    asyncio.run(slowly())


def test_each_kind_of_route_has_its_own_limit() -> None:
    for path, most in [("/v1/search/photo", 64 * 2**20), ("/v1/imports", 3 * JSON_BYTES), ("/v1/other", JSON_BYTES)]:
        assert ask([], path=path, length=most)[1] == 200
        assert ask([], path=path, length=most + limits.FORM_BYTES + 1)[1] == 413


@pytest.mark.parametrize("length", [b"-1", b"x", b"9" * 5000, "²".encode()])
def test_a_stated_length_that_is_none_is_not_believed(length: bytes) -> None:
    scope = {"type": "http", "headers": [(b"content-length", length)]}
    assert limits.stated_length(scope) == 0
