"""Similar listings among a million: recall, rows and time under filters, beside plain pgvector, in one run.

    python -m benchmarks.search [--listings 1000000] [--home FOLDER] [--like FOLDER] [--queries 200] [--clients 1 8 32]

Draws the catalogue (benchmarks/many_listings.py) on an embedded stack, in FOLDER if that is given and left there for
the next run; building the index takes a quarter of an hour. With `--like` its vectors are those that the embedded stack
in that folder has of real photos, each many times with noise. What is right is found by comparing all vectors in numpy,
before any question is timed.

`plain` is what one would write without modiste: the filter joined, hnsw.ef_search 40; `iterative` the same with
hnsw.iterative_scan = relaxed_order and the rows sorted again; `plain-100` with an hnsw.ef_search of 100, at which it
finds without a filter about what modiste does.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2
from numpy.typing import NDArray
from sqlalchemy import Engine, text

from benchmarks.many_listings import CATEGORIES, KINDS, Upsampled, World, brand_name, category_name, fill
from cli.opening import open_stack
from cli.settings import Settings

K = 10
DIM = 256
QUESTIONS_AT_ONCE = 640
Filters = dict[str, Any]
Asker = Callable[[Any, int, Filters], list[int]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A filter for each query, from its listing's place, its category and chance."""

    name: str
    filters: Callable[[int, str, np.random.Generator], Filters]


@dataclass(frozen=True, kw_only=True)
class Question:
    """A query with its filter: the asked listing, how many listings pass (0 to 1), and the k that are right."""

    listing: int
    filters: Filters
    keeps: float
    right: list[int]


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


# What a shop asks: half of it without a filter of its own, the rest by what its pages offer, rarely what lies far away.
MIX = {
    "everything": 10, "own category": 4, "gender, 50 %": 2, "price, 10 %": 1, "any brand": 1,
    "own category, price 10 %": 1, "far category, 7 %": 1,
}  # fmt: skip


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="modiste-bench-") as scratch:
        home = options.home or Path(scratch)
        with open_stack(Settings(modiste_home=home, database_url=None, broker_url=None)) as stack:
            url = stack.psql_url
            version = prepare(stack.engine, options)
            asked = questions(stack.engine, version, options.queries, options.cases)
            found = [
                measure(url, case, some, name, asker)
                for case, some in asked.items()
                for name, asker in askers(version, options.askers)
            ]
            rates = [
                throughput(url, asked, clients, name, asker)
                for clients in options.clients
                for name, asker in askers(version, options.askers)
            ]
    if options.json:
        print(json.dumps({"found": [asdict(one) for one in found], "throughput": rates}, indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listings", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="default: a temporary folder")
    parser.add_argument("--like", type=Path, help="a MODISTE_HOME with a catalogue; default: drawn vectors")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--cases", nargs="*", default=[], help="only those with one of these words in their name")
    parser.add_argument("--askers", nargs="+", default=["modiste", "plain", "iterative", "plain-100"])
    parser.add_argument("--clients", nargs="*", type=int, default=[1, 8, 32])
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def prepare(engine: Engine, options: argparse.Namespace) -> int:
    """The version of the catalogue, which is drawn unless it is there."""
    with engine.connect() as connection:
        version = connection.scalar(text("SELECT id FROM modiste.model_version WHERE name = 'bench-1'"))
    if version is not None:
        return int(version)
    world: World | Upsampled = World(dim=DIM)
    if options.like:
        with open_stack(Settings(modiste_home=options.like, database_url=None, broker_url=None)) as stack:
            active = stack.engine.connect().scalar(text("SELECT id FROM modiste.model_version WHERE state = 'active'"))
            seen = read_vectors(stack.engine, active)
        world = Upsampled(vectors=seen.vectors, categories=seen.categories)
    return fill(engine, options.listings, world)


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """All vectors (n, dim) as they are stored, of listings `ids`, ascending; `categories` by name."""

    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]
    categories: Sequence[str]


def read_vectors(engine: Engine, version: int) -> Vectors:
    with engine.connect() as connection:
        categories = connection.scalars(
            text(f"SELECT category FROM modiste.embedding_{version} ORDER BY content_id")
        ).all()
        file = BytesIO()
        rows = f"SELECT content_id, vec FROM modiste.embedding_{version} ORDER BY content_id"
        connection.connection.cursor().copy_expert(f"COPY ({rows}) TO STDOUT (FORMAT binary)", file)
    dim = (int.from_bytes(file.getbuffer()[33:37], "big") - 4) // 2
    row: Any = np.dtype([
        ("fields", ">i2"), ("id_length", ">i4"), ("id", ">i8"), ("vec_length", ">i4"), ("dim", ">i2"),
        ("unused", ">i2"), ("vec", ">f2", (dim,)),
    ])  # fmt: skip
    read = np.frombuffer(file.getbuffer(), row, count=len(categories), offset=19)
    return Vectors(ids=read["id"].astype(np.int64), vectors=read["vec"].astype(np.float32), categories=categories)


def questions(engine: Engine, version: int, count: int, named: Sequence[str]) -> dict[str, list[Question]]:
    """By case, so many drawn listings with their filters and what is right for them."""
    all_of = read_vectors(engine, version)
    places = np.random.default_rng(7).choice(len(all_of.ids), count, replace=False)
    # The vectors are of length 1, up to the rounding of half precision, by which cosine divides.
    lengths = np.linalg.norm(all_of.vectors, axis=1)
    distances = -(all_of.vectors[places] @ all_of.vectors.T) / lengths
    distances[np.arange(count), places] = np.inf
    masks: dict[str, NDArray[np.bool_]] = {}
    asked: dict[str, list[Question]] = {}
    for case in CASES:
        if named and not any(name in case.name for name in named):
            continue
        random = np.random.default_rng(3)
        asked[case.name] = []
        for number, place in enumerate(places):
            filters = case.filters(int(all_of.ids[place]), all_of.categories[place], random)
            key = json.dumps(filters, sort_keys=True)
            if key not in masks:
                masks[key] = passing(engine, all_of.ids, filters)
            asked[case.name].append(
                Question(
                    listing=int(all_of.ids[place]),
                    filters=filters,
                    keeps=float(masks[key].mean()),
                    right=nearest(all_of.ids, distances[number], masks[key]),
                )
            )
    return asked


def nearest(ids: NDArray[np.int64], distances: NDArray[np.float32], passing: NDArray[np.bool_]) -> list[int]:
    """The listings that pass with the smallest distances, at most K."""
    there = np.flatnonzero(passing & np.isfinite(distances))
    if len(there) > K:
        there = there[np.argpartition(distances[there], K)[:K]]
    return [int(ids[one]) for one in there[np.argsort(distances[there], kind="stable")]]


def passing(engine: Engine, ids: NDArray[np.int64], filters: Filters) -> NDArray[np.bool_]:
    """Which listings pass, as a mask."""
    with engine.connect() as connection:
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
    mask = np.zeros(len(ids), bool)
    mask[np.searchsorted(ids, kept)] = True
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
        "plain-100": plain("SET hnsw.iterative_scan = off; SET hnsw.ef_search = 100"),
        "iterative": plain("SET hnsw.iterative_scan = relaxed_order; SET hnsw.ef_search = 40"),
    }
    return [(name, known[name]) for name in names]


