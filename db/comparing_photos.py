"""Which photos of a listing need work: a pure comparison of those that the feed has with those that are known."""

from collections.abc import Callable, Collection, Mapping, Sequence

from db.batches import KnownPhoto, PhotoToPlan
from db.rows import FeedRow, FoundPhoto, is_url
from db.states import PhotoState, Reason

FindPhoto = Callable[[str], FoundPhoto | None]


def wanted_photos(rows: Sequence[FeedRow], find_photo: FindPhoto) -> dict[str, FoundPhoto | None]:
    """The files that a listing's photos are, by source, in the feed's order; None of URLs and of missing files."""
    wanted: dict[str, FoundPhoto | None] = {}
    for row in rows:
        for reference in row.photos:
            found = None if is_url(reference) else find_photo(reference)
            wanted.setdefault(found.name if found else reference, found)
    return wanted


def photos_to_plan(
    external_id: str,
    wanted: Mapping[str, FoundPhoto | None],
    had: Mapping[str, KnownPhoto],
    *,
    refetch: bool,
    overtaken: Collection[int],
) -> tuple[list[PhotoToPlan], list[PhotoToPlan]]:
    """Photos that the feed has newly or otherwise, and those that are the same and need work all the same.

    Among these are photos that wait in one of the imports `overtaken`.
    """
    photos, again = [], []
    for position, (source, found) in enumerate(wanted.items()):
        known = had.get(source)
        if known is None or is_replaced(known, found):
            photos.append(planned_photo(external_id, position, source, found))
        elif known.state is PhotoState.PENDING and known.import_id in overtaken:
            again.append(as_known(external_id, position, known, asked_again=False))
        elif is_unseen(known):
            again.append(as_known(external_id, position, known, asked_again=refetch and is_url(source)))
        elif refetch and is_url(source) and known.state is PhotoState.ENRICHED:
            again.append(as_known(external_id, position, known, asked_again=True))
        elif refetch and known.state is not PhotoState.PENDING and (found or is_url(source)):
            again.append(planned_photo(external_id, position, source, found))  # fetched or read as if it were new
    return photos, again


def planned_photo(external_id: str, position: int, source: str, found: FoundPhoto | None) -> PhotoToPlan:
    if found:
        return PhotoToPlan(
            external_id=external_id,
            position=position,
            source=source,
            validator=found.validator,
            content=found.content,
        )
    if is_url(source):
        return PhotoToPlan(external_id=external_id, position=position, source=source, validator=None)
    return PhotoToPlan(
        external_id=external_id,
        position=position,
        source=source,
        validator=None,
        reason=Reason.NOT_FOUND,
        detail="no such file among the photos given with the feed",
    )


def as_known(external_id: str, position: int, known: KnownPhoto, *, asked_again: bool) -> PhotoToPlan:
    """The photo with the bytes that it had last."""
    return PhotoToPlan(
        external_id=external_id,
        position=position,
        source=known.source,
        validator=known.validator,
        content=known.content,
        asked_again=asked_again and known.content is not None,
    )


def is_replaced(known: KnownPhoto, found: FoundPhoto | None) -> bool:
    """Whether the file of this name is another now. A feed does not tell that of a URL: its server does, if asked."""
    return known.validator != (found and found.validator) and not is_url(known.source)


def is_unseen(photo: KnownPhoto) -> bool:
    """Whether another model version enriched it and this one has not, or its import was cancelled before anyone did.

    No change of the feed, but work.
    """
    return photo.state is PhotoState.CANCELLED or (photo.state is PhotoState.ENRICHED and not photo.seen)
