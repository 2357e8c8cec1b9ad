"""What can go wrong with photos before they are looked at. The docstring is the message.

PhotosError
├── NoPhotosThere
├── BadZip
├── PhotoGone
├── PhotoDamaged
└── PhotoTooLarge
FetchError          a request gave nothing
└── HostGivenUp     no request was made, nor will be for some time
NotNow              no request was made, and nothing is held against the photo
├── HostBusy
└── HostResting
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
    """Why a URL gave nothing. A closed set: `worker.photos.retry` says of each what follows from it."""

    NOT_FOUND = "not_found"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    HTTP_ERROR = "http_error"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    DNS = "dns"
    UNKNOWN_HOST = "unknown_host"
    CONNECTION = "connection"
    CERTIFICATE = "certificate"
    CUT_SHORT = "cut_short"
    BAD_RESPONSE = "bad_response"
    WEB_PAGE = "web_page"
    REFUSED_HOST = "refused_host"
    BAD_URL = "bad_url"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    TOO_LARGE = "too_large"
    EMPTY = "empty"


class FetchError(Exception):
    """A URL gave nothing: `fault` says why, `retry_after_s` how long the server asks to be left alone.

    The message names the URL without credentials and without its query (signatures stand there).
    """

    def __init__(self, fault: FetchFault, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(fault, detail, retry_after_s)
        self.fault = fault
        self.detail = detail
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.fault.value}: {self.detail}"


class HostGivenUp(FetchError):
    """The host has answered nothing for so long that its photos are not waited for; `fault` is its last one."""


class NotNow(Exception):
    """The host is not asked now, so that it can recover and nobody waits for it in vain."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host


class HostBusy(NotNow):
    """As many requests as it may have are on their way: one more may go when one of them ends."""


class HostResting(NotNow):
    """The host asked to be left alone, or does not answer; it may be asked in `due_in_s` seconds."""

    def __init__(self, host: str, due_in_s: float) -> None:
        super().__init__(host)
        self.due_in_s = due_in_s
