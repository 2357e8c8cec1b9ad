"""Measures recall now and then, one process at a time, and warns where searches find less than they should."""

import logging

from sqlalchemy import Engine

from db.engine import transaction
from db.errors import NotMeasured, OtherVersionActive
from db.recall import check_recall, checks_alone, last_checks, recall_is_due
from db.recall_advice import warnings

logger = logging.getLogger(__name__)
QUERIES = 20
K = 10
LIMIT_S = 120.0


def watch_recall(engine: Engine, *, every_h: float) -> bool:
    """One check if the last one is older than `every_h`; whether there was one. Minutes at the most."""
    # The lock is of a transaction, so that it survives a pooler; idle, it holds no snapshot.
    with engine.connect() as guard, guard.begin():
        if not checks_alone(guard):
            return False
        with transaction(engine) as connection:
            if not recall_is_due(connection, every_h):
                return False
            before = next(iter(last_checks(connection, 1)), None)
        try:
            check = check_recall(engine, queries=QUERIES, k=K, limit_s=LIMIT_S)
        except (NotMeasured, OtherVersionActive) as error:
            logger.info("recall was not measured: %s", error)
            return False
    logger.info("recall of %s: %.3f", check.model_version, check.recall or float("nan"))
    for sentence in warnings(check, before):
        logger.warning("%s", sentence)
    return True
