"""Routes about photos: handing one in, and looking at a small one."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Response
from pydantic import Field

from api.answers import answer
from api.cards import Shown
from api.errors import NoStoredPhoto
from api.problems import documented
from api.resources import Resources, Use
from api.texts import PhotoId, Text
from api.thumbnails import ThumbnailSize, thumbnail
from api.uploads import FORM, PhotoField, photo_bytes
from db.engine import single_question
from db.similarity import photo_digests
from store import Area, Store
from vision.preprocess import open_photo, original_size

router = APIRouter(prefix="/v1/photos", tags=["photos"])
FOR_EVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"


class StoredPhoto(Shown):
    """A photo in the store. `source` may be named among the photos of a listing."""

    source: str = Field(
        examples=["sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"],
    )
    width_px: int = Field(examples=[600])
    height_px: int = Field(examples=[800])


@router.post(
    "",
    operation_id="upload_photo",
    status_code=201,
    response_model=StoredPhoto,
    dependencies=FORM,
)
async def upload(use: Use, photo: PhotoField) -> Response:
    """Keeps a photo under its SHA-256; the same photo again is no second one. It is checked, not enriched."""
    return answer(await to_thread.run_sync(keep, use.store, photo, limiter=use.at_once), status=201)


def keep(store: Store, photo: PhotoField) -> StoredPhoto:
    """Raises PhotoError for what could never be enriched."""
    data = photo_bytes(photo)
    width_px, height_px = original_size(data)
    open_photo(data)
    return StoredPhoto(source=f"sha256:{store.put(Area.PHOTOS, data)}", width_px=width_px, height_px=height_px)


@router.get(
    "/{photo_id}/thumbnail",
    operation_id="get_thumbnail",
    response_class=Response,
    responses={
        200: {"description": "The thumbnail.", "content": {"image/webp": {"schema": {"type": "string"}}}},
        304: {"description": "The thumbnail has not changed."},
        **documented(404),
    },
)
async def small(
    use: Use,
    photo_id: PhotoId,
    size: Annotated[ThumbnailSize, Query(description="Side in pixels of the square it fits into.")] = (
        ThumbnailSize.SMALL
    ),
    v: Annotated[Text | None, Query(description="Names the content; cards give it. With it, caches keep it.")] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """A WebP of the photo, upright, never larger than the photo itself."""
    return await to_thread.run_sync(shown, use, photo_id, size, v, if_none_match, limiter=use.at_once)


def shown(use: Resources, photo_id: int, size: ThumbnailSize, v: str | None, known: str | None) -> Response:
    """Raises `NoStoredPhoto`."""
    with single_question(use.engine) as connection:
        digest = photo_digests(connection, [photo_id]).get(photo_id)
    tag = f'"{digest}-{size}"'
    # A photo's content may be replaced under its id: only an address that names the content is good for ever.
    lasting = FOR_EVER if digest and v and digest.startswith(v) else ASK_AGAIN
    headers = {"ETag": tag, "Cache-Control": lasting}
    if digest and known and tag in known:
        return Response(status_code=304, headers=headers)
    picture = digest and thumbnail(use.store, digest, size)
    if not picture:
        raise NoStoredPhoto(photo_id=photo_id)
    return Response(picture, media_type="image/webp", headers=headers)
