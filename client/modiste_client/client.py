"""The client: a method a route of `/v1`, and what routes leave to their callers: following pages, watching."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, TypeAdapter

from modiste_client.answers import (
    Card,
    Catalogue,
    Correction,
    Forecast,
    Import,
    ImportProgress,
    Listing,
    ModelDetails,
    ModelVersion,
    OfBatch,
    PhotoAnswer,
    PlayedAgain,
    PutListing,
    QuarantinedPhoto,
    RowOfReport,
    SimilarListing,
    StoredPhoto,
)
from modiste_client.errors import NotReachable, problem_of

TIMEOUT_S = 30.0
# Comments come every 15 seconds, so a stream that says nothing for longer is broken.
STREAM_TIMEOUT_S = 60.0

Named = Mapping[str, Any]  # of filters, options and fields: names as in the guides
PhotoFile = Path | bytes | BinaryIO
T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)

SIMILAR = TypeAdapter(list[SimilarListing])
BATCH = TypeAdapter(list[OfBatch])
CATALOGUES = TypeAdapter(list[Catalogue])
MODELS = TypeAdapter(list[ModelVersion])


class Client:
    """An API at `base_url`. Every call raises `errors.NotReachable` or a kind of `errors.Problem`.

    `key`: where the API wants one. `http`: a client of your own, with proxies, certificates or a transport; it is not
    closed here. One client may be shared by threads. A listing is named by `(catalogue, external id)`, or by its id of
    `modiste.listing`.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8000",
        *,
        key: str | None = None,
        timeout_s: float = TIMEOUT_S,
        http: httpx2.Client | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._owned = http is None
        self._http = http or httpx2.Client(timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._owned:
            self._http.close()

    # What is similar

    def similar(
        self, listing: int | tuple[str, str], *, k: int = 12, filters: Named | None = None, options: Named | None = None
    ) -> list[SimilarListing]:
        """Best first. Raises `Conflict` for a listing that cannot be asked about; the message says why."""
        params = query(filters, options, k=k)
        return SIMILAR.validate_json(self._send("GET", f"{path_of(listing)}/similar", params=params).content)

    def similar_batch(
        self, listing_ids: Sequence[int], *, k: int = 12, filters: Named | None = None, options: Named | None = None
    ) -> list[OfBatch]:
        """Up to 1,000 listings in one call, answered in their order."""
        body = {"listing_ids": list(listing_ids), "k": k, "filters": filters or {}, "options": options or {}}
        return BATCH.validate_json(self._send("POST", "/v1/similar/batch", json=body).content)

    def search_photo(
        self, photo: PhotoFile, *, k: int = 12, filters: Named | None = None, options: Named | None = None
    ) -> PhotoAnswer:
        """What is seen in a photo and what is similar to it. `options` may have `crop`, as over HTTP."""
        with opened(photo) as file:
            return self._one(
                PhotoAnswer, "POST", "/v1/search/photo", params=query(filters, options, k=k), files={"photo": file}
            )

    def search_vector(
        self,
        embedding: Sequence[float],
        *,
        k: int = 12,
        filters: Named | None = None,
        options: Named | None = None,
        model_version: str | None = None,
    ) -> list[SimilarListing]:
        """With a vector of the active version; with `model_version`, `Conflict` if that is another."""
        body = {"embedding": list(embedding), "model_version": model_version}
        return self._search("vector", body, k, filters, options)

    def search_listings(
        self,
        liked: Sequence[int],
        *,
        unliked: Sequence[int] = (),
        k: int = 12,
        filters: Named | None = None,
        options: Named | None = None,
    ) -> list[SimilarListing]:
        """More like these, less like those."""
        return self._search("listings", {"liked": list(liked), "unliked": list(unliked)}, k, filters, options)

    def search_attributes(
        self, attributes: Sequence[str], *, k: int = 12, filters: Named | None = None
    ) -> list[SimilarListing]:
        """Those with most of the attributes (`group:value`), and surest of them, first."""
        body = {"attributes": list(attributes), "k": k, "filters": filters or {}}
        return SIMILAR.validate_json(self._send("POST", "/v1/search/attributes", json=body).content)

    # Listings

    def listings(self, filters: Named | None = None) -> Iterator[Card]:
        """All that pass, a page fetched when it is needed."""
        return self._pages(Card, "/v1/listings", "listings", query(filters))

    def listing(self, listing: int | tuple[str, str]) -> Listing:
        return self._one(Listing, "GET", path_of(listing))

    def put_listing(self, catalogue: str, external_id: str, **fields: Any) -> PutListing:
        """Puts up one listing: `title`, `brand`, `price`, …, `photos` (URLs, or what `upload_photo` gave).

        What is left out is not kept from before.
        """
        return self._one(PutListing, "PUT", path_of((catalogue, external_id)), json=fields)

    def erase_listing(self, listing: int | tuple[str, str]) -> None:
        """It is gone, with its photos and all that was seen on those that no other listing shows."""
        self._send("DELETE", path_of(listing))

    def catalogues(self) -> list[Catalogue]:
        return CATALOGUES.validate_json(self._send("GET", "/v1/catalogues").content)

    def upload_photo(self, photo: PhotoFile) -> StoredPhoto:
        """Hands in a photo for `put_listing`."""
        with opened(photo) as file:
            return self._one(StoredPhoto, "POST", "/v1/photos", files={"photo": file})

    def thumbnail(self, photo_id: int, *, size: int = 256) -> bytes:
        """A WebP that fits into `size` pixels, 256 or 512."""
        return self._send("GET", f"/v1/photos/{photo_id}/thumbnail", params={"size": size}).content

    # Imports

    def import_feed(
        self, feed: Path | str, *, catalogue: str, photos: Path | None = None, columns: Named | None = None, **said: Any
    ) -> Import:
        """Hands in a feed: a file, or a URL that a worker fetches. `photos`: a zip. `columns`: field to column.

        `said`: `full`, `withdraw_share_max`, `refetch`, `preview`, as over HTTP. Returns once it is handed in; see
        `watch`, and with `preview` then `forecast`, and `resume` or `cancel`.
        """
        data = {"catalogue": catalogue, "map": [f"{field}={column}" for field, column in (columns or {}).items()]}
        data |= {name: as_text(value) for name, value in said.items()}
        if isinstance(feed, str):
            return self._one(Import, "POST", "/v1/imports", data=data | {"feed_url": feed})
        with opened(feed) as file, opened(photos) as packed:
            files = {"feed": file} | ({"photos": packed} if photos else {})
            return self._one(Import, "POST", "/v1/imports", data=data, files=files)

    def watch(self, import_id: int) -> Iterator[ImportProgress]:
        """Its progress whenever something changed, at most once a second; the last one tells how it ended."""
        while True:
            for event in self._events(f"/v1/imports/{import_id}/events"):
                if event.event == "done":  # its data came before, as progress
                    return
                yield ImportProgress.model_validate_json(event.data)

    def imports(
        self, *, catalogue: str | None = None, state: str | None = None, lane: str | None = None
    ) -> Iterator[Import]:
        """Newest first."""
        wanted = query({"catalogue": catalogue, "state": state, "lane": lane})
        return self._pages(Import, "/v1/imports", "imports", wanted)

    def get_import(self, import_id: int) -> ImportProgress:
        return self._one(ImportProgress, "GET", f"/v1/imports/{import_id}")

    def forecast(self, import_id: int) -> Forecast:
        """What an import would do that was handed in with `preview`, once its state is `previewed`."""
        return self._one(Forecast, "GET", f"/v1/imports/{import_id}/forecast")

    def pause(self, import_id: int) -> Import:
        return self._one(Import, "POST", f"/v1/imports/{import_id}/pause")

    def resume(self, import_id: int) -> Import:
        return self._one(Import, "POST", f"/v1/imports/{import_id}/resume")

    def cancel(self, import_id: int) -> Import:
        return self._one(Import, "POST", f"/v1/imports/{import_id}/cancel")

    def retry(self, import_id: int, *, reasons: Sequence[str] = ()) -> PlayedAgain:
        """Plays photos in quarantine again: for all reasons that may pass, or for `reasons`."""
        return self._one(PlayedAgain, "POST", f"/v1/imports/{import_id}/retry", params={"reason": list(reasons)})

    def report(self, import_id: int, *, outcome: str | None = None) -> Iterator[RowOfReport]:
        """What became of its rows."""
        wanted = query({"outcome": outcome, "format": "json"})
        return self._pages(RowOfReport, f"/v1/imports/{import_id}/report", "rows", wanted)

    def quarantine(
        self, *, import_id: int | None = None, catalogue: str | None = None, reasons: Sequence[str] = ()
    ) -> Iterator[QuarantinedPhoto]:
        wanted = query({"import_id": import_id, "catalogue": catalogue, "reason": list(reasons) or None})
        return self._pages(QuarantinedPhoto, "/v1/quarantine", "photos", wanted)

    # Corrections

    def corrections(
        self, *, catalogue: str | None = None, listing_id: int | None = None, undone: bool = False
    ) -> Iterator[Correction]:
        """What people said of listings, oldest first; what was taken back only with `undone`."""
        wanted = query({"catalogue": catalogue, "listing_id": listing_id}, undone=as_text(undone))
        return self._pages(Correction, "/v1/corrections", "corrections", wanted)

    def correct(
        self, listing_id: int, *, field: str, now: str | None, who: str, photo_id: int | None = None
    ) -> Correction:
        """Says what is true of a listing: its `category` or a word of an attribute group; None: none of its words."""
        said = {"field": field, "now": now, "who": who, "photo_id": photo_id}
        return self._one(Correction, "POST", f"/v1/listings/{listing_id}/corrections", json=said)

    def undo_correction(self, correction_id: int) -> Correction:
        return self._one(Correction, "DELETE", f"/v1/corrections/{correction_id}")

    # Model versions

    def models(self) -> list[ModelVersion]:
        return MODELS.validate_json(self._send("GET", "/v1/models").content)

    def model(self, name: str) -> ModelDetails:
        return self._one(ModelDetails, "GET", f"/v1/models/{quote(name, safe='')}")

    # How it is asked

    def _search(
        self, by: str, body: dict[str, Any], k: int, filters: Named | None, options: Named | None
    ) -> list[SimilarListing]:
        said = body | {"k": k, "filters": filters or {}, "options": options or {}}
        return SIMILAR.validate_json(self._send("POST", f"/v1/search/{by}", json=said).content)

    def _one(self, kind: type[Model], method: str, path: str, **sent: Any) -> Model:
        return kind.model_validate_json(self._send(method, path, **sent).content)

    def _pages(self, kind: type[Model], path: str, field: str, params: dict[str, Any]) -> Iterator[Model]:
        after: str | None = None
        while True:
            page = self._send("GET", path, params=params | ({"after": after} if after else {})).json()
            yield from (kind.model_validate(item) for item in page[field])
            after = page["next"]
            if after is None:
                return

    def _events(self, path: str) -> Iterator[httpx2.ServerSentEvent]:
        with (
            reachable(),
            self._http.stream("GET", self._base + path, headers=self._headers, timeout=STREAM_TIMEOUT_S) as response,
        ):
            if response.is_error:
                response.read()
                raise problem_of(response)
            yield from httpx2.EventSource(response)

    def _send(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        with reachable():
            response = self._http.request(method, self._base + path, headers=self._headers, **sent)
        if response.is_error:
            raise problem_of(response)
        return response


def path_of(listing: int | tuple[str, str]) -> str:
    if isinstance(listing, int):
        return f"/v1/listings/{listing}"
    catalogue, external_id = listing
    return f"/v1/catalogues/{quote(catalogue, safe='')}/listings/{quote(external_id, safe='')}"


def query(*parts: Named | None, **more: Any) -> dict[str, Any]:
    """Filters and options as query parameters; metadata is `metadata.COLUMN`, as in SQL. None is left out."""
    merged = {name: value for part in parts if part for name, value in part.items()} | more
    return {name: value for name, value in merged.items() if value is not None}


def as_text(value: object) -> str:
    """As a form has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def opened(file: PhotoFile | None) -> Iterator[Any]:
    """What a form field takes: an open file, closed afterwards if it was opened here, under the name it has."""
    if isinstance(file, Path):
        with file.open("rb") as stream:
            yield file.name, stream
    else:
        yield ("photo", file) if file is not None else None


@contextmanager
def reachable() -> Iterator[None]:
    try:
        yield
    except httpx2.TransportError as error:
        raise NotReachable(f"{NotReachable.__doc__} ({type(error).__name__})") from error
