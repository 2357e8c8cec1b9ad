"""Which photos of a listing need work: a pure comparison of those that the feed has with those that are known."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from db.batches import KnownPhoto, PhotoToPlan
from db.rows import FeedRow, FoundPhoto, is_url
from db.states import PhotoState, Reason

FindPhoto = Callable[[str], FoundPhoto | None]


def wanted_photos(rows: Sequence[FeedRow], find_photo: FindPhoto) -> dict[str, PhotoToPlan]:
    """The photos of a listing by source, in the feed's order, each once."""
    wanted: dict[str, PhotoToPlan] = {}
    for reference in (reference for row in rows for reference in row.photos):
        photo = planned_photo(rows[0].listing.external_id, len(wanted), reference, find_photo)
        wanted.setdefault(photo.source, photo)
    return wanted


def planned_photo(external_id: str, position: int, reference: str, find_photo: FindPhoto) -> PhotoToPlan:
    if is_url(reference):
        return PhotoToPlan(external_id=external_id, position=position, source=reference, validator=None)
    found = find_photo(reference)
    if found is None:
        return PhotoToPlan(
            external_id=external_id,
            position=position,
            source=reference,
            validator=None,
            reason=Reason.NOT_FOUND,
            detail="no such file among the photos given with the feed",
        )
    return PhotoToPlan(
        external_id=external_id,
        position=position,
        source=found.name,
        validator=found.validator,
        content=found.content,
    )


def photos_to_plan(
    wanted: Mapping[str, PhotoToPlan], had: Mapping[str, KnownPhoto], *, refetch: bool, overtaken: Collection[int]
) -> tuple[list[PhotoToPlan], list[PhotoToPlan]]:
    """Photos that the feed has newly or otherwise, and those that are the same and need work all the same.

    Among these are photos that wait in one of the imports `overtaken`.
    """
    photos, again = [], []
    for source, photo in wanted.items():
        known = had.get(source)
        if known is None or is_replaced(known, photo):
            photos.append(photo)
        elif known.state is PhotoState.PENDING and known.import_id in overtaken:
            again.append(as_known(known, photo, asked_again=False))
        elif is_unseen(known):
            again.append(as_known(known, photo, asked_again=refetch and is_url(source)))
        elif refetch and is_url(source) and known.state is PhotoState.ENRICHED:
            again.append(as_known(known, photo, asked_again=True))
        elif refetch and is_url(source) and known.state is PhotoState.QUARANTINED:
            again.append(photo)  # without validator or content: fetched as if it were new
    return photos, again


def is_replaced(known: KnownPhoto, photo: PhotoToPlan) -> bool:
    """Whether the file of this name is another now. A feed does not tell that of a URL: its server does, if asked."""
    return known.validator != photo.validator and not is_url(photo.source)


def as_known(known: KnownPhoto, photo: PhotoToPlan, *, asked_again: bool) -> PhotoToPlan:
    """The photo with the bytes that it had last."""
    return replace(
        photo,
        content=known.content,
        validator=known.validator,
        reason=None,
        detail=None,
        asked_again=asked_again and known.content is not None,
    )


def is_unseen(photo: KnownPhoto) -> bool:
    """Whether another model version enriched it and this one has not, or its import was cancelled before anyone did.

    No change of the feed, but work.
    """
    return photo.state is PhotoState.CANCELLED or (photo.state is PhotoState.ENRICHED and not photo.seen)
