from pathlib import Path
from typing import Any

import pytest

from api.settings import ApiSettings, NoKeyBeyondLoopback


def settings(**given: Any) -> ApiSettings:
    return ApiSettings(
        database_url="postgresql://", broker_url="redis://", store_url="store", cache=Path("cache"), **given
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_on_loopback_no_key_is_needed(host: str) -> None:
    assert settings(host=host).key is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "shop.example"])
def test_beyond_loopback_it_refuses_to_start_without_a_key(host: str) -> None:
    with pytest.raises(NoKeyBeyondLoopback, match="MODISTE_API_KEY"):
        settings(host=host)
    assert settings(host=host, key="secret").host == host
