"""Who asks the database how often, and what is left of streams that ended. Without a server: `look` is a list."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest
from anyio import create_task_group
from sqlalchemy.exc import OperationalError

from api import following
from api.errors import TooManyListen
from api.following import Following, ProgressStream, Seen

IMPORT = 7


class Import:
    """An import that goes through these moments, one a look; an error is raised."""

    def __init__(self, *moments: str | Exception) -> None:
        self.moments = list(moments)
        self.looks = 0

    def __call__(self, _: int) -> Seen:
        self.looks += 1
        moment = self.moments.pop(0) if len(self.moments) > 1 else self.moments[0]
        if isinstance(moment, Exception):
            raise moment
        return Seen(id=moment, data=f'{{"state": "{moment}"}}', finished=moment == "done")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "POLL_S", 0.02)


async def told(events: AsyncIterator[Any]) -> list[tuple[str, str]]:
    return [(event.event, event.id) async for event in events]


def listen(look: Callable[[int], Seen], known: str | None = None, listeners: int = 1) -> list[list[tuple[str, str]]]:
    """What each of so many listeners, who begin at once, is told."""

    async def run() -> list[list[tuple[str, str]]]:
        shared, heard = Following(look), []

        async def one() -> None:
            with shared.listening(IMPORT):
                heard.append(await told(shared.events(IMPORT, known, anyio.Event())))

        async with create_task_group() as tasks:
            for _ in range(listeners):
                tasks.start_soon(one)
        assert shared.listeners == 0
        assert not shared._watched
        return heard

    return anyio.run(run)


def test_a_listener_hears_what_is_what_changes_and_the_end() -> None:
    (heard,) = listen(Import("planning", "running", "running", "done"))
    assert heard == [("progress", "planning"), ("progress", "running"), ("progress", "done"), ("done", "done")]


def test_what_a_client_knows_already_is_not_told_again() -> None:
    (heard,) = listen(Import("running", "done"), known="running")
    assert heard == [("progress", "done"), ("done", "done")]


def test_however_many_listen_the_database_is_asked_once_for_all() -> None:
    looks = Import("running", "running", "running", "done")
    heard = listen(looks, listeners=50)
    assert looks.looks < 50, "each for himself would ask four times"
    assert all(events[-1] == ("done", "done") for events in heard)


def test_a_database_that_is_away_for_a_moment_is_waited_for() -> None:
    (heard,) = listen(Import("running", OperationalError("", {}, Exception()), "done"))
    assert heard == [("progress", "running"), ("progress", "done"), ("done", "done")]


def test_a_stream_ends_after_a_while_and_the_client_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "STREAM_AT_MOST_S", 0.0)
    assert listen(Import("running")) == [[("progress", "running")]]


def test_a_server_that_stops_ends_its_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "POLL_S", 3600)

    async def run() -> list[tuple[str, str]]:
        shared, leaving = Following(Import("running")), anyio.Event()
        with shared.listening(IMPORT):
            async with create_task_group() as tasks:
                tasks.start_soon(leaves, leaving)
                return await told(shared.events(IMPORT, None, leaving))

    async def leaves(leaving: anyio.Event) -> None:
        leaving.set()

    assert anyio.run(run) == [("progress", "running")]


def test_there_is_an_end_to_how_many_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LISTENERS", 2)
    shared = Following(Import("running"))
    with shared.listening(1):
        with shared.listening(2), pytest.raises(TooManyListen), shared.listening(1):
            pass
        with shared.listening(1):
            assert shared.listeners == 2


def serve(stream: ProgressStream, send: Callable[[Any], Any], receive: Callable[[], Any]) -> None:
    anyio.run(stream, {"type": "http", "method": "GET"}, receive, send)


async def stays() -> Any:
    await anyio.sleep_forever()


def test_a_client_that_is_gone_leaves_nothing_behind() -> None:
    shared = Following(Import("running"))
    sent: list[Any] = []

    async def receive() -> Any:
        while len(sent) < 2:
            await anyio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    serve(ProgressStream(shared, IMPORT, None), send, receive)
    assert b"event: progress\n" in sent[1]["body"]
    assert (shared.listeners, shared._watched) == (0, {})


def test_a_client_that_reads_nothing_is_let_go(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(following, "READS_NOTHING_S", 0.05)
    shared = Following(Import("running"))

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await anyio.sleep_forever()

    with caplog.at_level("INFO", logger="api.following"):
        serve(ProgressStream(shared, IMPORT, None), send, stays)
    assert "reads nothing" in caplog.text
    assert (shared.listeners, shared._watched) == (0, {})


def test_a_comment_comes_where_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PING_S", 0.02)
    monkeypatch.setattr(following, "STREAM_AT_MOST_S", 0.2)
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    serve(ProgressStream(Following(Import("running")), IMPORT, None), send, stays)
    assert sum(body.startswith(b"event: ") or b"event: progress" in body for body in sent) == 1
    assert any(body.startswith(b": ") for body in sent)
