"""Hosts whose network goes away: what they had open hangs, nothing is refused, and later it all comes through at once.

Each worker reaches PostgreSQL, Redis and the store (on S3) over lines of its own. A line is a TCP proxy that can be
made to carry nothing: so this runs anywhere, without the rights that network namespaces want.
"""

import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from cli.stack.embedded import EmbeddedPair

Site = Any  # tests/chaos/conftest.py
pytestmark = pytest.mark.chaos


class Line:
    """A TCP port of this machine that leads to `dial`'s end. While it is cut it takes bytes from nobody."""

    def __init__(self, dial: Callable[[], socket.socket]) -> None:
        self._dial = dial
        self._carries = threading.Event()
        self._carries.set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._carries.clear()

    def mend(self) -> None:
        self._carries.set()

    def close(self) -> None:
        self._listener.close()
        self.mend()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._carries.wait()
        try:
            far = self._dial()
        except OSError:
            near.close()
            return
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):  # either end hung up
            while data := one.recv(65536):
                self._carries.wait()
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def to_unix(path: str) -> Callable[[], socket.socket]:
    def dial() -> socket.socket:
        end = socket.socket(socket.AF_UNIX)
        end.connect(path)
        return end

    return dial


class Host:
    """The lines of one worker, and what it is told to use them."""

    def __init__(self, pair: EmbeddedPair, s3: tuple[str, int], home: Path) -> None:
        database = make_url(pair.database_url)
        folder = str(database.query["host"])
        self._lines = [
            Line(to_unix(f"{folder}/.s.PGSQL.{database.port or 5432}")),
            Line(to_unix(pair.broker_url.removeprefix("redis+socket://"))),
            Line(lambda: socket.create_connection(s3)),
        ]
        postgres, redis, store = (line.port for line in self._lines)
        near = database.set(host="127.0.0.1", port=postgres, query={})
        self.told = {
            "DATABASE_URL": near.render_as_string(hide_password=False),
            "BROKER_URL": f"redis://127.0.0.1:{redis}/0",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{store}",
            "MODISTE_HOME": str(home),
        }

    def cut_off(self) -> None:
        for line in self._lines:
            line.cut()

    def comes_back(self) -> None:
        for line in self._lines:
            line.mend()

    def close(self) -> None:
        for line in self._lines:
            line.close()


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Path, EmbeddedPair]]:
    """One of this module's own: its model lies in a store on S3."""
    home = Path(tempfile.mkdtemp(prefix="modiste-cut-"))
    with EmbeddedPair.start(home) as pair:
        yield home, pair
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def s3() -> Iterator[tuple[str, int]]:
    from moto.server import ThreadedMotoServer  # takes seconds to load

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture
def settings(s3: tuple[str, int]) -> dict[str, str]:
    import fsspec

    told = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{s3[0]}:{s3[1]}",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(name, value)
        fsspec.filesystem("s3", skip_instance_cache=True).mkdirs("modiste", exist_ok=True)
    return {**told, "MODISTE_STORE": "s3://modiste/store"}


@pytest.fixture
def hosts(site: Site, s3: tuple[str, int], tmp_path: Path) -> Iterator[list[Host]]:
    """Where servers of their own are, workers leave the schema and the first model to others."""
    site.wait_for(lambda: site.ask("SELECT to_regclass('modiste.model_version')"))
    site.wait_for(lambda: site.ask("SELECT count(*) FROM modiste.model_version WHERE state = 'active'"))
    made = [Host(site.pair, s3, tmp_path / name) for name in ("one", "two")]
    yield made
    for host in made:
        host.close()


def held_by(site: Site, pid: int) -> list[int]:
    found = f"SELECT array_agg(id) FROM modiste.shard WHERE state = 'leased' AND worker LIKE '%:{pid}'"
    return site.ask(found) or []


def taken_over(site: Site, shards: list[int]) -> bool:
    """Whether others have had all of these, or have them."""
    return bool(site.ask(f"SELECT bool_and(token > 1) FROM modiste.shard WHERE id = ANY (ARRAY{shards})"))


def test_a_host_that_is_cut_off_is_replaced_and_works_again_when_it_is_back(site: Site, hosts: list[Host]) -> None:
    far = site.crew.add(told=hosts[0].told)
    site.crew.add(told=hosts[1].told)
    site.wait_for(lambda: site.log().count("ready: ") >= 2)
    site.begin()
    site.wait_for(lambda: held_by(site, far.pid))
    hosts[0].cut_off()
    began = time.monotonic()
    shards = held_by(site, far.pid)
    site.wait_for(lambda: taken_over(site, shards))
    took_s = time.monotonic() - began
    site.finish(f"a host cut off; its {len(shards)} shards in other hands after {took_s:.1f} s", since=began)
    hosts[0].comes_back()
    hosts[1].cut_off()
    site.begin("other")
    site.finish("the host that was cut off back at work, alone", since=time.monotonic(), imports=2)
    assert site.crew.deaths == 0, site.log()


def test_a_host_that_is_cut_off_in_its_transaction_keeps_no_locks_and_its_late_write_is_refused(
    site: Site, hosts: list[Host]
) -> None:
    site.crew.add("in-transaction", told=hosts[0].told)
    site.wait_for(site.has_worker)
    site.begin()
    site.wait_for((site.state / "struck").exists)
    hosts[0].cut_off()
    began = time.monotonic()
    site.crew.add(told=hosts[1].told)
    site.finish("a host cut off with its transaction open", since=began)
    before = site.counts()
    (site.state / "go-on").touch()
    hosts[0].comes_back()
    site.wait_for(lambda: "this work is dropped" in site.log())
    assert site.counts() == before
    assert site.crew.deaths == 0, site.log()
