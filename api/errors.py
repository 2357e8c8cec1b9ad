"""What the API itself raises. The docstring is the message; `status` is HTTP's, `reason` a word for programs.

ApiError
├── KeyNeeded
├── ScopeNeeded
├── TooManyRequests
├── WrongContentType
├── EmptyUpload
├── BadImport
├── BadPhotoSource
├── BodyTooLarge
├── NoStoredPhoto
└── TooManyListen
"""

from collections.abc import Mapping
from typing import ClassVar


class ApiError(Exception):
    """The request cannot be served."""

    status: ClassVar[int] = 400
    reason: ClassVar[str | None] = None
    headers: ClassVar[Mapping[str, str] | None] = None

    def __init__(self, **details: object) -> None:
        super().__init__((self.__doc__ or "").strip().format(**details))

    def answer_headers(self) -> Mapping[str, str] | None:
        return self.headers


class KeyNeeded(ApiError):
    """This route needs an API key that stands, as `Authorization: Bearer KEY`."""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class ScopeNeeded(ApiError):
    """This needs a key of scope {needed}; yours, {name}, is of scope {has}. Whoever runs modiste makes keys."""

    status = 403
    reason = "scope"


class TooManyRequests(ApiError):
    """More than {per_minute:,} a minute; ask again in {retry_after_s} s."""

    status = 429
    reason = "rate"

    def __init__(self, *, per_minute: int, retry_after_s: int) -> None:
        super().__init__(per_minute=per_minute, retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s

    def answer_headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self.retry_after_s)}


class WrongContentType(ApiError):
    """This route takes {wanted}, not {given}."""

    status = 415
    reason = "wrong_content_type"


class EmptyUpload(ApiError):
    """The uploaded file {name!r} has no bytes; send the photo itself, as in curl -F photo=@FILE."""

    status = 422
    reason = "empty"


class BadImport(ApiError):
    """{detail}"""

    status = 422

    def __init__(self, detail: str) -> None:
        super().__init__(detail=detail)


class BadPhotoSource(ApiError):
    """{source!r} is no photo; give an http(s):// URL, or a source that POST /v1/photos gave."""

    status = 422
    reason = "unknown_photo"


class BodyTooLarge(ApiError):
    """The body is larger than the {limit:,} bytes that this route takes."""

    status = 413
    reason = "too_large"
    headers: ClassVar[Mapping[str, str]] = {"Connection": "close"}


class NoStoredPhoto(ApiError):
    """The store has no bytes of photo {photo_id}: it is unknown or not fetched yet; its listing tells its state."""

    status = 404


class TooManyListen(ApiError):
    """Too many streams of events are open here; ask `GET /v1/imports/ID` now and then, or try again later."""

    status = 503
    reason = "too_many_streams"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "30"}
