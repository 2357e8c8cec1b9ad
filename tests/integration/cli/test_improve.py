"""`modiste improve` before it trains: what it asks for."""

from collections.abc import Iterator
from typing import Any

import pytest

from db.engine import open_engine, transaction
from db.meanings import word_meanings
from tests.integration.db.conftest import Shop, open_shop

Command = Any  # tests/integration/cli/conftest.py


@pytest.fixture
def shop(command: Command) -> Iterator[Shop]:
    engine = open_engine(command.database_url)
    yield open_shop(engine)
    engine.dispose()


def test_where_few_listings_are_corrected_it_says_how_many_it_takes(command: Command, shop: Shop) -> None:
    shop.stock(shop.item("a", [1, 0, 0]))
    said = command.refuse("improve", "--catalogue", "shop")
    assert "people have corrected or confirmed 0 listings of catalogue shop; from 20 on" in said
    assert "no catalogue" in command.refuse("improve", "--catalogue", "nowhere")


def test_a_word_means_what_most_listings_with_it_show_unless_it_could_be_several(shop: Shop) -> None:
    def items(word: str, **shown: int) -> list[Any]:
        return [
            shop.item(f"{word}-{category}-{n}", [1, 0, 0], seller_category=word, categories={category: 0.9})
            for category, count in shown.items()
            for n in range(count)
        ]

    shop.stock(*items("Kleider", Dress=10, Skirt=1), *items("Tops", Shirt=6, Top=3), *items("Hüte", Hat=3))
    with transaction(shop.engine) as connection:
        assert word_meanings(connection, "shop") == {"Kleider": "Dress"}
        assert word_meanings(connection, "another") == {}
