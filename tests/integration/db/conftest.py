"""A small shop on a real database, filled and emptied only through db's own functions."""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine, make_url, text

from db.batch_writes import write_batch
from db.batches import Batch, ContentRef, KnownPhoto, PhotoToPlan, Planned, RowReport
from db.catalogues import ensure_catalogue, known_listings, lock_catalogue
from db.engine import open_engine, transaction
from db.enrichments import Outcome, Seen, write_shard
from db.imports import ImportStatus, begin_import, count_batch, end_planning, import_status
from db.listings import ListingData
from db.models import activate_model, register_model
from db.shards import Lease, claim, make_shards
from db.states import Lane, RowOutcome

databases = itertools.count()
DRESS = {"Dress": 0.9}


@dataclass(frozen=True, kw_only=True)
class Item:
    """A listing for sale, and for each of its photos the name of its content and what the model sees there."""

    data: ListingData
    looks: Sequence[tuple[str, Seen]]


@dataclass(kw_only=True)
class Shop:
    """The catalogue "shop" and one active model version, "v1", with vectors of `dim` numbers."""

    engine: Engine
    version: int
    dim: int
    lines: Iterator[int] = field(default_factory=lambda: itertools.count(2))

    # values

    def content(self, name: str) -> ContentRef:
        """The content of a photo; the same name means the same bytes."""
        return ContentRef(sha256=hashlib.sha256(name.encode()).digest(), size_bytes=len(name))

    def photo(self, external_id: str, source: str | None = None, **given: Any) -> PhotoToPlan:
        values = {"position": 0, "source": source or f"{external_id}.jpg", "validator": None, **given}
        return PhotoToPlan(external_id=external_id, **values)

    def seen(
        self,
        embedding: Sequence[float] = (),
        *,
        categories: Mapping[str, float] = DRESS,
        attributes: Mapping[str, float] | None = None,
        abstained: bool = False,
    ) -> Seen:
        attributes = attributes or {}
        return Seen(
            categories=list(categories),
            category_scores=list(categories.values()),
            abstained=abstained,
            attributes=list(attributes),
            attribute_scores=list(attributes.values()),
            embedding=embedding or [1.0] + [0.0] * (self.dim - 1),
        )

    def item(self, external_id: str, *embeddings: Sequence[float], of: str | None = None, **said: Any) -> Item:
        """A listing with a photo an embedding; `of` names the content of them all, `said` goes to both sides."""
        seen = {name: said.pop(name) for name in ("categories", "attributes", "abstained") if name in said}
        looks = [
            (of or f"{external_id}/{place}", self.seen(embedding, **seen)) for place, embedding in enumerate(embeddings)
        ]
        return Item(data=ListingData(external_id=external_id, **said), looks=looks)

    # planning

    def begin(self, *, catalogue: str = "shop", version: int | None = None) -> int:
        with transaction(self.engine) as connection:
            ensure_catalogue(connection, catalogue)
            return begin_import(
                connection,
                catalogue=catalogue,
                feed="feed.csv",
                lane=Lane.BULK,
                model_version_id=version or self.version,
            )

    def write(
        self,
        import_id: int,
        *,
        listings: Iterable[ListingData] = (),
        photos: Iterable[PhotoToPlan] = (),
        replaced: Sequence[KnownPhoto] = (),
        gone: Mapping[str, Sequence[KnownPhoto]] | None = None,
        catalogue: str = "shop",
        version: int | None = None,
        photos_per_shard: int = 100_000,
    ) -> tuple[Planned, list[int]]:
        """One batch as the planner writes it; what it planned, and the shards of its pending photos."""
        listings, photos, gone = list(listings), list(photos), gone or {}
        version = version or self.version
        with_photos = {p.external_id for p in photos} | set(gone)
        with transaction(self.engine) as connection:
            lock_catalogue(connection, catalogue)
            ids = with_photos | {d.external_id for d in listings}
            known = known_listings(connection, catalogue, dict.fromkeys(ids, b""), model_version_id=version)
            batch = Batch(
                rows=[
                    RowReport(
                        line=next(self.lines),
                        external_id=e,
                        outcome=RowOutcome.CHANGED if e in known else RowOutcome.NEW,
                    )
                    for e in sorted(with_photos | {d.external_id for d in listings})
                ],
                known={e: listing.id for e, listing in known.items()},
                listings=[(data, hashlib.sha256(repr(data).encode()).digest()) for data in listings],
                photos=photos,
                replaced=replaced,
                gone=[photo for photos in gone.values() for photo in photos],
                touched_listing_ids=[known[e].id for e in with_photos if e in known],
            )
            planned = write_batch(
                connection, import_id=import_id, catalogue=catalogue, model_version_id=version, batch=batch
            )
            shards = make_shards(
                connection,
                import_id=import_id,
                model_version_id=version,
                lane=Lane.BULK,
                photo_ids=planned.pending_photo_ids,
                photos_per_shard=photos_per_shard,
            )
            count_batch(connection, import_id, batch, planned)
        return planned, shards

    def end_planning(self, import_id: int, error: str | None = None) -> None:
        with transaction(self.engine) as connection:
            end_planning(connection, import_id, error)

    def plan(self, *external_ids: str, photos_per_shard: int = 100_000) -> tuple[int, list[int]]:
        """A whole import of new listings with one photo each; its id and its shards."""
        import_id = self.begin()
        _, shards = self.write(
            import_id,
            listings=[ListingData(external_id=e) for e in external_ids],
            photos=[self.photo(e) for e in external_ids],
            photos_per_shard=photos_per_shard,
        )
        self.end_planning(import_id)
        return import_id, shards

    # working

    def claim(self, shard_id: int, *, worker: str = "ann", lease_s: float = 60.0) -> Lease | None:
        with transaction(self.engine) as connection:
            return claim(connection, shard_id, worker=worker, lease_s=lease_s)

    def take(self, shard_id: int, *, worker: str = "ann", lease_s: float = 60.0) -> Lease:
        """A claim that must succeed."""
        lease = self.claim(shard_id, worker=worker, lease_s=lease_s)
        assert lease is not None
        return lease

    def dresses(self, lease: Lease) -> list[Outcome]:
        """Every photo shows a dress; its content is known by its source."""
        return [Outcome(photo_id=p.id, content=self.content(p.source), seen=self.seen()) for p in lease.photos]

    def finish(self, lease: Lease, outcomes: Sequence[Outcome] | None = None) -> None:
        with transaction(self.engine) as connection:
            write_shard(connection, lease, self.dresses(lease) if outcomes is None else outcomes, work_s=0.1)

    def stock(self, *items: Item, catalogue: str = "shop", version: int | None = None) -> dict[str, int]:
        """Puts listings up for sale, enriched; their ids by external id."""
        import_id = self.begin(catalogue=catalogue, version=version)
        looks = {f"{i.data.external_id}/{place}": look for i in items for place, look in enumerate(i.looks)}
        _, shards = self.write(
            import_id,
            listings=[i.data for i in items],
            photos=[
                self.photo(i.data.external_id, f"{i.data.external_id}/{place}", position=place)
                for i in items
                for place in range(len(i.looks))
            ],
            catalogue=catalogue,
            version=version,
        )
        self.end_planning(import_id)
        for lease in map(self.take, shards):
            outcomes = []
            for photo in lease.photos:
                name, seen = looks[photo.source]
                outcomes.append(Outcome(photo_id=photo.id, content=self.content(f"{catalogue}/{name}"), seen=seen))
            self.finish(lease, outcomes)
        found = self.rows("SELECT external_id, id FROM modiste.listing WHERE catalogue = :c", c=catalogue)
        return {row["external_id"]: row["id"] for row in found}

    # looking

    def known_photo(self, external_id: str, source: str | None = None) -> KnownPhoto:
        with transaction(self.engine) as connection:
            known = known_listings(connection, "shop", {external_id: b""}, model_version_id=self.version)
        return known[external_id].photos[source or f"{external_id}.jpg"]

    def status(self, import_id: int) -> ImportStatus:
        with transaction(self.engine) as connection:
            return import_status(connection, import_id)

    def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with transaction(self.engine) as connection:
            result = connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    def one(self, statement: str, **values: Any) -> Any:
        """The one value of the one row."""
        (row,) = self.rows(statement, **values)
        (value,) = row.values()
        return value


