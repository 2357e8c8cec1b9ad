"""Which import and shard a thread works on, for its log records to carry."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ids: ContextVar[dict[str, int] | None] = ContextVar("ids of the work", default=None)


@contextmanager
def at_work_on(**ids: int) -> Iterator[None]:
    """Log records that are made inside the block, by this thread, are about these."""
    token = _ids.set({**ids_at_work(), **ids})
    try:
        yield
    finally:
        _ids.reset(token)


def ids_at_work() -> dict[str, int]:
    """By name, as `shard_id`; empty outside of any work."""
    return _ids.get() or {}
