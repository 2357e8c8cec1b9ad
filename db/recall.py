"""Recall as a metric: how much of what comparing everything finds, `similar_listings` finds.

A filter is asked from inside, by listings that pass it, and from outside, by others of the catalogue: these are farther
from what passes, and harder. Each question is a transaction of its own, so that no long one holds VACUUM back.
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from db.engine import transaction
from db.errors import NoActiveModel, NotEnriched, NotMeasured, OtherVersionActive, UnknownListing
from db.recall_filters import Probe, draw_probes
from db.similarity import similar_listings

RECALL_LOCK = 0x6D6F6403
KEPT_DAYS = 400
QUERY_CANCELED = "57014"
# Two distances of one vector may differ in the last bits, by the way they were summed.
SAME_SCORE = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class Recall:
    """What one check says of one filter, asked from `inside` or outside it.

    `kept_share` and `estimated_share`: of the catalogue's available listings, counted and as the planner takes it.
    `recall`: share of the first k found, mean over `queries`, of which `below_half` found less than half; None, with
    the times, where no comparison came to an end.
    """

    filter: Mapping[str, Any]
    inside: bool
    kept_share: float
    estimated_share: float
    k: int
    queries: int
    below_half: int
    recall: float | None
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """All that one run of `check_recall` says; filters that keep most come first."""

    checked_at: datetime
    model_version: str
    rows: Sequence[Recall]

    @property
    def recall(self) -> float | None:
        """Mean over all queries."""
        measured = [(row.recall, row.queries) for row in self.rows if row.recall is not None]
        queries = sum(count for _, count in measured)
        return sum(recall * count for recall, count in measured) / queries if queries else None


def check_recall(
    engine: Engine, *, queries: int, k: int, limit_s: float, on_filter: Callable[[int, int, Probe], None] | None = None
) -> Check:
    """Asks `queries` listings under each of some filters drawn from the largest catalogue; a row each is kept.

    Takes at most about `limit_s`, in equal parts for what is left to do: a filter that runs out of its part says what
    it has. `on_filter` is told how many filters are done, of how many, and the next one. Raises `NoActiveModel`,
    `NotMeasured` where there is nothing to ask, and `OtherVersionActive` where that changes on the way.
    """
    until = time.monotonic() + limit_s
    try:
        with transaction(engine) as connection:
            limit_statements(connection, limit_s)
            version, name, now = active(connection)
            probes = draw_probes(connection, version, queries=queries, more_than=k)
    except DBAPIError as error:
        if not timed_out(error):
            raise
        raise NotMeasured(f"filters could not be drawn from the catalogue within {limit_s:g} s") from error
    if not probes:
        raise NotMeasured(f"no catalogue has more than {k} available listings that {name} has seen")
    rows = []
    for done, probe in enumerate(probes):
        if on_filter is not None:
            on_filter(done, len(probes), probe)
        part_s = (until - time.monotonic()) / (len(probes) - done)
        rows.append(measure(engine, version, probe, k=k, part_s=part_s))
        with transaction(engine) as connection:
            keep(connection, version, now, rows[-1])
    return Check(checked_at=now, model_version=name, rows=rows)


def active(connection: Connection) -> tuple[int, str, datetime]:
    row = connection.execute(
        text("SELECT id, name, now() FROM modiste.model_version WHERE state = 'active'")
    ).one_or_none()
    if row is None:
        raise NoActiveModel
    return row[0], row[1], row[2]


def limit_statements(connection: Connection, seconds: float) -> None:
    connection.execute(
        text("SELECT set_config('statement_timeout', :ms, true)"), {"ms": str(max(1, round(1000 * seconds)))}
    )


def timed_out(error: DBAPIError) -> bool:
    return getattr(error.orig, "pgcode", None) == QUERY_CANCELED


def measure(engine: Engine, version: int, probe: Probe, *, k: int, part_s: float) -> Recall:
    until = time.monotonic() + part_s
    recalls: list[float] = []
    times_ms: list[float] = []
    for listing_id in probe.asked:
        try:
            with transaction(engine) as connection:
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
                limit_statements(connection, until - time.monotonic())
                found, took_ms = compare(connection, version, listing_id, k, probe.filters)
        except (NotEnriched, UnknownListing):  # gone since it was drawn
            continue
        except DBAPIError as error:
            if not timed_out(error):
                raise
            break
        recalls.append(found)
        times_ms.append(took_ms)
    return Recall(
        filter=probe.filters,
        inside=probe.inside,
        kept_share=probe.kept_share,
        estimated_share=probe.estimated_share,
        k=k,
        queries=len(recalls),
        below_half=sum(recall < 0.5 for recall in recalls),
        recall=fmean(recalls) if recalls else None,
        p50_ms=percentile(times_ms, 0.5),
        p95_ms=percentile(times_ms, 0.95),
    )


def compare(
    connection: Connection, version: int, listing_id: int, k: int, filters: Mapping[str, Any]
) -> tuple[float, float]:
    """Recall of one question and its milliseconds. Planned first: comparing all warms the cache."""
    if active(connection)[0] != version:
        raise OtherVersionActive("another model version became active during the check; ask again")
    began = time.perf_counter()
    answer = similar_listings(connection, listing_id, k=k, filters=filters)
    took_ms = 1000 * (time.perf_counter() - began)
    exact = connection.scalars(
        text("SELECT score FROM modiste.exact_listings(:id, :k, CAST(:filters AS jsonb))"),
        {"id": listing_id, "k": k, "filters": json.dumps(dict(filters))},
    ).all()
    return recall_of([row.score for row in answer], exact), took_ms


def recall_of(found: Iterable[float], exact: Sequence[float]) -> float:
    """By scores, as of several listings with the same one any is right."""
    if not exact:
        return 1.0
    least = min(exact) - SAME_SCORE
    return min(len(exact), sum(score >= least for score in found)) / len(exact)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that `share` of them do not exceed."""
    return sorted(values)[math.ceil(share * len(values) - 1e-9) - 1] if values else None


