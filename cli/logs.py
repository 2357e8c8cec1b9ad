"""How the processes that stay write their log: lines for people, or JSON objects for what collects logs."""

import logging
import sys
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

from worker.logged import ids_at_work

LogFormat = Literal["text", "json"]
LogLevel = Literal["info", "debug"]
OURS = ("worker", "db", "vision", "cli", "store", "api", "modiste")


def log_to_stderr(log_format: LogFormat = "text", level: LogLevel = "info") -> None:
    """Our own news, from `level` on, and everybody's warnings, with the time; as JSON with the ids of the work."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter_of(log_format))
    handler.addFilter(with_ids)
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    for ours in OURS:
        logging.getLogger(ours).setLevel(level.upper())


def formatter_of(log_format: LogFormat) -> logging.Formatter:
    if log_format == "json":
        return JsonFormatter(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp=True,
        )
    return logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")


def with_ids(record: logging.LogRecord) -> bool:
    """Gives the record the ids of the work that this thread is at, and keeps it."""
    for name, value in ids_at_work().items():
        setattr(record, name, value)
    return True
