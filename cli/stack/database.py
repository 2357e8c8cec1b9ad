"""The database in the embedded server: made once, with the extension that everything else needs."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
from psycopg2.extensions import cursor
from psycopg2.sql import SQL, Identifier


def ensure_database(maintenance_url: str, url: str, name: str) -> None:
    """Makes the database and its extension where they are missing, also after a first start was killed."""
    with _cursor(maintenance_url) as maintenance:
        maintenance.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if maintenance.fetchone() is None:
            maintenance.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    with _cursor(url) as inside:
        inside.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'")
        if inside.fetchone() is None:
            inside.execute("CREATE EXTENSION vector")


@contextmanager
def _cursor(url: str) -> Iterator[cursor]:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as found:
            yield found