def keep(connection: Connection, version: int, checked_at: datetime, row: Recall) -> None:
    """Writes the row; rows older than `KEPT_DAYS` go."""
    connection.execute(
        text("DELETE FROM modiste.recall_check WHERE checked_at < now() - make_interval(days => :days)"),
        {"days": KEPT_DAYS},
    )
    connection.execute(
        text("""
            INSERT INTO modiste.recall_check (checked_at, model_version_id, filter, inside, kept_share, estimated_share,
                                              k, queries, below_half, recall, p50_ms, p95_ms)
            VALUES (:checked_at, :version, CAST(:filter AS jsonb), :inside, :kept_share, :estimated_share,
                    :k, :queries, :below_half, :recall, :p50_ms, :p95_ms)
        """),
        {name: getattr(row, name) for name in Recall.__slots__ if name != "filter"}
        | {"filter": json.dumps(dict(row.filter)), "version": version, "checked_at": checked_at},
    )


def last_checks(connection: Connection, count: int) -> list[Check]:
    """The newest checks, newest first, of whichever version."""
    rows = connection.execute(
        text("""
            SELECT c.checked_at, v.name, c.filter, c.inside, c.kept_share, c.estimated_share, c.k, c.queries,
                   c.below_half, c.recall, c.p50_ms, c.p95_ms
            FROM (SELECT DISTINCT model_version_id, checked_at FROM modiste.recall_check
                  ORDER BY checked_at DESC LIMIT :count) newest
            JOIN modiste.recall_check c USING (model_version_id, checked_at)
            JOIN modiste.model_version v ON v.id = c.model_version_id
            ORDER BY c.checked_at DESC, c.id
        """),
        {"count": count},
    )
    checks: dict[tuple[datetime, str], list[Recall]] = {}
    for checked_at, name, *values in rows:
        checks.setdefault((checked_at, name), []).append(Recall(**dict(zip(Recall.__slots__, values, strict=True))))
    return [Check(checked_at=at, model_version=name, rows=rows) for (at, name), rows in checks.items()]


def recall_is_due(connection: Connection, every_h: float) -> bool:
    """Whether the active version's index was not checked for so long. Without one all are compared: nothing is due."""
    return bool(
        connection.scalar(
            text("""
                SELECT NOT EXISTS (SELECT FROM modiste.recall_check c WHERE c.model_version_id = v.id
                                   AND c.checked_at > now() - make_interval(secs => 3600 * :hours))
                FROM modiste.model_version v WHERE v.state = 'active' AND v.index_built_at IS NOT NULL
            """),
            {"hours": every_h},
        )
    )


def checks_alone(connection: Connection) -> bool:
    """Whether no other process checks now; holds until the transaction ends, behind a pooling proxy too."""
    return bool(connection.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": RECALL_LOCK}))
