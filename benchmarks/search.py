"""Similar listings among a million: recall, rows and time under filters, beside plain pgvector, in one run.

    python -m benchmarks.search [--listings 1000000] [--home FOLDER] [--queries 200] [--clients 1 8 32] [--json]

Draws the catalogue (benchmarks/many_listings.py) on an embedded stack, in FOLDER if that is given and left there for
the next run; building the index takes a quarter of an hour. What is right is found by comparing all vectors in numpy.

`plain` is what one would write without modiste: the filter joined, hnsw.ef_search 40; `iterative` the same with
hnsw.iterative_scan = relaxed_order and the rows sorted again.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2
from numpy.typing import NDArray
from sqlalchemy import Engine, text

from benchmarks.many_listings import CATEGORIES, KINDS, brand_name, category_name, fill
from cli.opening import open_stack
from cli.settings import Settings

K = 10
DIM = 256
Filters = dict[str, Any]
Asker = Callable[[Any, int, Filters], list[int]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A filter for each query, from its listing's place, its category and chance."""

    name: str
    filters: Callable[[int, str, np.random.Generator], Filters]


@dataclass(frozen=True, kw_only=True)
class Found:
    """`below_half`: queries with fewer than half of what is right. `short`: fewer rows than there are."""

    case: str
    asker: str
    keeps: float
    recall: float
    below_half: int
    short: int
    p50_ms: float
    p95_ms: float
    how: dict[str, int]


def cheaper_than(share: float) -> Callable[[int, str, np.random.Generator], Filters]:
    return lambda _listing, _category, _random: {"price_max": 1000 * share, "currency": "EUR"}


def other_category(number: int) -> Callable[[int, str, np.random.Generator], Filters]:
    """A category the query is not in: where it is, the next one."""
    return lambda _listing, category, _random: {
        "category": category_name(number if category != category_name(number) else number + 1)
    }


def any_brand(_listing: int, _category: str, random: np.random.Generator) -> Filters:
    return {"brand": brand_name(int(random.integers(CATEGORIES)), int(random.integers(KINDS)))}


def in_own_category(_place: int, category: str, _random: np.random.Generator) -> Filters:
    return {"category": category, "price_max": 100, "currency": "EUR"}


