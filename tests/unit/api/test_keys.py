import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from api.keys import BELIEVED_S, REMEMBERED_S, Asker, KeyRing
from api.pages import session
from db.errors import NotReachable
from db.keys import StandingKey, hash_of
from db.states import KeyScope


class Table:
    """Standing keys, counted how often they are read and noted."""

    def __init__(self, *keys: StandingKey) -> None:
        self.keys: Sequence[StandingKey] = keys
        self.reads, self.noted = 0, list[int]()
        self.broken, self.can_note = False, True

    def read(self) -> Sequence[StandingKey]:
        self.reads += 1
        if self.broken:
            raise NotReachable
        return self.keys

    def note(self, key_id: int) -> None:
        self.noted.append(key_id)
        if not self.can_note:
            raise NotReachable


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def standing(token: str, *, id: int = 1, expires_at: datetime | None = None, use_due: bool = False) -> StandingKey:  # noqa: A002
    return StandingKey(
        id=id, name="shop", scope=KeyScope.READ, hash=hash_of(token), expires_at=expires_at, use_due=use_due
    )


def asker(ring: KeyRing, token: str) -> Asker | None:
    return asyncio.run(ring.of_token(token))


def test_the_table_is_read_once_for_many_askers_and_again_when_it_is_old() -> None:
    table, clock = Table(standing("modiste_a")), Clock()
    ring = KeyRing(None, table, clock=clock)

    async def ask() -> None:
        found = await asyncio.gather(*(ring.of_token(token) for token in ["modiste_a", "guess"] * 20))
        assert [one is not None for one in found] == [True, False] * 20

    asyncio.run(ask())
    assert table.reads == 1
    table.keys = ()
    clock.now = BELIEVED_S
    assert asker(ring, "modiste_a") is None
    assert table.reads == 2


def test_the_environments_key_opens_all_without_the_table() -> None:
    table = Table()
    table.broken = True
    found = asker(KeyRing("swordfish-and-más", table), "swordfish-and-más")
    assert found is not None
    assert found.scope is KeyScope.ADMIN
    assert table.reads == 0


def test_where_the_table_cannot_be_read_no_key_of_it_opens_anything() -> None:
    table, clock = Table(standing("modiste_a")), Clock()
    ring = KeyRing(None, table, clock=clock)
    assert asker(ring, "modiste_a") is not None
    table.broken, clock.now = True, BELIEVED_S
    with pytest.raises(NotReachable):
        asker(ring, "modiste_a")
    with pytest.raises(NotReachable):
        asyncio.run(ring.is_open())


def test_who_asks_of_the_outage_is_known_for_a_while_from_before_it() -> None:
    expired = standing("modiste_b", id=2, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    table, clock = Table(standing("modiste_a"), expired), Clock()
    ring = KeyRing(None, table, clock=clock)
    assert ring.of_token_lately("modiste_a") is None, "nothing was read yet"
    asker(ring, "modiste_a")
    table.broken, clock.now = True, REMEMBERED_S - 1
    found = ring.of_token_lately("modiste_a")
    assert found is not None
    assert found.scope is KeyScope.READ
    assert ring.of_token_lately("guess") is None
    assert ring.of_token_lately("modiste_b") is None
    clock.now = REMEMBERED_S
    assert ring.of_token_lately("modiste_a") is None


def test_without_any_key_all_is_open_and_an_expired_one_closes_it_still() -> None:
    assert asyncio.run(KeyRing(None, Table()).is_open())
    assert not asyncio.run(KeyRing("key", Table()).is_open())
    expired = standing("modiste_a", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    ring = KeyRing(None, Table(expired))
    assert not asyncio.run(ring.is_open())
    assert asker(ring, "modiste_a") is None
    assert asyncio.run(ring.of_id(1)) is None


def test_use_is_noted_once_where_it_is_due_and_failing_to_does_not_matter() -> None:
    table = Table(standing("a", use_due=True), standing("b", id=2))
    ring = KeyRing(None, table)
    for token in ("a", "a", "b"):
        assert asker(ring, token) is not None
    assert table.noted == [1]
    table.can_note = False
    assert asker(KeyRing(None, table), "a") is not None
    assert table.noted == [1, 1]


def test_a_session_is_of_one_key_and_of_one_key_in_the_environment() -> None:
    def of(environment: str | None, token: str) -> Asker:
        found = asker(KeyRing(environment, Table(standing(token))), token)
        assert found is not None
        return found

    token = session.token_of(of("one", "modiste_a"))
    assert session.is_valid(token, of("one", "modiste_a"))
    assert not session.is_valid(token, of("another", "modiste_a"))
    assert not session.is_valid(token, of(None, "modiste_a"))
    assert not session.is_valid(token, of("one", "modiste_b"))


def test_no_secret_is_in_how_things_are_shown() -> None:
    row = standing("modiste_a")
    found = asker(KeyRing(None, Table(row)), "modiste_a")
    assert found is not None
    assert repr(found.secret) not in repr(found)
    assert repr(row.hash) not in repr(row)
