"""One small catalogue, drawn once for all tests of its tables and photos."""

from pathlib import Path

import pytest

from cli.sample import draw_catalogue

PRODUCTS = 10  # the tenth is sold by two sellers


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_catalogue(tmp_path_factory.mktemp("sample"), products=PRODUCTS)
