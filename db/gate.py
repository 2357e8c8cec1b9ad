"""What a model version lacks to be put into service, as the tables know it; its files are another matter."""

from sqlalchemy import Connection

from db.coverage import coverage
from db.indexes import lacks_index
from db.models import RegisteredModel
from db.states import ModelState

# Of the contents that answers rest on, the share that a version may lack: not to be had by its backfill, or come since.
MISSING_SHARE_MAX = 0.01


def what_it_lacks(connection: Connection, registered: RegisteredModel) -> list[str]:
    """What answers would lose if the version were active, each to be read behind its name; nothing for the active one.

    Full is the coverage of a version that has seen all that was there when its backfill began. What its backfill could
    not have, and what came since, may be one content in a hundred: no catalogue stands still, and what came late is
    seen to once the version is active (`db.backfills.follow_up`).
    """
    if registered.state is ModelState.ACTIVE:
        return []
    seen, lacks = coverage(connection, registered.id), []
    of = f"of the {seen.shown:,} photo contents that answers rest on"
    if seen.lacking > seen.late or seen.late > MISSING_SHARE_MAX * seen.shown:
        lacks.append(f"has seen {seen.covered:,} {of}")
    if seen.given_up + seen.late > MISSING_SHARE_MAX * seen.shown and seen.given_up:
        lacks.append(f"could not have {seen.given_up:,} {of}")
    if lacks_index(connection, registered.id):
        lacks.append("has no index of its vectors yet")
    return lacks