CASES = (
    Case(name="everything", filters=lambda *_: {}),
    Case(name="gender, 50 %", filters=lambda *_: {"gender": "Women"}),
    Case(name="price, 10 %", filters=cheaper_than(0.1)),
    Case(name="price, 5 %", filters=cheaper_than(0.05)),
    Case(name="price, 1 %", filters=cheaper_than(0.01)),
    Case(name="price, 0.1 %", filters=cheaper_than(0.001)),
    Case(name="attribute, 6 %", filters=lambda *_: {"attributes": "material:m3"}),
    Case(name="metadata, 12 %", filters=lambda *_: {"metadata.season": "Season 3"}),
    Case(name="own category", filters=lambda _listing, category, _random: {"category": category}),
    Case(name="far category, 22 %", filters=other_category(0)),
    Case(name="far category, 7 %", filters=other_category(2)),
    Case(name="far category, 2 %", filters=other_category(9)),
    Case(name="far category, 0.5 %", filters=other_category(45)),
    Case(name="far category and gender, 4 %", filters=lambda *a: {**other_category(2)(*a), "gender": "Women"}),
    Case(name="any brand", filters=any_brand),
    Case(name="own category, price 10 %", filters=in_own_category),
)  # fmt: skip


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="modiste-bench-") as scratch:
        home = options.home or Path(scratch)
        with open_stack(Settings(modiste_home=home, database_url=None, broker_url=None)) as stack:
            url = stack.psql_url
            version = prepare(stack.engine, options.listings)
            catalogue = Catalogue.read(stack.engine, version)
            queries = np.random.default_rng(7).choice(len(catalogue.ids), options.queries, replace=False)
            cases = [case for case in CASES if not options.cases or any(name in case.name for name in options.cases)]
            found = [
                measure(url, catalogue, case, queries, name, asker)
                for case in cases
                for name, asker in askers(version, options.askers)
            ]
            rates = [
                throughput(url, catalogue, cases, queries, clients, name, asker)
                for clients in options.clients
                for name, asker in askers(version, options.askers)
            ]
    if options.json:
        print(json.dumps({"found": [asdict(one) for one in found], "throughput": rates}, indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listings", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="default: a temporary folder")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--cases", nargs="*", default=[], help="only those with one of these words in their name")
    parser.add_argument("--askers", nargs="+", default=["modiste", "plain", "iterative"])
    parser.add_argument("--clients", nargs="*", type=int, default=[1, 8, 32])
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def prepare(engine: Engine, listings: int) -> int:
    """The version of the catalogue, which is drawn unless it is there."""
    with engine.connect() as connection:
        version = connection.scalar(text("SELECT id FROM modiste.model_version WHERE name = 'bench-1'"))
    return int(version) if version is not None else fill(engine, listings, dim=DIM)


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All vectors (n, dim) as they are stored, of listings `ids`, ascending."""

    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]
    categories: Sequence[str]
    engine: Engine

    @classmethod
    def read(cls, engine: Engine, version: int) -> "Catalogue":
        ids: list[int] = []
        categories: list[str] = []
        vectors = []
        # A list of numbers and no text of them: a million vectors as text are tens of gigabytes.
        question = text(
            f"SELECT content_id, category, vec::real[] FROM modiste.embedding_{version} ORDER BY content_id"
        )
        with engine.connect().execution_options(stream_results=True, yield_per=5_000) as connection:
            for part in connection.execute(question).partitions():
                ids += [row.content_id for row in part]
                categories += [row.category for row in part]
                vectors.append(np.array([row.vec for row in part], np.float32))
        return cls(ids=np.array(ids), vectors=np.concatenate(vectors), categories=categories, engine=engine)

    def nearest(self, place: int, passing: NDArray[np.bool_]) -> list[int]:
        """Listings nearest to the one at `place` among those that pass, itself left out."""
        distances = -(self.vectors @ self.vectors[place])
        distances[~passing] = np.inf
        distances[place] = np.inf
        best = np.argpartition(distances, K)[:K]
        best = best[np.argsort(distances[best], kind="stable")]
        return [int(self.ids[one]) for one in best if distances[one] < np.inf]

    def passing(self, filters: Filters) -> NDArray[np.bool_]:
        """Which listings pass, as a mask."""
        with self.engine.connect() as connection:
            condition = connection.scalar(
                text("SELECT modiste.filter_condition(CAST(:f AS jsonb))"), {"f": json.dumps(filters)}
            )
            cursor = connection.connection.cursor()
            cursor.execute(
                "DEALLOCATE ALL; PREPARE passing (jsonb) AS SELECT l.id FROM modiste.listing l "
                f"JOIN modiste.listing_summary s ON s.listing_id = l.id WHERE {condition}"
            )
            cursor.execute("EXECUTE passing (%s)", [json.dumps(filters)])
            kept = np.array([row[0] for row in cursor.fetchall()], np.int64)
        mask = np.zeros(len(self.ids), bool)
        mask[np.searchsorted(self.ids, kept)] = True
        return mask


def askers(version: int, names: Sequence[str]) -> list[tuple[str, Asker]]:
    def modiste(cursor: Any, listing: int, filters: Filters) -> list[int]:
        cursor.execute(
            "SELECT listing_id, how FROM modiste.similar_listings(%s, %s, %s)", [listing, K, json.dumps(filters)]
        )
        return [row[0] for row in note(cursor.fetchall())]

    def plain(settings: str) -> Asker:
        def ask(cursor: Any, listing: int, filters: Filters) -> list[int]:
            cursor.execute(settings)
            cursor.execute("SELECT modiste.filter_condition(%s)", [json.dumps(filters)])
            condition = cursor.fetchone()[0].replace("$1", "%(filters)s::jsonb")
            cursor.execute(
                f"""
                SELECT id FROM (
                    SELECT l.id, e.vec <=> (
                        SELECT vec FROM modiste.embedding_{version} WHERE content_id = %(asked)s) AS d
                    FROM modiste.embedding_{version} e
                    JOIN modiste.photo p ON p.content_id = e.content_id
                    JOIN modiste.listing l ON l.id = p.listing_id
                    JOIN modiste.listing_summary s ON s.listing_id = l.id
                    WHERE l.id <> %(asked)s AND l.available AND ({condition})
                    ORDER BY d LIMIT {K}) near
                ORDER BY d
                """,
                {"asked": listing, "filters": json.dumps(filters)},
            )
            return [row[0] for row in cursor.fetchall()]

        return ask

    known = {
        "modiste": modiste,
        "plain": plain("SET hnsw.iterative_scan = off; SET hnsw.ef_search = 40"),
        "iterative": plain("SET hnsw.iterative_scan = relaxed_order; SET hnsw.ef_search = 40"),
    }
    return [(name, known[name]) for name in names]


hows: dict[str, int] = {}


def note(rows: list[Any]) -> list[Any]:
    how = rows[0][1] if rows else "none"
    hows[how] = hows.get(how, 0) + 1
    return rows


def measure(url: str, catalogue: Catalogue, case: Case, queries: NDArray[np.int64], name: str, asker: Asker) -> Found:
    """One client, all queries of a case; the first five go before and are not counted."""
    asked = questions(catalogue, case, queries)
    masks: dict[str, NDArray[np.bool_]] = {}
    recalls, times, keeps, short = [], [], [], 0
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for place, filters in asked[:5]:
            asker(cursor, int(catalogue.ids[place]), filters)
        hows.clear()
        for place, filters in asked:
            key = json.dumps(filters, sort_keys=True)
            if key not in masks:
                masks[key] = catalogue.passing(filters)
            right = catalogue.nearest(place, masks[key])
            began = time.perf_counter()
            got = asker(cursor, int(catalogue.ids[place]), filters)
            times.append(1000 * (time.perf_counter() - began))
            recalls.append(len(set(got) & set(right)) / len(right) if right else 1.0)
            short += len(got) < len(right)
            keeps.append(float(masks[key].mean()))
    connection.close()
    found = Found(
        case=case.name,
        asker=name,
        keeps=statistics.fmean(keeps),
        recall=round(statistics.fmean(recalls), 4),
        below_half=sum(recall < 0.5 for recall in recalls),
        short=short,
        p50_ms=round(float(np.percentile(times, 50)), 1),
        p95_ms=round(float(np.percentile(times, 95)), 1),
        how=dict(hows),
    )
    print(
        f"{found.case:32}{name:10} keeps {found.keeps:7.2%}  recall {found.recall:.3f}  below half {found.below_half:3}"
        f"  short {short:3}  {found.p50_ms:7.1f} / {found.p95_ms:7.1f} ms  {found.how or ''}",
        flush=True,
    )
    return found


def questions(catalogue: Catalogue, case: Case, queries: NDArray[np.int64]) -> list[tuple[int, Filters]]:
    random = np.random.default_rng(3)
    return [
        (int(place), case.filters(int(catalogue.ids[place]), catalogue.categories[place], random)) for place in queries
    ]


def throughput(
    url: str,
    catalogue: Catalogue,
    cases: Sequence[Case],
    queries: NDArray[np.int64],
    clients: int,
    name: str,
    asker: Asker,
) -> dict[str, Any]:
    """Answers a second of so many clients that ask at once, each a question of every case in turn."""
    asked = [one for case in cases for one in questions(catalogue, case, queries[: max(8, 160 // len(cases))])]
    np.random.default_rng(5).shuffle(asked)

    def client(number: int) -> int:
        connection = psycopg2.connect(url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            for place, filters in asked[number::clients]:
                asker(cursor, int(catalogue.ids[place]), filters)
        connection.close()
        return len(asked[number::clients])

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        done = sum(pool.map(client, range(clients)))
    rate = done / (time.perf_counter() - began)
    print(f"{clients:3} clients, mixed filters  {name:10} {rate:7.1f} answers/s", flush=True)
    return {"clients": clients, "asker": name, "answers_per_s": round(rate, 1)}


if __name__ == "__main__":
    main()
