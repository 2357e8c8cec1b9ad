import asyncio
from typing import Any

from api.heads import HeadAsGet


async def application(scope: Any, _: Any, send: Any) -> None:
    headers = [(b"x-asked", scope["method"].encode()), (b"content-length", b"6")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"abc", "more_body": True})
    await send({"type": "http.response.body", "body": b"def", "more_body": False})


def ask(method: str, app: Any = application) -> Any:
    sent = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(HeadAsGet(app)({"type": "http", "method": method}, None, send))  # type: ignore[arg-type]
    return dict(sent[0]["headers"]), [message["body"] for message in sent[1:]]


def test_head_reaches_the_application_as_get_and_its_body_goes_nowhere() -> None:
    assert ask("HEAD") == ({b"x-asked": b"GET", b"content-length": b"6"}, [b""])


def test_other_methods_pass_untouched() -> None:
    assert ask("GET")[1] == [b"abc", b"def"]
    assert ask("DELETE")[0][b"x-asked"] == b"DELETE"


def test_a_stream_without_an_end_is_broken_off() -> None:
    async def endless(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"more", "more_body": True})
            await asyncio.sleep(0)

    assert ask("HEAD", endless)[1] == [b""]
