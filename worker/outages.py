"""A database that goes away in the middle of work: one line and no traceback, as the work comes again by itself."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from db.engine import first_line, is_lost
from db.errors import DbError

logger = logging.getLogger(__name__)


@contextmanager
def outage_told(work: str) -> Iterator[None]:
    """Ends the block where the database went away in it; other errors are raised. A sweep gives the work out again."""
    try:
        yield
    except (SQLAlchemyError, DbError) as error:
        if not is_lost(error):
            raise
        logger.warning("%s is dropped, to be given out again: the database went away: %s", work, first_line(error))
        logger.debug("where %s was", work, exc_info=True)
