"""What turnover does to the vector index: its size, its recall and time, before and after VACUUM and REINDEX.

    python -m benchmarks.churn --home FOLDER [--share 0.2] [--rounds 3] [--json]

FOLDER is one that `python -m benchmarks.search --home FOLDER` made. A round gives a share of all contents other
vectors, as a shop does that replaces its photos, one row at a time into the live index.
"""

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, text

from benchmarks.many_listings import World, copy_binary, vector_rows
from cli.opening import open_stack
from cli.settings import Settings
from db.engine import transaction
from db.indexes import index_of

QUERIES = 60
K = 10


@dataclass(frozen=True, kw_only=True)
class State:
    """Of the index of all vectors: its size, and how the unfiltered question fares."""

    after: str
    seconds: float
    index_mb: float
    recall: float
    p50_ms: float


def main() -> None:
    options = parse()
    states = []
    with open_stack(Settings(modiste_home=options.home, database_url=None, broker_url=None)) as stack:
        engine = stack.engine
        with engine.connect() as connection:
            version, dim = connection.execute(
                text("SELECT id, embedding_dim FROM modiste.model_version WHERE state = 'active'")
            ).one()
            count = connection.scalar(text(f"SELECT count(*) FROM modiste.embedding_{version}"))
        states.append(look(engine, version, "beginning", 0))
        world = World(dim=dim)
        for number in range(1, options.rounds + 1):
            seconds = replace(engine, world, version, int(count * options.share), seed=number)
            states.append(look(engine, version, f"round {number}", seconds))
            states.append(look(engine, version, "VACUUM", run(engine, f"VACUUM modiste.embedding_{version}")))
        seconds = run(engine, f"REINDEX INDEX CONCURRENTLY modiste.{index_of(version)}")
        states.append(look(engine, version, "REINDEX", seconds))
    if options.json:
        print(json.dumps([asdict(state) for state in states], indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def replace(engine: Engine, world: World, version: int, count: int, *, seed: int) -> float:
    """Gives `count` drawn contents the vectors of others of their category; seconds."""
    began = time.perf_counter()
    with transaction(engine) as connection:
        connection.execute(text(f"CREATE TEMPORARY TABLE made (LIKE modiste.embedding_{version}) ON COMMIT DROP"))
        copy_binary(connection, "made (content_id, category, vec)", vector_rows(world.draw(count), 0))
        connection.execute(
            text(f"""
                WITH numbered AS (
                    SELECT content_id, category,
                           row_number() OVER (PARTITION BY category ORDER BY hashint8(content_id + :seed)) AS place
                    FROM modiste.embedding_{version}
                ), given AS (
                    SELECT category, vec, row_number() OVER (PARTITION BY category ORDER BY content_id) AS place
                    FROM made
                )
                UPDATE modiste.embedding_{version} e SET vec = given.vec
                FROM numbered JOIN given USING (category, place) WHERE e.content_id = numbered.content_id
            """),
            {"seed": 1000 * seed},
        )
    return time.perf_counter() - began


def run(engine: Engine, statement: str) -> float:
    began = time.perf_counter()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
    return time.perf_counter() - began


def look(engine: Engine, version: int, after: str, seconds: float) -> State:
    recalls, times = [], []
    with engine.connect() as connection:
        listings = connection.scalars(
            text("SELECT id FROM modiste.listing ORDER BY hashint8(id), id LIMIT :n"), {"n": QUERIES}
        ).all()
        for listing in listings:
            values = {"id": listing, "k": K}
            right = connection.scalars(text("SELECT similar_id FROM modiste.exact_listings(:id, :k)"), values).all()
            for _ in range(2):
                began = time.perf_counter()
                found = connection.scalars(
                    text("SELECT listing_id FROM modiste.similar_listings(:id, :k)"), values
                ).all()
                took = time.perf_counter() - began
            times.append(1000 * took)
            recalls.append(len(set(found) & set(right)) / len(right))
        size = connection.scalar(text("SELECT pg_relation_size(:name)"), {"name": f"modiste.{index_of(version)}"})
    state = State(
        after=after,
        seconds=round(seconds, 1),
        index_mb=round(size / 1e6, 1),
        recall=round(statistics.fmean(recalls), 4),
        p50_ms=round(float(np.median(times)), 1),
    )
    print(
        f"{state.after:12} {state.seconds:7.1f} s   index {state.index_mb:7.1f} MB   recall {state.recall:.3f}   "
        f"{state.p50_ms:5.1f} ms",
        flush=True,
    )
    return state


if __name__ == "__main__":
    main()
