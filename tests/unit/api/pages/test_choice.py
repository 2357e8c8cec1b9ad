import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from api.pages.choice import Choice, Facet, catalogue_links, chosen, facets_of, removals
from db.browsing import CatalogueSize
from db.facets import FacetCount, Facets

VALUES = Facets(
    categories=[FacetCount(value="Dress", listings=1234)],
    attributes={
        "fit": [FacetCount(value="Slim", listings=2)],
        "colour": [FacetCount(value="Red", listings=7), FacetCount(value="Blue", listings=5)],
    },
    brands=[FacetCount(value="Acme", listings=3)],
    sellers=[],
    sure=1200,
    unsure=34,
    prices=None,
    estimated=False,
)


def read(**given: object) -> Choice:
    return asyncio.run(chosen(**given))  # type: ignore[arg-type]


def test_an_address_and_its_choice_say_the_same() -> None:
    choice = Choice(catalogue="a & b", category="T-Shirt", attributes=("colour:Navy Blue", "fit:Slim"))
    assert choice.url() == "/?catalogue=a+%26+b&category=T-Shirt&attributes=colour%3ANavy+Blue&attributes=fit%3ASlim"
    assert Choice().url() == "/"
    assert choice.search_url == "/search?catalogue=a+%26+b"


def test_empty_fields_choose_nothing_and_of_one_group_the_last_counts() -> None:
    choice = read(catalogue="", category="", attributes=["", "colour:Red", "colour:Blue", ""])
    assert choice == Choice(attributes=("colour:Blue",))
    assert choice.as_filters() == {"attributes": ["colour:Blue"]}
    assert Choice().as_filters() == {}


def test_prices_and_sureness_are_filters_and_what_cannot_be_read_is_none() -> None:
    choice = read(sure="no", seller="Lee", price_min="49.90", price_max="a lot")
    assert choice == Choice(sure="no", seller="Lee", price_min="49.90")
    assert choice.as_filters() == {"abstained": True, "seller": "Lee", "price_min": 49.9}
    assert choice.url() == "/?seller=Lee&sure=no&price_min=49.90"
    assert [link.text for link in removals(choice)] == ["Lee", "Not sure", "from 49.90"]
    assert read(sure="perhaps", price_max="1e9") == Choice()


def told(facet: Facet) -> list[tuple[str, str | None, str]]:
    return [(value.text, value.count, value.href) for value in facet.first]


def test_facets_come_in_the_order_of_what_one_looks_for_and_hold_what_is_chosen() -> None:
    facets = facets_of(Choice(category="Tie", attributes=("colour:Red", "shine:Matt")), VALUES)
    assert [facet.label for facet in facets] == ["Category", "Colour", "Shine", "Fit", "Brand", "The model is"]
    assert [facet.chosen for facet in facets] == ["Tie", "Red", "Matt", None, None, None]
    assert [facet.open for facet in facets] == [True, True, True, False, False, False]
    kept = "attributes=colour%3ARed&attributes=shine%3AMatt"
    assert told(facets[0]) == [("Dress", "1,234", f"/?category=Dress&{kept}"), ("Tie", None, f"/?{kept}")]
    assert told(facets[1]) == [
        ("Red", "7", "/?category=Tie&attributes=shine%3AMatt"),
        ("Blue", "5", "/?category=Tie&attributes=shine%3AMatt&attributes=colour%3ABlue"),
    ]
    assert [value.here for value in facets[1].first] == [True, False]
    assert all(value.swatch for value in facets[1].first)
    assert [text for text, *_ in told(facets[-1])] == ["Sure", "Not sure"]
    about = facets_of(Choice(), replace(VALUES, estimated=True))
    assert told(about[0]) == [("Dress", "about 1,200", "/?category=Dress")]


def test_of_a_long_list_the_first_are_in_sight_and_what_is_chosen() -> None:
    many = [FacetCount(value=f"brand {n}", listings=99 - n) for n in range(30)]
    facets = facets_of(Choice(brand="brand 20"), replace(VALUES, brands=many))
    (brands,) = [facet for facet in facets if facet.label == "Brand"]
    assert [value.text for value in brands.first] == [f"brand {n}" for n in (*range(8), 20)]
    assert len(brands.first) + len(brands.rest) == 30


def test_the_form_of_words_and_prices_keeps_the_other_filters() -> None:
    choice = Choice(catalogue="a", q="silk", category="Tie", price_min="5", attributes=("colour:Red",))
    assert choice.kept == [("catalogue", "a"), ("category", "Tie"), ("attributes", "colour:Red")]


def test_each_filter_can_be_taken_away_alone() -> None:
    choice = Choice(catalogue="a", category="Tie", attributes=("colour:Red", "fit:Slim"))
    assert [(link.text, link.href) for link in removals(choice)] == [
        ("Tie", "/?catalogue=a&attributes=colour%3ARed&attributes=fit%3ASlim"),
        ("Red", "/?catalogue=a&category=Tie&attributes=fit%3ASlim"),
        ("Slim", "/?catalogue=a&category=Tie&attributes=colour%3ARed"),
    ]


def test_catalogues_with_nothing_in_them_are_no_choice() -> None:
    sizes = [
        CatalogueSize(name=name, listings=listings, estimated=False, created_at=datetime(2026, 1, 1, tzinfo=UTC))
        for name, listings in [("a", 3), ("b", 0), ("c", 1)]
    ]
    assert [(link.text, link.count) for link in catalogue_links(Choice(), sizes)] == [
        ("All", None),
        ("a", "3"),
        ("c", "1"),
    ]
    assert catalogue_links(Choice(), sizes[:2]) == []
