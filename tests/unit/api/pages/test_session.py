import pytest
from starlette.datastructures import Headers

from api.keys import Asker
from api.pages import origins, session
from db.states import KeyScope

NOW = 1_800_000_000.0


def asker(secret: str, key_id: int = 7) -> Asker:
    return Asker(id=key_id, name="shop", scope=KeyScope.READ, secret=secret.encode())


KEY = asker("secret")


def test_a_token_is_valid_for_its_key_until_it_expires() -> None:
    token = session.token_of(KEY, now_s=NOW)
    assert session.is_valid(token, KEY, now_s=NOW + session.LASTS_S - 2)
    assert not session.is_valid(token, KEY, now_s=NOW + session.LASTS_S + 2)
    assert session.claimed_key(token) == 7
    assert not session.is_valid(token, asker("another secret"), now_s=NOW)
    assert not session.is_valid(token, asker("secret", key_id=8), now_s=NOW)


@pytest.mark.parametrize(
    "token", ["", ".", "1.", "9999999999", "7.9999999999", "7.9999999999.00", "٧.9.00", "\udcff.\udcff", "a" * 10_000]
)
def test_what_was_not_signed_is_no_token(token: str) -> None:
    assert not session.is_valid(token, KEY, now_s=NOW)
    assert session.claimed_key(token) is None


def test_an_expiry_that_was_moved_is_not_signed() -> None:
    key, expires, signed = session.token_of(KEY, now_s=NOW).split(".")
    assert not session.is_valid(f"{key}.{int(expires) + 1}.{signed}", KEY, now_s=NOW)
    assert not session.is_valid(f"{key}.0{expires}.{signed}", KEY, now_s=NOW)
    assert not session.is_valid(f"0{key}.{expires}.{signed}", KEY, now_s=NOW)


@pytest.mark.parametrize(
    ("headers", "ours", "foreign"),
    [
        ({"host": "a:8000"}, False, False),
        ({"host": "a:8000", "origin": "http://a:8000"}, True, False),
        ({"host": "a:8000", "origin": "http://a:9000"}, False, True),
        ({"host": "a", "origin": "null"}, False, True),
        ({"host": "a", "origin": "http://a.evil.example"}, False, True),
        ({"host": "a", "origin": "http://[", "sec-fetch-site": "same-origin"}, True, False),
        ({"host": "a", "origin": "http://a", "sec-fetch-site": "cross-site"}, False, True),
        ({"host": "a", "origin": "http://b", "authorization": "Bearer key"}, False, False),
        ({"origin": ""}, False, True),
    ],
)
def test_a_browser_says_whose_page_sent_it(headers: dict[str, str], ours: bool, foreign: bool) -> None:
    assert origins.is_ours(Headers(headers)) is ours
    assert origins.is_foreign(Headers(headers)) is foreign
