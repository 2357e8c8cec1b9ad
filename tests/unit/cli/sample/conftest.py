"""One small catalogue, drawn once for all tests of its tables and photos."""

from pathlib import Path

import pytest

from cli.sample import draw_catalogue

PRODUCTS = 12


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_catalogue(tmp_path_factory.mktemp("sample"), products=PRODUCTS)
