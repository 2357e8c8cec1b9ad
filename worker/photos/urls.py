"""URLs as they stand in feeds: which are fit to be fetched, and how they are named in messages."""

import re

import httpcore2
import httpx2

from worker.photos.errors import FetchError, FetchFault


def parse_url(text: str) -> httpx2.URL:
    """An absolute http(s) URL without credentials; raises FetchError(bad_url)."""
    try:
        url = httpx2.URL(text.strip())
    except (httpx2.InvalidURL, ValueError, TypeError) as error:
        raise FetchError(FetchFault.BAD_URL, f"{_without_secrets(text)} is not a URL: {_says(error)}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise FetchError(FetchFault.BAD_URL, f"{_without_secrets(text)} is not an http:// or https:// address")
    if url.port is not None and not 0 < url.port < 65536:
        raise FetchError(FetchFault.BAD_URL, f"{public_name(url)} names port {url.port}, which cannot be")
    if url.userinfo:
        raise FetchError(FetchFault.BAD_URL, f"{public_name(url)} carries credentials; they are not sent")
    return url


def join_url(base: httpx2.URL, location: str) -> httpx2.URL:
    """Where a redirect of `base` leads; raises FetchError(bad_url)."""
    try:
        joined = str(base.join(location))
    except (httpx2.InvalidURL, ValueError, TypeError) as error:
        raise FetchError(FetchFault.BAD_URL, f"{public_name(base)} redirects to no URL: {_says(error)}") from error
    return parse_url(joined)


def public_name(url: httpx2.URL) -> str:
    """The URL for messages: no credentials, no query (signatures stand there), at most 200 characters."""
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.host}{port}{url.path}"[:200]


def host_name(url: httpx2.URL) -> str:
    """Whom the URL asks: the host, with its port where it is none of the usual ones."""
    return f"{url.host}:{url.port}" if url.port else url.host


def as_core_url(url: httpx2.URL) -> httpcore2.URL:
    """The same URL in httpcore2's terms."""
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _says(error: Exception) -> str:
    """The library's words without what it quotes: a password may stand where it found no port."""
    return str(error).partition(":")[0]


def _without_secrets(text: str) -> str:
    """What stands in the feed, without what may be credentials, query or fragment, whether it is a URL or not."""
    head = re.split(r"[?#]", text.strip(), maxsplit=1)[0]
    scheme, separator, rest = head.rpartition("://")
    authority, slash, path = rest.rpartition("@")[2].partition("/")
    host, _, port = authority.partition(":")
    shown = authority if port.isdecimal() or not port else f"{host}:…"
    return repr(f"{scheme}{separator}{shown}{slash}{path}"[:200])
