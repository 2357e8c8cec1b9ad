"""What piled up goes, and nothing else: not what a row speaks of, nor what somebody is about to write down."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from db.catalogues import ensure_catalogue
from db.contents import all_contents, some_contents
from db.engine import transaction
from db.imports import ONE_LISTING, begin_import, import_status
from db.plans import HandedIn, hand_in
from db.retention import drop_outdated, outdated
from db.states import ImportState, Lane
from store import Area, Store, thumbnail_name
from worker.tidying import STRAY_AFTER_S, discard_previews, remove_strays

DAYS = 90


def age(store: Store, area: Area, name: str) -> None:
    """As if it had been written long ago."""
    (path,) = Path(store.where, area.value).rglob(name)
    long_ago = time.time() - STRAY_AFTER_S - 60
    os.utime(path, (long_ago, long_ago))


def kept(store: Store, area: Area, data: bytes, *, old: bool = True) -> str:
    name = store.put(area, data)
    if old:
        age(store, area, name)
    return name


def know(engine: Engine, digest: str) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text("INSERT INTO modiste.content (sha256, size_bytes) VALUES (:sha, 1)"), {"sha": bytes.fromhex(digest)}
        )


def an_import(engine: Engine, version_id: int, *, feed: str = "feed.csv", days_ago: int | None = None) -> int:
    with transaction(engine) as connection:
        ensure_catalogue(connection, "shop")
        import_id = begin_import(connection, catalogue="shop", feed=feed, lane=Lane.BULK, model_version_id=version_id)
        if days_ago is not None:
            connection.execute(
                text("""
                    UPDATE modiste.import SET state = 'done', finished_at = now() - make_interval(days => :days)
                    WHERE id = :id
                """),
                {"id": import_id, "days": days_ago},
            )
        connection.execute(
            text("INSERT INTO modiste.import_row (import_id, line, external_id, outcome) VALUES (:id, 2, 'A', 'new')"),
            {"id": import_id},
        )
    return import_id


def test_files_that_no_row_speaks_of_go_once_they_are_old(engine: Engine, store: Store) -> None:
    known = kept(store, Area.PHOTOS, b"of a listing")
    know(engine, known)
    stray = kept(store, Area.PHOTOS, b"of none")
    young = kept(store, Area.PHOTOS, b"of a listing that is about to be written", old=False)
    store.write(Area.THUMBNAILS, thumbnail_name(stray, 256), b"small")
    age(store, Area.THUMBNAILS, thumbnail_name(stray, 256))
    copy = kept(store, Area.COPIES, b"a copy of none")

    files, size_bytes = remove_strays(engine, store, dry=True)
    assert (dict(files), size_bytes) == ({Area.PHOTOS: 1, Area.COPIES: 1, Area.THUMBNAILS: 1}, 7 + 14 + 5)
    assert store.exists(Area.PHOTOS, stray)
    assert remove_strays(engine, store)[0] == files
    assert not store.exists(Area.PHOTOS, stray)
    assert not store.exists(Area.COPIES, copy)
    assert store.exists(Area.PHOTOS, known)
    assert store.exists(Area.PHOTOS, young)
    assert list(store.names(Area.THUMBNAILS)) == []


def test_a_stray_file_that_is_put_again_is_young_and_stays(engine: Engine, store: Store) -> None:
    """An import finds it in the store and writes its rows a moment later."""
    name = kept(store, Area.PHOTOS, b"left by an erased listing")
    assert store.put(Area.PHOTOS, b"left by an erased listing") == name
    assert remove_strays(engine, store)[0].total() == 0
    assert store.has_photo(name)


def test_feeds_that_a_plan_needs_stay(engine: Engine, store: Store, version_id: int) -> None:
    for name in ("needed", "forgotten"):
        store.write(Area.FEEDS, name, b"id,image")
        age(store, Area.FEEDS, name)
    import_id = an_import(engine, version_id)
    with transaction(engine) as connection:
        hand_in(connection, import_id, HandedIn(feed_file="needed", columns={}))
    remove_strays(engine, store)
    assert list(store.names(Area.FEEDS)) == ["needed"]


def test_reports_of_old_imports_go_and_their_counts_stay(engine: Engine, version_id: int, one: Any) -> None:
    old, recent = an_import(engine, version_id, days_ago=DAYS + 1), an_import(engine, version_id, days_ago=DAYS - 1)
    single = an_import(engine, version_id, feed=ONE_LISTING, days_ago=DAYS + 1)
    going_on = an_import(engine, version_id)
    with transaction(engine) as connection:
        found = outdated(connection, days=DAYS)
    assert (found.report_rows, found.single_imports, found.previews) == (2, 1, 0)
    drop_outdated(engine, days=DAYS)
    assert one("SELECT array_agg(import_id ORDER BY import_id) FROM modiste.import_row") == [recent, going_on]
    assert one("SELECT array_agg(id ORDER BY id) FROM modiste.import") == [old, recent, going_on]
    with transaction(engine) as connection:
        assert outdated(connection, days=DAYS).report_rows == 0
    assert single not in (old, recent)


def test_an_import_of_one_listing_stays_while_a_photo_of_it_is_in_quarantine(
    engine: Engine, version_id: int, one: Any
) -> None:
    import_id = an_import(engine, version_id, feed=ONE_LISTING, days_ago=DAYS + 1)
    with transaction(engine) as connection:
        connection.execute(
            text("""
                WITH l AS (INSERT INTO modiste.listing (catalogue, external_id, row_hash)
                           VALUES ('shop', 'A', '\\x00') RETURNING id)
                INSERT INTO modiste.photo (listing_id, position, source, state, reason, import_id)
                SELECT id, 0, 'https://img.example/1.jpg', 'quarantined', 'timeout', :id FROM l
            """),
            {"id": import_id},
        )
    drop_outdated(engine, days=DAYS)
    assert one("SELECT count(*) FROM modiste.import") == 1


def test_a_feed_that_nobody_started_goes_with_its_file(engine: Engine, store: Store, version_id: int, one: Any) -> None:
    import_id = an_import(engine, version_id)
    store.write(Area.FEEDS, "looked-at", b"id,image")
    with transaction(engine) as connection:
        hand_in(connection, import_id, HandedIn(feed_file="looked-at", columns={}), preview=True)
        connection.execute(
            text("""
                UPDATE modiste.import SET state = 'previewed', started_at = now() - interval '91 days' WHERE id = :id
            """),
            {"id": import_id},
        )
        assert outdated(connection, days=DAYS).previews == 1
    discard_previews(engine, store, days=DAYS)
    with transaction(engine) as connection:
        assert import_status(connection, import_id).state is ImportState.CANCELLED
    assert list(store.names(Area.FEEDS)) == []
    assert one("SELECT count(*) FROM modiste.plan") == 0


@pytest.mark.parametrize("count", [3, 100])
def test_some_or_all_contents_are_named(engine: Engine, count: int) -> None:
    digests = {f"{n:064x}" for n in range(20)}
    for digest in digests:
        know(engine, digest)
    with transaction(engine) as connection:
        some = some_contents(connection, count)
    assert set(some) <= digests
    assert len(set(some)) == len(some) <= min(count, 20)
    assert {digest for page in all_contents(engine) for digest in page} == digests
