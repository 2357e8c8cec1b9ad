"""Photo contents by their digest: those that are known, and some or all of them, to be compared with the store."""

import random
from collections.abc import Collection, Iterator

from sqlalchemy import Connection, Engine, text

from db.engine import transaction

PAGE = 5_000


def known_contents(connection: Connection, digests: Collection[str]) -> set[str]:
    """Those of the digests (SHA-256 in hex) that the tables speak of."""
    rows = connection.scalars(
        text("SELECT encode(sha256, 'hex') FROM modiste.content WHERE sha256 = ANY (:digests)"),
        {"digests": [bytes.fromhex(digest) for digest in digests]},
    )
    return set(rows)


def some_contents(connection: Connection, count: int) -> list[str]:
    """Digests (SHA-256 in hex) of about so many contents, drawn by chance; of all where there are no more."""
    last = connection.scalar(text("SELECT max(id) FROM modiste.content")) or 0
    drawn = range(1, last + 1) if last <= 2 * count else random.sample(range(1, last + 1), 2 * count)
    rows = connection.scalars(
        text("SELECT encode(sha256, 'hex') FROM modiste.content WHERE id = ANY (:ids) LIMIT :n"),
        {"ids": list(drawn), "n": count},
    )
    return list(rows)


def all_contents(engine: Engine) -> Iterator[list[str]]:
    """All digests, page by page, each in a transaction of its own."""
    after = 0
    while True:
        with transaction(engine) as connection:
            rows = connection.execute(
                text("""
                    SELECT id, encode(sha256, 'hex') AS digest FROM modiste.content
                    WHERE id > :after ORDER BY id LIMIT :n
                """),
                {"after": after, "n": PAGE},
            ).all()
        if not rows:
            return
        yield [row.digest for row in rows]
        after = rows[-1].id
