"""What can go wrong with photos before they are looked at. The docstring is the message.

PhotosError
├── NoPhotosThere
├── BadZip
├── PhotoGone
├── PhotoDamaged
└── PhotoTooLarge
FetchError
"""

from enum import StrEnum


class PhotosError(Exception):
    """The photos cannot be read."""

    def __init__(self, message: str | None = None, /, **details: object) -> None:
        super().__init__(message if message is not None else (self.__doc__ or "").format(**details))


class NoPhotosThere(PhotosError):
    """{path} is neither a folder nor a zip of photos. Give --photos the folder or zip that holds them."""


class BadZip(PhotosError):
    """{path} cannot be read as a zip: {reason}. Make it again, or unpack it and give the folder."""


class PhotoGone(PhotosError):
    """{name} was there when the feed was read and is not any more."""


class PhotoDamaged(PhotosError):
    """{name} cannot be read: {reason}."""


class PhotoTooLarge(PhotosError):
    """{name} has {size} bytes, more than the {limit} a photo may have."""


class FetchFault(StrEnum):
    """Why a URL gave nothing. A closed set: it becomes the reason of a quarantine."""

    NOT_FOUND = "not_found"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    HTTP_ERROR = "http_error"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    DNS = "dns"
    CONNECTION = "connection"
    BAD_RESPONSE = "bad_response"
    REFUSED_HOST = "refused_host"
    BAD_URL = "bad_url"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    TOO_LARGE = "too_large"
    EMPTY = "empty"


RETRYABLE = frozenset(
    {
        FetchFault.RATE_LIMITED,
        FetchFault.SERVER_ERROR,
        FetchFault.TIMEOUT,
        FetchFault.DNS,
        FetchFault.CONNECTION,
        FetchFault.BAD_RESPONSE,
    }
)


class FetchError(Exception):
    """A URL gave nothing: `fault` says why, `retryable` whether another try may help, `retry_after_s` when.

    The message names the URL without credentials and without its query (signatures stand there).
    """

    def __init__(self, fault: FetchFault, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(fault, detail, retry_after_s)
        self.fault = fault
        self.detail = detail
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[object, ...]:
        return _fetch_error, (self.fault, self.detail, self.retry_after_s)

    def __str__(self) -> str:
        return f"{self.fault.value}: {self.detail}"

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.fault in RETRYABLE


def _fetch_error(fault: FetchFault, detail: str, retry_after_s: float | None) -> FetchError:
    return FetchError(fault, detail, retry_after_s=retry_after_s)
