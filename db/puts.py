"""One listing put by hand: an import of a single row in the interactive lane, done in the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from db.batch_writes import write_batch
from db.batches import KnownListing
from db.catalogues import ensure_catalogue, known_listings, lock_catalogue
from db.comparing import compare, row_hashes
from db.comparing_photos import FindPhoto
from db.imports import ONE_LISTING, begin_import, count_batch, end_planning
from db.listings import ListingData
from db.models import active_model
from db.rows import FeedRow
from db.shards import make_shards
from db.states import Lane, PhotoState, RowOutcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Put:
    """What putting a listing came to: `photos_pending` are looked at by a worker, `photos_known` were seen before."""

    listing_id: int
    outcome: RowOutcome
    import_id: int
    photos_pending: int
    photos_known: int


def put_listing(
    connection: Connection, *, catalogue: str, listing: ListingData, photos: Sequence[str], find_photo: FindPhoto
) -> Put:
    """Writes what a seller says of one listing, and queues the photos that are new or changed: `photos` are all it has.

    Those that wait in bulk work, or in an import that rests, wait no longer: they count there as cancelled.
    `find_photo` finds a photo that is no URL. The caller sends the messages (`broker.dispatch`) after its commit.
    Raises `NoActiveModel`.
    """
    version_id = active_model(connection).id
    ensure_catalogue(connection, catalogue)
    import_id = begin_import(
        connection, catalogue=catalogue, feed=ONE_LISTING, lane=Lane.INTERACTIVE, model_version_id=version_id
    )
    lock_catalogue(connection, catalogue)
    rows = [FeedRow(line=1, listing=listing, photos=tuple(photos))]
    hashes = row_hashes(rows)
    known = known_listings(connection, catalogue, hashes, model_version_id=version_id)
    batch = compare(
        rows, hashes=hashes, known=known, seen=set(), find_photo=find_photo, overtaken=slower(connection, known)
    )
    planned = write_batch(
        connection, import_id=import_id, catalogue=catalogue, model_version_id=version_id, batch=batch
    )
    make_shards(
        connection,
        import_id=import_id,
        model_version_id=version_id,
        lane=Lane.INTERACTIVE,
        photo_ids=planned.pending_photo_ids,
        photos_per_shard=len(photos) or 1,
    )
    count_batch(connection, import_id, batch, planned)
    end_planning(connection, import_id)
    listing_id = connection.scalar(
        text("SELECT id FROM modiste.listing WHERE catalogue = :catalogue AND external_id = :external_id"),
        {"catalogue": catalogue, "external_id": listing.external_id},
    )
    assert listing_id is not None
    return Put(
        listing_id=listing_id,
        outcome=batch.rows[0].outcome,
        import_id=import_id,
        photos_pending=len(planned.pending_photo_ids),
        photos_known=planned.recognised,
    )


def slower(connection: Connection, known: Mapping[str, KnownListing]) -> Collection[int]:
    """Of the imports that have photos of these listings still to do, those which are not served first, or rest."""
    photos = [photo for listing in known.values() for photo in listing.photos.values()]
    return connection.scalars(
        text("""
            SELECT id FROM modiste.import
            WHERE id = ANY (:ids) AND (lane <> 'interactive' OR paused_at IS NOT NULL)
        """),
        {"ids": list({photo.import_id for photo in photos if photo.state is PhotoState.PENDING})},
    ).all()
