from typing import Any

import pytest

from db.engine import transaction
from db.enrichments import Outcome
from db.erasure import erase_listing, erased_contents, forget_erased
from db.errors import UnknownListing
from db.models import register_model
from db.states import ImportState

TABLES = ("listing", "photo", "content", "enrichment", "listing_summary")


def rows_of(shop: Any) -> dict[str, int]:
    tables = (*TABLES, f"embedding_{shop.version}")
    return {table: shop.one(f"SELECT count(*) FROM modiste.{table}") for table in tables}


def erase(shop: Any, listing_id: int) -> list[bytes]:
    with transaction(shop.engine) as connection:
        return erase_listing(connection, listing_id)


def test_nothing_of_an_erased_listing_is_left_in_any_table(shop: Any) -> None:
    ids = shop.stock(shop.item("a", [1.0, 0, 0], [0, 1.0, 0], title="Secret"))
    erased = erase(shop, ids["a"])
    assert rows_of(shop) == dict.fromkeys(rows_of(shop), 0)
    assert sorted(erased) == sorted(shop.content(f"shop/a/{place}").sha256 for place in range(2))
    assert shop.one("SELECT count(*) FROM modiste.import_row WHERE external_id IS NOT NULL OR detail IS NOT NULL") == 0
    assert shop.one("SELECT count(*) FROM modiste.import_row") == 1


def test_a_content_that_another_listing_shows_stays_with_what_was_seen_in_it(shop: Any) -> None:
    ids = shop.stock(shop.item("a", [1.0, 0, 0], of="same"), shop.item("b", [1.0, 0, 0], of="same"))
    assert erase(shop, ids["a"]) == []
    assert set(rows_of(shop).values()) == {1}


def test_what_every_version_saw_goes(shop: Any) -> None:
    ids = shop.stock(shop.item("a", [1.0, 0, 0]))
    with transaction(shop.engine) as connection:
        second = register_model(connection, name="v2", embedding_dim=3, exclusive_groups=[], manifest={})
    shop.rows(
        f"INSERT INTO modiste.embedding_{second} SELECT content_id, category, vec FROM modiste.embedding_{shop.version}"
    )
    erase(shop, ids["a"])
    assert shop.one(f"SELECT count(*) FROM modiste.embedding_{second}") == 0


def test_an_import_that_still_had_its_photo_to_do_ends_with_one_cancelled(shop: Any) -> None:
    import_id, _ = shop.plan("a")
    erase(shop, shop.one("SELECT id FROM modiste.listing"))
    status = shop.status(import_id)
    assert (status.state, status.photos_cancelled, status.photos_pending) == (ImportState.DONE, 1, 0)


def test_a_worker_that_was_looking_at_it_meanwhile_leaves_nothing_behind(shop: Any) -> None:
    _, (shard,) = shop.plan("a")
    lease = shop.take(shard)
    erase(shop, shop.one("SELECT id FROM modiste.listing"))
    shop.finish(lease)
    assert rows_of(shop) == dict.fromkeys(rows_of(shop), 0)
    assert shop.one("SELECT count(*) FROM modiste.erasure") == 1


def test_a_photo_recognised_by_an_enrichment_erased_meanwhile_is_looked_at_again(shop: Any) -> None:
    ids = shop.stock(shop.item("a", [1.0, 0, 0], of="same"))
    _, (shard,) = shop.plan("b")
    lease = shop.take(shard)
    erase(shop, ids["a"])
    shop.finish(lease, [Outcome(photo_id=lease.photos[0].id, content=shop.content("shop/same"), recognised=True)])
    assert shop.one("SELECT state FROM modiste.photo") == "pending"
    assert shop.one("SELECT count(*) FROM modiste.shard WHERE state = 'queued'") == 1


def test_erased_contents_are_remembered_until_their_files_are_gone(shop: Any) -> None:
    ids = shop.stock(shop.item("a", [1.0, 0, 0]))
    (digest,) = erase(shop, ids["a"])
    with transaction(shop.engine) as connection:
        assert erased_contents(connection) == [digest]
        forget_erased(connection, [digest])
        assert erased_contents(connection) == []


def test_the_files_of_a_content_that_is_shown_again_are_kept(shop: Any) -> None:
    ids = shop.stock(shop.item("a", [1.0, 0, 0], of="same"))
    erase(shop, ids["a"])
    shop.stock(shop.item("b", [1.0, 0, 0], of="same"))
    with transaction(shop.engine) as connection:
        assert erased_contents(connection) == []
    assert shop.one("SELECT count(*) FROM modiste.erasure") == 0


def test_erasing_what_is_not_there_says_so(shop: Any) -> None:
    with pytest.raises(UnknownListing, match="there is no listing 99"):
        erase(shop, 99)
