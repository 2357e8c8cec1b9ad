"""What may go after a while: reports of old imports, imports of single listings, feeds that nobody started.

What listings, answers and corrections rest on is none of it. In steps of bounded size; whoever is stopped goes on.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from db.engine import transaction
from db.imports import ONE_LISTING

ROWS_AT_ONCE = 20_000
OVER = "i.finished_at < now() - make_interval(days => :days)"
# Nothing of such an import is pending or in quarantine, so nobody asks for it again.
SINGLE = f"""
    i.feed = '{ONE_LISTING}' AND {OVER}
    AND NOT EXISTS (SELECT FROM modiste.photo p WHERE p.import_id = i.id AND p.state IN ('pending', 'quarantined'))
"""
ROWS = f"""
    SELECT r.ctid FROM modiste.import_row r JOIN modiste.import i ON i.id = r.import_id WHERE {OVER}
"""
SHARDS = f"""
    SELECT s.id FROM modiste.shard s JOIN modiste.import i ON i.id = s.import_id
    WHERE {OVER} AND s.import_id < (SELECT max(import_id) FROM modiste.shard)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outdated:
    """Rows of reports, shards that are done, imports of one listing each, and imports that wait to be started."""

    report_rows: int
    shards: int
    single_imports: int
    previews: int


def outdated(connection: Connection, *, days: int) -> Outdated:
    """Of imports that were over, or looked at, so many days ago."""

    def count(question: str) -> int:
        return int(connection.execute(text(f"SELECT count(*) FROM ({question}) AS q"), {"days": days}).scalar_one())

    return Outdated(
        report_rows=count(ROWS),
        shards=count(SHARDS),
        single_imports=count(f"SELECT FROM modiste.import i WHERE {SINGLE}"),
        previews=len(forgotten_previews(connection, days=days)),
    )


def drop_outdated(engine: Engine, *, days: int) -> None:
    """Deletes what `outdated` counts but the previews, whose files go with them: `forgotten_previews`."""
    for statement in (
        f"DELETE FROM modiste.import_row WHERE ctid IN ({ROWS} LIMIT :n)",
        f"DELETE FROM modiste.shard WHERE id IN ({SHARDS} LIMIT :n)",
        f"DELETE FROM modiste.import WHERE id IN (SELECT i.id FROM modiste.import i WHERE {SINGLE} LIMIT :n)",
    ):
        gone = ROWS_AT_ONCE
        while gone == ROWS_AT_ONCE:
            with transaction(engine) as connection:
                gone = connection.execute(text(statement), {"days": days, "n": ROWS_AT_ONCE}).rowcount


def forgotten_previews(connection: Connection, *, days: int) -> list[int]:
    """Imports whose feed was looked at so many days ago, and that nobody started or discarded."""
    rows = connection.scalars(
        text("""
            SELECT id FROM modiste.import
            WHERE state = 'previewed' AND started_at < now() - make_interval(days => :days) ORDER BY id
        """),
        {"days": days},
    )
    return list(rows)
