"""Takes out what nobody needs any more: files of the store that no row speaks of, and feeds that were never started."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Engine

from db.contents import known_contents
from db.control import begin_cancelling, finish_cancelling
from db.engine import transaction
from db.errors import ImportFinished
from db.plans import feeds_in_use
from db.retention import forgotten_previews
from store import Area, Store
from worker.handed_in import drop_files

# Whoever puts a file has so long to write down that it is there; a feed's import ends in hours.
STRAY_AFTER_S = 7 * 24 * 3600.0
LOOKED_UP_AT_ONCE = 5_000
DIGEST_CHARS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Stray:
    """A file that no row speaks of."""

    area: Area
    name: str
    size_bytes: int


def stray_files(engine: Engine, store: Store, *, after_s: float = STRAY_AFTER_S) -> Iterator[Stray]:
    """Photos, copies and thumbnails of contents that are not known, and feeds that nobody is to plan, of that age."""
    for area in (Area.PHOTOS, Area.COPIES, Area.THUMBNAILS):
        for found in some_at_a_time(store.old_names(area, after_s)):
            digests = {name[:DIGEST_CHARS] for name, _ in found if is_digest(name[:DIGEST_CHARS])}
            with transaction(engine) as connection:
                known = known_contents(connection, digests)
            for name, size in found:
                if name[:DIGEST_CHARS] in digests - known:
                    yield Stray(area=area, name=name, size_bytes=size)
    feeds = list(store.old_names(Area.FEEDS, after_s))
    with transaction(engine) as connection:
        in_use = feeds_in_use(connection)
    yield from (Stray(area=Area.FEEDS, name=name, size_bytes=size) for name, size in feeds if name not in in_use)


def some_at_a_time(names: Iterator[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    while found := list(islice(names, LOOKED_UP_AT_ONCE)):
        yield found


def is_digest(name: str) -> bool:
    return len(name) == DIGEST_CHARS and set(name) <= set("0123456789abcdef")


def remove_strays(
    engine: Engine,
    store: Store,
    *,
    dry: bool = False,
    after_s: float = STRAY_AFTER_S,
    on_file: Callable[[int], object] = lambda _: None,
) -> tuple[Counter[Area], int]:
    """How many files by area, and their bytes; with `dry` nothing is removed."""
    files, size_bytes = Counter[Area](), 0
    for stray in stray_files(engine, store, after_s=after_s):
        if not dry:
            store.remove(stray.area, stray.name)
        files[stray.area] += 1
        size_bytes += stray.size_bytes
        on_file(files.total())
    return files, size_bytes


def discard_previews(engine: Engine, store: Store, *, days: int) -> None:
    """Ends imports that were looked at and never started, with the files that were handed in."""
    with transaction(engine) as connection:
        forgotten = forgotten_previews(connection, days=days)
    for import_id in forgotten:
        try:
            with transaction(engine) as connection:
                files = begin_cancelling(connection, import_id)
        except ImportFinished:  # somebody discarded it this moment
            continue
        finish_cancelling(engine, import_id)
        drop_files(store, files)
