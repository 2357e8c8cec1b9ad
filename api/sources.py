"""Sources of photos as HTTP may show them: URLs without what would let a reader fetch as the one who wrote them."""

import re
from urllib.parse import SplitResult, urlsplit, urlunsplit

SECRET = frozenset(
    {"signature", "sig", "credential", "credentials", "token", "secret", "password", "pass", "pwd", "auth", "key"}
    | {"apikey", "awsaccesskeyid", "policy"}
)


def public_source(source: str) -> str:
    """A photo's source; of a URL neither user nor password, nor the values of a signature or token."""
    try:
        url = urlsplit(source)
    except ValueError:  # brackets that make no URL
        return source.rpartition("@")[2]
    if not url.scheme or not url.netloc:
        return source
    return urlunsplit(SplitResult(url.scheme, url.netloc.rpartition("@")[2], url.path, public_query(url.query), ""))


def public_query(query: str) -> str:
    return "&".join(f"{pair.partition('=')[0]}=***" if is_secret(pair) else pair for pair in query.split("&"))


def is_secret(pair: str) -> bool:
    """Whether a word of the name says so: `X-Amz-Signature`, `access_token`, `apikey`."""
    name, equals, _ = pair.partition("=")
    return bool(equals) and not SECRET.isdisjoint(re.split(r"[^a-z]+", name.lower()))
