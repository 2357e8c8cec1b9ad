"""How fast photos are looked at is known from the last import that had any looked at."""

from typing import Any

import pytest

from db.engine import transaction
from db.forecasts import PHOTOS_FOR_A_RATE, latest_rate

Shop = Any  # the fixture's class, in conftest.py


def rate(shop: Shop) -> float | None:
    with transaction(shop.engine) as connection:
        return latest_rate(connection, shop.version)


def look_at(shop: Shop, *external_ids: str) -> int:
    import_id, (shard,) = shop.plan(*external_ids)
    shop.finish(shop.take(shard))
    return int(import_id)


def test_imports_that_had_nothing_looked_at_do_not_hide_how_fast_it_went_before(shop: Shop) -> None:
    many = [f"a{number}" for number in range(PHOTOS_FOR_A_RATE)]
    first = look_at(shop, *many)
    known = rate(shop)
    assert known is not None
    assert known == pytest.approx(PHOTOS_FOR_A_RATE / 0.1)
    few = look_at(shop, "b1")
    later, (shard,) = shop.plan(*(f"c{number}" for number in range(PHOTOS_FOR_A_RATE)))
    lease = shop.take(shard)
    seen_before = [outcome.content for outcome in shop.dresses(lease)]
    assert len(seen_before) == PHOTOS_FOR_A_RATE
    shop.rows(
        "UPDATE modiste.shard SET state = 'done', work_s = 0.001, finished_at = clock_timestamp() WHERE id = :id",
        id=shard,
    )
    assert [shop.status(i).photos_inferred for i in (first, few, later)] == [PHOTOS_FOR_A_RATE, 1, 0]
    assert rate(shop) == known


def test_few_photos_say_nothing_of_how_long_many_take(shop: Shop) -> None:
    look_at(shop, "a", "b")
    assert rate(shop) is None
