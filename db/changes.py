"""What changed since: the cursor that an export gives and takes, and the moment from which nothing can be missed.

A row carries the begin of the transaction that wrote it, and may be committed much later than another with a younger
one. So a cursor is not the moment of the export but the begin of the oldest transaction that ran then: what is younger
is given again, and nothing is lost.
"""

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from db.errors import BadQuestion

# How far to go back where the begin of others' transactions cannot be seen. Those of modiste take seconds.
MARGIN_S = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """Where an export ended: everything that was committed later in this catalogue was written at `since` or after.

    `model_version`: the one whose words were exported, None where none was active.
    """

    catalogue: str
    model_version: str | None
    since: datetime

    def encoded(self) -> str:
        """As text for whoever keeps it: opaque, of letters, digits, `-` and `_`."""
        said = {**asdict(self), "since": self.since.isoformat()}
        return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def decoded(cursor: str) -> Cursor:
    """Raises `BadQuestion` for what is no cursor."""
    try:
        said = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        found = Cursor(**{**said, "since": datetime.fromisoformat(said["since"])})
        if found.since.tzinfo is None:
            raise ValueError("no time zone")
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise BadQuestion(
            f"{cursor[:80]!r} is no cursor of an export; give the one that the export before told, whole"
        ) from error
    return found


def oldest_begin(connection: Connection) -> datetime:
    """The begin of the oldest transaction in this database. Ask before the snapshot of what is exported is taken.

    Other roles' transactions are hidden from a role without `pg_read_all_stats`, and the primary's from a replica:
    then it is an hour ago at least.
    """
    found: datetime = connection.execute(
        text("""
            SELECT least(now(), min(xact_start), CASE WHEN pg_is_in_recovery() OR bool_or(
                       query = '<insufficient privilege>' OR pid = pg_backend_pid() AND xact_start IS NULL
                   ) THEN now() - make_interval(secs => :margin_s) END)
            FROM pg_stat_activity
            WHERE datname = current_database() AND usesysid IS NOT NULL  -- not the server's own, which vacuum for hours
        """),
        {"margin_s": MARGIN_S},
    ).scalar_one()
    return found
