"""What a command says when it fails: one message that tells what was wrong and what to do, never a traceback."""

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from api.settings import NoKeyBeyondLoopback
from cli.opening import HalfConfigured
from cli.stack.errors import StackError
from db.engine import first_line
from db.errors import DbError
from metrics.serving import MetricsPortTaken
from store import StoreError
from trainer.errors import TrainerError
from vision.errors import VisionError
from worker.feed import FeedError
from worker.photos.errors import FetchError, PhotosError
from worker.planning import PhotosNotGiven


class UsageError(Exception):
    """The command was given something it cannot use."""


EXPECTED = (
    UsageError,
    HalfConfigured,
    NoKeyBeyondLoopback,
    MetricsPortTaken,
    StackError,
    DbError,
    StoreError,
    VisionError,
    TrainerError,
    FeedError,
    FetchError,
    PhotosError,
    PhotosNotGiven,
)


def message_of(error: BaseException) -> str | None:
    """The message for an error that can be expected; None for a fault of the program."""
    if isinstance(error, EXPECTED):
        return str(error)
    if isinstance(error, ValidationError):
        return "; ".join(f"{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors())
    if isinstance(error, DBAPIError):
        return f"PostgreSQL says: {first_line(error)}"
    return None
