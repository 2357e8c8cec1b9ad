"""Routes that change one listing: put it as the seller has it now, or erase it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Response
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from sqlalchemy import Engine
from starlette.background import BackgroundTask

from api.answers import answer
from api.bodies import JsonBody
from api.cards import Shown
from api.errors import BadPhotoSource
from api.problems import documented
from api.resources import Resources, Use
from api.texts import CatalogueName, ExternalId, ListingId, clean, strip_name
from api.uploads import JSON
from broker import dispatch
from db.batches import ContentRef
from db.browsing import listing_id_of
from db.engine import transaction
from db.erasure import drop_erased, erase_listing
from db.listings import ListingData
from db.puts import put_listing
from db.rows import FoundPhoto
from db.states import RowOutcome
from store import Area, NotInStore, Store
from store.errors import InvalidName
from vision.preprocess import original_size

router = APIRouter(prefix="/v1", tags=["listings"])


def as_text(value: object) -> object:
    """Metadata is text, as it is out of a CSV, so that a filter means the same wherever it came from."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


# As in a feed: longer ones are rejected there too.
Said = Annotated[str, StringConstraints(max_length=255), AfterValidator(clean)]
Title = Annotated[str, StringConstraints(max_length=2000), AfterValidator(clean)]
MetadataText = Annotated[str, BeforeValidator(as_text), StringConstraints(max_length=100_000), AfterValidator(clean)]
Source = Annotated[str, StringConstraints(max_length=2048), AfterValidator(clean)]
NewExternalId = Annotated[
    str, StringConstraints(max_length=255), AfterValidator(strip_name), Path(description="The seller's own id.")
]
NewCatalogue = Annotated[
    str, StringConstraints(max_length=255), AfterValidator(strip_name), Path(description="Made where it is new.")
]
UPLOADED = "sha256:"


class ListingToPut(JsonBody):
    """All that the seller says of a listing: what is left out is not kept from before."""

    title: Title | None = Field(None, examples=["Striped T-Shirt"])
    brand: Said | None = Field(None, examples=["Acme"])
    price: Annotated[Decimal, Field(ge=0, lt=10**12, decimal_places=2)] | None = Field(None, examples=[999.5])
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] | None = Field(None, examples=["INR"])
    gender: Said | None = Field(None, examples=["Women"])
    colour: Said | None = Field(None, examples=["Blue"])
    size: Said | None = Field(None, examples=["M"])
    seller: Said | None = Field(None, examples=["acme"])
    seller_category: Said | None = Field(None, examples=["Tshirts"])
    available: bool = True
    metadata: dict[Said, MetadataText] = Field({}, max_length=2000, examples=[{"season": "Summer"}])
    photos: list[Source] = Field(
        [],
        max_length=20,
        description="The main photo first: http(s):// URLs, or sources that POST /v1/photos gave.",
        examples=[["https://img.example/1.jpg"]],
    )

    def as_data(self, external_id: str) -> ListingData:
        """Empty texts are taken as not given, as in a feed."""
        said = {name: value for name, value in self.model_dump(exclude={"photos"}).items() if value != ""}
        said["metadata"] = {key: value for key, value in self.metadata.items() if value}
        return ListingData(external_id=external_id, **said)


class PutListing(Shown):
    """What came of it: photos that were seen before need no worker."""

    listing_id: int = Field(examples=[42])
    outcome: RowOutcome = Field(examples=["new"])
    import_id: int = Field(description="Follow the photos at /v1/imports/ID.", examples=[3])
    photos_pending: int = Field(examples=[1])
    photos_known: int = Field(examples=[0])


@router.put(
    "/catalogues/{catalogue}/listings/{external_id:path}",
    operation_id="put_listing",
    response_model=PutListing,
    responses={
        201: {"model": PutListing, "description": "The listing is new."},
    },
    dependencies=JSON,
)
def put(
    use: Use, catalogue: NewCatalogue, external_id: NewExternalId, listing: Annotated[ListingToPut, Body()]
) -> Response:
    """Puts one listing up, or in place of what was there. Its photos are looked at before those of any feed."""
    found = uploaded_photos(use.store, listing.photos)
    with transaction(use.engine) as connection:
        done = put_listing(
            connection,
            catalogue=catalogue,
            listing=listing.as_data(external_id),
            photos=listing.photos,
            find_photo=found.get,
        )
    return answer(
        PutListing.model_validate(done),
        status=201 if done.outcome is RowOutcome.NEW else 200,
        headers={"Location": f"/v1/listings/{done.listing_id}"},
        background=BackgroundTask(dispatch, use.engine, use.broker),
    )


def uploaded_photos(store: Store, sources: list[str]) -> Mapping[str, FoundPhoto]:
    """Photos that were handed in before, by source. Raises `BadPhotoSource` for what is neither that nor a URL."""
    return {s: uploaded_photo(store, s) for s in sources if not s.startswith(("http://", "https://"))}


def uploaded_photo(store: Store, source: str) -> FoundPhoto:
    digest = source.removeprefix(UPLOADED)
    try:
        if not source.startswith(UPLOADED):
            raise BadPhotoSource(source=source[:200])
        data = store.read(Area.PHOTOS, digest)
        sha256 = bytes.fromhex(digest)
    except (NotInStore, InvalidName, ValueError):
        raise BadPhotoSource(source=source[:200]) from None
    width_px, height_px = original_size(data)
    content = ContentRef(sha256=sha256, size_bytes=len(data), width_px=width_px, height_px=height_px)
    return FoundPhoto(name=source, validator=digest, content=content)


ERASED: dict[str, Any] = {"status_code": 204, "response_class": Response, "responses": documented(404)}


@router.delete("/listings/{listing_id}", operation_id="erase_listing", **ERASED)
def erase_by_id(use: Use, listing_id: ListingId) -> Response:
    """Erases a listing with its photos, and all that was seen on photos that no other listing shows."""
    return erase(use, listing_id)


@router.delete(
    "/catalogues/{catalogue}/listings/{external_id:path}", operation_id="erase_listing_by_external_id", **ERASED
)
def erase_by_external_id(use: Use, catalogue: CatalogueName, external_id: ExternalId) -> Response:
    """The same by the seller's own id."""
    return erase(use, (catalogue, external_id))


def erase(use: Resources, listing: int | tuple[str, str]) -> Response:
    with transaction(use.engine) as connection:
        listing_id = listing if isinstance(listing, int) else listing_id_of(connection, *listing)
        erased = erase_listing(connection, listing_id)
    return Response(status_code=204, background=BackgroundTask(clear, use.engine, use.store) if erased else None)


def clear(engine: Engine, store: Store) -> None:
    with transaction(engine) as connection:
        drop_erased(connection, store.remove_content)
