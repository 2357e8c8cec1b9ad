"""A catalogue of a million listings in seconds: drawn vectors that cluster as real embeddings do, and what sellers say.

Fifty categories of unequal size, forty kinds of thing in each, a vector a listing that varies in 24 directions around
its kind. Gender, price and material are drawn without a look at the vector; a brand goes with the kind, so that it
picks listings that lie together, near to some queries and far from most.
"""

import struct
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, text

from db.catalogues import ensure_catalogue
from db.engine import transaction
from db.imports import begin_import, end_planning
from db.indexes import CATEGORY_WORTH_AN_INDEX, VectorIndex, build_index
from db.models import activate_model, register_model
from db.states import Lane

CATALOGUE = "bench"
CATEGORIES, KINDS, DIRECTIONS = 50, 40, 24
AT_ONCE = 50_000
Vectors = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Unit vectors (n, dim), and of each the category and the kind it was drawn around, as numbers."""

    vectors: Vectors
    categories: NDArray[np.int64]
    kinds: NDArray[np.int64]


class World:
    """Where categories and kinds lie; draws listings among them. The same seed draws the same."""

    def __init__(self, *, dim: int, seed: int = 1) -> None:
        self.dim = dim
        self._random = np.random.default_rng(seed)
        self._centres = self._random.normal(size=(CATEGORIES, 1, dim))
        self._kinds = self._centres + 0.7 * self._random.normal(size=(CATEGORIES, KINDS, dim))
        self._directions = self._random.normal(size=(CATEGORIES, DIRECTIONS, dim)) * 0.25
        shares = 1 / np.arange(1, CATEGORIES + 1)
        self._shares = shares / shares.sum()

    def draw(self, count: int) -> Drawn:
        categories = self._random.choice(CATEGORIES, size=count, p=self._shares)
        kinds = self._random.integers(KINDS, size=count)
        latent = self._random.normal(size=(count, DIRECTIONS))
        vectors = self._kinds[categories, kinds] + np.einsum("nd,ndx->nx", latent, self._directions[categories])
        vectors += 0.05 * self._random.normal(size=vectors.shape)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Drawn(vectors=vectors.astype(np.float32), categories=categories, kinds=kinds)


class Upsampled:
    """Draws listings around the vectors of real photos: one of them, and noise.

    The noise is as far as their nearest neighbour is from each at the median, so that clusters keep their shape.
    Categories become numbers, the larger the lower; a kind is a group of photos that are near to each other.
    """

    def __init__(self, *, vectors: Vectors, categories: Sequence[str], seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)
        self._vectors = vectors
        self.dim = vectors.shape[1]
        ranks = {name: rank for rank, (name, _) in enumerate(Counter(categories).most_common())}
        self._categories = np.array([min(ranks[name], CATEGORIES - 1) for name in categories])
        centres = self._random.choice(len(vectors), KINDS, replace=False)
        self._kinds = np.argmax(vectors @ vectors[centres].T, axis=1)
        likeness = vectors @ vectors.T
        np.fill_diagonal(likeness, -1)
        self._distance = float(np.sqrt(max(0.0, 2 - 2 * np.median(likeness.max(axis=1)))))

    def draw(self, count: int) -> Drawn:
        chosen = self._random.integers(len(self._vectors), size=count)
        noise = self._random.normal(size=(count, self.dim)) * (self._distance / np.sqrt(self.dim))
        vectors = self._vectors[chosen] + noise
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Drawn(vectors=vectors.astype(np.float32), categories=self._categories[chosen], kinds=self._kinds[chosen])


def category_name(number: int) -> str:
    return f"Category {number:02d}"


def brand_name(category: int, kind: int) -> str:
    """A brand makes the same kind in a few categories."""
    return f"Brand {category // 10}-{kind}"


def fill(engine: Engine, listings: int, world: World | Upsampled) -> int:
    """Writes a catalogue of so many listings, a photo each, builds the index, and returns the model version's id.

    Straight into the tables, in the state in which an import leaves them; only reports and shards are missing.
    """
    with transaction(engine) as connection:
        version = register_model(
            connection, name="bench-1", embedding_dim=world.dim, exclusive_groups=[], manifest={"version": "bench-1"}
        )
        activate_model(connection, "bench-1")
        ensure_catalogue(connection, CATALOGUE)
        import_id = begin_import(
            connection, catalogue=CATALOGUE, feed="drawn", lane=Lane.BULK, model_version_id=version
        )
        end_planning(connection, import_id)
    for start in range(0, listings, AT_ONCE):
        with transaction(engine) as connection:
            add(connection, world.draw(min(AT_ONCE, listings - start)), start, version, import_id)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))
    build_indexes(engine, version)
    return version


def build_indexes(engine: Engine, version: int) -> None:
    """All that the scheduler builds, one after the other, with what each took."""
    with engine.connect() as connection:
        large = connection.scalars(
            text(f"""
                SELECT category FROM modiste.embedding_{version} GROUP BY category
                HAVING count(*) >= :large ORDER BY count(*) DESC
            """),
            {"large": CATEGORY_WORTH_AN_INDEX},
        ).all()
    for category in (None, *large):
        began = time.perf_counter()
        build_index(engine, VectorIndex(version_id=version, category=category), memory="3GB")
        print(f"index of {category or 'all'}: {time.perf_counter() - began:.0f} s", flush=True)


def add(connection: Connection, drawn: Drawn, start: int, version: int, import_id: int) -> None:
    """Contents, listings, photos, vectors and summaries; ids count on from `start`, and are the same in all tables."""
    copy_binary(connection, f"modiste.embedding_{version} (content_id, category, vec)", vector_rows(drawn, start))
    connection.execute(text("CREATE TEMPORARY TABLE drawn (id bigint, category integer, kind integer) ON COMMIT DROP"))
    ids = np.arange(start + 1, start + 1 + len(drawn.kinds))
    connection.execute(
        text("INSERT INTO drawn SELECT * FROM unnest(CAST(:i AS bigint[]), CAST(:c AS int[]), CAST(:k AS int[]))"),
        {"i": ids.tolist(), "c": drawn.categories.tolist(), "k": drawn.kinds.tolist()},
    )
    values = {"import": import_id, "version": version, "catalogue": CATALOGUE}
    for statement in TABLES:
        connection.execute(text(statement), values)


# `hashint8` draws: the same listing says the same in every run.
TABLES = (
    """
    INSERT INTO modiste.content (id, sha256, size_bytes, width_px, height_px) OVERRIDING SYSTEM VALUE
    SELECT id, sha256(int8send(id)), 5000, 224, 224 FROM drawn
    """,
    """
    INSERT INTO modiste.listing (id, catalogue, external_id, title, brand, price, currency, gender, colour, seller,
                                 seller_category, metadata, row_hash) OVERRIDING SYSTEM VALUE
    SELECT id, :catalogue, 'L' || id, 'Listing ' || id, format('Brand %s-%s', category / 10, kind),
           (hashint8(id) & 1048575) / 1048.576, 'EUR', CASE hashint8(id + 1) & 1 WHEN 0 THEN 'Women' ELSE 'Men' END,
           'Colour ' || (hashint8(id + 2) & 15), 'Seller ' || (hashint8(id + 3) & 255), 'Kind ' || kind,
           jsonb_build_object('season', 'Season ' || (hashint8(id + 4) & 7)), int8send(id)
    FROM drawn
    """,
    """
    INSERT INTO modiste.photo (id, listing_id, position, source, content_id, state, import_id) OVERRIDING SYSTEM VALUE
    SELECT id, id, 0, 'https://img.example/' || id || '.jpg', id, 'enriched', :import FROM drawn
    """,
    """
    INSERT INTO modiste.listing_summary (listing_id, model_version_id, category, category_score, abstained, attributes,
                                         attribute_scores, photos, enriched_at)
    SELECT id, :version, 'Category ' || lpad(category::text, 2, '0'), 0.9, false,
           ARRAY['material:m' || (hashint8(id + 5) & 15), 'fit:f' || (hashint8(id + 6) & 3)], '{0.9,0.8}', 1, now()
    FROM drawn
    """,
)


def copy_binary(connection: Connection, target: str, rows: bytes) -> None:
    cursor = connection.connection.cursor()
    cursor.copy_expert(f"COPY {target} FROM STDIN (FORMAT binary)", BytesIO(rows))
    cursor.close()


def vector_rows(drawn: Drawn, start: int) -> bytes:
    """Rows of a vector table in COPY's binary format; categories have names of one length, so rows do too."""
    count, dim = drawn.vectors.shape
    name_length = len(category_name(0))
    row: Any = np.dtype([
        ("fields", ">i2"), ("id_length", ">i4"), ("id", ">i8"), ("name_length", ">i4"), ("name", f"S{name_length}"),
        ("vec_length", ">i4"), ("dim", ">i2"), ("unused", ">i2"), ("vec", ">f2", (dim,)),
    ])  # fmt: skip
    rows = np.zeros(count, row)
    rows["fields"], rows["id_length"], rows["id"] = 3, 8, np.arange(start + 1, start + 1 + count)
    rows["name_length"], rows["name"] = name_length, np.array([category_name(n) for n in drawn.categories], "S")
    rows["vec_length"], rows["dim"], rows["vec"] = 4 + 2 * dim, dim, drawn.vectors
    header = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
    return header + rows.tobytes() + struct.pack(">h", -1)