def open_shop(engine: Engine, dim: int = 3) -> Shop:
    with transaction(engine) as connection:
        version = register_model(
            connection, name="v1", embedding_dim=dim, exclusive_groups=["colour"], manifest={"version": "v1"}
        )
        activate_model(connection, "v1")
    return Shop(engine=engine, version=version, dim=dim)


@pytest.fixture(name="open_shop")
def _open_shop() -> Callable[[Engine], Shop]:
    """Opens a shop in a database of the test's own."""
    return open_shop


@pytest.fixture
def shop(scratch: Engine) -> Shop:
    """An empty shop."""
    empty(scratch)
    return open_shop(scratch)


@pytest.fixture(scope="module")
def module_shop(request: pytest.FixtureRequest, servers: Any, template: str) -> Iterator[Shop]:
    """A shop for a whole module, whose tests only read what the first of them stocked."""
    with migrated_database(servers, template) as engine:
        yield open_shop(engine, getattr(request.module, "DIM", 3))


@pytest.fixture(scope="session")
def scratch(servers: Any, template: str) -> Iterator[Engine]:
    """One database that is emptied for each test: four times as fast as a new one."""
    with migrated_database(servers, template) as engine:
        yield engine


@contextmanager
def migrated_database(servers: Any, template: str) -> Iterator[Engine]:
    name = f"shop_{next(databases)}"
    admin = open_engine(servers.database_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as outside:
        outside.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        url = make_url(getattr(servers, "tested_url", servers.database_url)).set(database=name)
        engine = open_engine(url.render_as_string(hide_password=False))
        yield engine
        engine.dispose()
        outside.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def empty(engine: Engine) -> None:
    """As the migrations left it."""
    with transaction(engine) as connection:
        tables = connection.scalars(
            text("""
                SELECT oid::regclass::text FROM pg_class
                WHERE relnamespace = 'modiste'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
            """)
        ).all()
        vectors = [name for name in tables if "embedding_" in name]
        if vectors:
            connection.execute(text(f"DROP TABLE {', '.join(vectors)}"))
        connection.execute(text(f"TRUNCATE {', '.join(set(tables) - set(vectors))} RESTART IDENTITY"))
