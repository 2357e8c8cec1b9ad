import pytest

from api.settings import ApiSettings, NoKeyBeyondLoopback


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_on_loopback_no_key_is_needed(host: str) -> None:
    assert ApiSettings(database_url="postgresql://", host=host).key is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "shop.example"])
def test_beyond_loopback_it_refuses_to_start_without_a_key(host: str) -> None:
    with pytest.raises(NoKeyBeyondLoopback, match="MODISTE_API_KEY"):
        ApiSettings(database_url="postgresql://", host=host)
    assert ApiSettings(database_url="postgresql://", host=host, key="secret").host == host