hows: dict[str, int] = {}


def note(rows: list[Any]) -> list[Any]:
    how = rows[0][1] if rows else "none"
    hows[how] = hows.get(how, 0) + 1
    return rows


def measure(url: str, case: str, asked: Sequence[Question], name: str, asker: Asker) -> Found:
    """One client, all questions of a case, in two rounds: the second is timed, with what it needs in memory."""
    recalls, times, short = [], [], 0
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        for question in asked:
            asker(cursor, question.listing, question.filters)
        hows.clear()
        for question in asked:
            began = time.perf_counter()
            got = asker(cursor, question.listing, question.filters)
            times.append(1000 * (time.perf_counter() - began))
            recalls.append(len(set(got) & set(question.right)) / len(question.right) if question.right else 1.0)
            short += len(got) < len(question.right)
    found = Found(
        case=case,
        asker=name,
        keeps=statistics.fmean(question.keeps for question in asked),
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


def throughput(
    url: str, asked: Mapping[str, Sequence[Question]], clients: int, name: str, asker: Asker
) -> dict[str, Any]:
    """Answers a second of so many clients that ask at once: without a filter, and by the mix."""
    random = np.random.default_rng(5)
    rates = {}
    for mix, weights in (("unfiltered", {"everything": 20}), ("mix", MIX)):
        cases = [case for case, weight in weights.items() for _ in range(weight) if case in asked]
        if not cases:
            continue
        drawn = [asked[random.choice(cases)] for _ in range(QUESTIONS_AT_ONCE)]
        batch = [some[int(random.integers(len(some)))] for some in drawn]

        def client(number: int, batch: Sequence[Question] = batch) -> None:
            with closing(psycopg2.connect(url)) as connection:
                connection.autocommit = True
                cursor = connection.cursor()
                for question in batch[number::clients]:
                    asker(cursor, question.listing, question.filters)

        began = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(client, range(clients)))
        rates[mix] = round(len(batch) / (time.perf_counter() - began), 1)
        print(f"{clients:3} clients, {mix:12} {name:12} {rates[mix]:7.1f} answers/s", flush=True)
    return {"clients": clients, "asker": name, "answers_per_s": rates}


if __name__ == "__main__":
    main()
