import pytest

from db.servers import OLDEST_PGVECTOR, OLDEST_POSTGRES, numbers


@pytest.mark.parametrize(
    ("version", "wanted"),
    [("18.4", (18, 4)), ("15.18 (Debian 15.18-0+deb12u1)", (15, 18)), ("19beta1", (19,)), ("0.8.0", (0, 8, 0))],
)
def test_versions_are_compared_as_numbers(version: str, wanted: tuple[int, ...]) -> None:
    assert numbers(version) == wanted


@pytest.mark.parametrize("version", ["14.19", "9.6.24"])
def test_an_old_server_is_too_old(version: str) -> None:
    assert numbers(version) < (OLDEST_POSTGRES,) <= numbers("15.0")


@pytest.mark.parametrize("version", ["0.7.4", "0.6.2", "0.4.4"])
def test_an_old_pgvector_is_too_old(version: str) -> None:
    assert numbers(version) < OLDEST_PGVECTOR <= numbers("0.10.0")
