"""Photos from image servers that misbehave, on real connections, with times short enough to wait for."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text

from benchmarks.misbehaving import Host, serving
from db.engine import transaction
from db.imports import import_status
from db.states import ImportState
from worker import looking
from worker.enrich import Workshop, enrich_shard
from worker.photos import PhotoFetcher
from worker.photos.hosts import HostLimits, Hosts
from worker.photos.retry import Backoff

Import = Callable[..., int]
Due = Callable[[], list[int]]
One = Callable[..., object]


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Hosts:
    monkeypatch.setattr(looking, "LOOK_UP_S", 0.05)
    monkeypatch.setattr(looking, "LINGER_S", 0.3)
    rest = Backoff(base_s=0.2, cap_s=0.4)
    return Hosts(HostLimits(failures=3, rest=rest, give_up_s=2.0, wait_here_s=0.05))


@pytest.fixture
def shops() -> Iterator[dict[str, Host]]:
    """Hosts that mean well, that hang, that want to be left alone and that are broken."""
    shops = {
        "mixed": Host(),
        "hung": Host(address="127.0.0.2", always="stall"),
        "strict": Host(address="127.0.0.3", always="429"),
        "broken": Host(address="127.0.0.4", always="500"),
    }
    with serving(*shops.values()):
        yield shops


@pytest.fixture
def closed() -> str:
    """A host that nobody serves any more."""
    with socket.create_server(("127.0.0.5", 0)) as server:
        return f"127.0.0.5:{server.getsockname()[1]}"


@pytest.fixture
def fetcher(hosts: Hosts, shops: dict[str, Host], closed: str) -> Iterator[PhotoFetcher]:
    names = [closed, *(shop.name for shop in shops.values())]
    with PhotoFetcher(allow_hosts=names, hosts=hosts, max_bytes=200_000, deadline_s=2.0, step_timeout_s=0.4) as fetcher:
        yield fetcher


@pytest.fixture
def play(workshop: Workshop, engine: Engine, due_shards: Due) -> Callable[[int], None]:
    """Works until the import is done; waits that the tables hold are over at once, those of hosts are waited for."""

    def until_done(import_id: int) -> None:
        deadline = time.monotonic() + 60
        while True:
            for shard_id in due_shards():
                enrich_shard(workshop, shard_id)
            with transaction(engine) as connection:
                if import_status(connection, import_id).state is ImportState.DONE:
                    return
                connection.execute(text("UPDATE modiste.shard SET not_before = now() WHERE state = 'queued'"))
            assert time.monotonic() < deadline, "the import does not end"
            time.sleep(0.05)

    return until_done


def test_every_photo_ends_with_its_own_reason_and_the_good_ones_are_enriched(
    engine: Engine, import_rows: Import, play: Callable[[int], None], shops: dict[str, Host], closed: str
) -> None:
    mixed = shops["mixed"]
    expected = {mixed.url("good", n): "enriched" for n in range(20)} | {
        mixed.url("called_page", 1): "enriched",
        mixed.url("404", 1): "not_found",
        mixed.url("410", 1): "gone",
        mixed.url("403", 1): "forbidden",
        mixed.url("cut", 1): "bad_response",
        mixed.url("page", 1): "not_an_image",
        mixed.url("inward", 1): "refused_host",
        mixed.url("metadata", 1): "refused_host",
        mixed.url("file", 1): "bad_url",
        mixed.url("huge", 1): "too_large",
        mixed.url("endless", 1): "too_large",
        f"http://me:secret@{mixed.name}/good/1.jpg": "bad_url",
        "file:///etc/passwd": "bad_url",
    }
    for name, reason in (("hung", "timeout"), ("strict", "rate_limited"), ("broken", "server_error")):
        expected |= {shops[name].url("good", n): reason for n in range(12)}
    expected |= {f"http://{closed}/{n}.jpg": "connection" for n in range(12)}
    play(import_rows({str(number): (url,) for number, url in enumerate(expected)}))
    with transaction(engine) as connection:
        rows = connection.execute(text("SELECT source, coalesce(reason, state), detail FROM modiste.photo")).all()
    assert {source: became for source, became, _ in rows} == expected
    assert not [detail for _, _, detail in rows if detail and "secret" in detail]
    for name in ("hung", "strict", "broken"):
        assert shops[name].asked < 30, name  # twelve photos, four or eight tries each, were it not for the rests


def test_a_host_that_rests_costs_its_photos_no_try_and_they_are_enriched_when_it_is_back(
    import_rows: Import,
    play: Callable[[int], None],
    shops: dict[str, Host],
    workshop: Workshop,
    due_shards: Due,
    one: One,
) -> None:
    strict = shops["strict"]
    import_id = import_rows({str(n): (strict.url("good", n),) for n in range(12)})
    for shard_id in due_shards():
        enrich_shard(workshop, shard_id)
    assert one("SELECT count(*) FROM modiste.photo WHERE state = 'pending'") == 12
    assert 1 <= int(str(one("SELECT sum(attempts) FROM modiste.photo"))) <= 2  # those that were told to wait
    strict.always = None
    play(import_id)
    assert one("SELECT count(*) FROM modiste.photo WHERE state = 'enriched'") == 12
