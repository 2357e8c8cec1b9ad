"""Similar listings in SQL: what is asked, what is refused, and which listings answer in which order."""

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.engine import transaction
from db.errors import BadQuestion, NotEnriched, UnknownListing
from db.models import activate_model, register_model
from db.similarity import find_listing, photo_digests, similar_listings, similar_to, typed_errors

Shop = Any  # the fixture's class, in conftest.py

QUERY = [1.0, 0.0, 0.0]
NASTY = [
    "'; DROP TABLE modiste.listing; --", '"', "\\", "$1", "%s %(x)s %", "{}", '{"a": 1}', "a,b", "O'Neill", "größe 👗",
    "\\'", ":name", "NULL", "", " ", "\n\t",
]  # fmt: skip


def near(degree: float) -> list[float]:
    """The further from 0, the less like QUERY."""
    return [1.0, degree / 100, 0.0]


@pytest.fixture(scope="module")
def shelf(module_shop: Shop) -> dict[str, int]:
    """A shop of listings in the order of their likeness to "asked", each with something of its own."""
    shop = module_shop
    women = {"gender": "Women", "currency": "EUR", "price": Decimal(100)}
    return shop.stock(
        shop.item("asked", QUERY, brand="Ann", **women, attributes={"colour:Blue": 0.9, "style:Casual": 0.8}),
        shop.item(
            "blue", near(1), near(90), brand="Ann", colour="Blue", size="M", **women,
            attributes={"colour:Blue": 0.5, "style:Casual": 0.9, "fit:Slim": 0.7},
            metadata={"season": "Summer", "year": "2015", "on sale": "true"},
        ),
        shop.item(
            "man", near(2), brand="Bob", gender="Men", currency="EUR", price=Decimal("9.99"), seller="bob",
            categories={"Shirt": 0.8}, metadata={"season": "Winter", "year": "2016", "on sale": "false"},
        ),
        shop.item("gone", near(3), available=False, **women),
        shop.item("dollar", near(4), gender="Women", currency="USD", price=Decimal(50), seller="eve"),
        shop.item("free", near(5), gender="Women", seller_category="Gifts", metadata={"season": "Summer"}),
        *(shop.item(f"nasty {place}", near(20 + place), brand=value, metadata={value: value})
          for place, value in enumerate(NASTY)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def other_catalogue(module_shop: Shop, shelf: dict[str, int]) -> dict[str, int]:
    ids: dict[str, int] = module_shop.stock(module_shop.item("abroad", near(0.5)), catalogue="abroad")
    return ids


def ask(shop: Shop, asked: int | list[float], filters: Any = None, k: int = 1000) -> list[str]:
    """The external ids of the answer."""
    with transaction(shop.engine) as connection:
        question = similar_to if isinstance(asked, list) else similar_listings
        return [row.external_id for row in question(connection, asked, k=k, filters=filters)]  # type: ignore[operator]


def sqlstate(shop: Shop, call: str, **values: Any) -> tuple[str, str]:
    """Code and message of the error that the question raises."""
    with transaction(shop.engine) as connection, pytest.raises(DBAPIError) as raised:
        connection.execute(text(f"SELECT * FROM modiste.{call}"), values)
    return raised.value.orig.pgcode, str(raised.value.orig)  # type: ignore[union-attr]


def plain(names: list[str]) -> list[str]:
    return [name for name in names if not name.startswith("nasty")]


def test_the_columns_are_the_promised_ones_in_their_order(module_shop: Shop, shelf: dict[str, int]) -> None:
    promised = [
        "listing_id", "catalogue", "external_id", "title", "category", "score", "photo_id", "matched_photo_id",
        "folded", "why", "how",
    ]  # fmt: skip
    for call in (f"similar_listings({shelf['asked']})", "similar_to('{1,0,0}')"):
        rows = module_shop.rows(f"SELECT * FROM modiste.{call}")
        assert list(rows[0]) == promised
        assert len(rows) == 12
    view = module_shop.rows("SELECT * FROM modiste.listing_enrichment LIMIT 1")
    assert list(view[0]) == [
        "listing_id", "catalogue", "external_id", "category", "category_score", "abstained", "corrected", "attributes",
        "attribute_scores", "photos", "model_version", "enriched_at",
    ]  # fmt: skip


def test_the_interface_is_documented_in_the_database(module_shop: Shop) -> None:
    for thing in ("listing", "photo", "import", "import_row", "enrichment", "listing_enrichment"):
        assert module_shop.one("SELECT obj_description(to_regclass(:name), 'pg_class')", name=f"modiste.{thing}")
    for function in ("similar_listings(bigint,int,jsonb,jsonb)", "similar_to(real[],int,jsonb,jsonb)"):
        assert "filters" in module_shop.one(
            "SELECT obj_description(to_regprocedure(:name), 'pg_proc')", name=f"modiste.{function}"
        )


def test_a_listing_is_never_similar_to_itself_and_answers_once_whatever_its_photos(shop: Shop) -> None:
    ids = shop.stock(
        shop.item("a", [1, 0, 0], [0, 1, 0]),
        shop.item("b", [0, 0.9, 0.1], [0.1, 0.9, 0], [0.9, 0.1, 0.5]),
        shop.item("c", [0, 1, 0], [1, 0, 0], of="placeholder"),
        shop.item("d", [0, 0, 1]),
    )
    with transaction(shop.engine) as connection:
        rows = similar_listings(connection, ids["a"], k=10)
    assert [row.external_id for row in rows] == ["c", "b", "d"]
    assert {row.how for row in rows} == {"partial"}


def test_the_best_pair_of_photos_speaks_for_two_listings(shop: Shop) -> None:
    ids = shop.stock(shop.item("a", [1, 0, 0], [0, 1, 0]), shop.item("b", [0, 0, 1], [0.5, 0, 1], [0, 1, 0.1]))
    with transaction(shop.engine) as connection:
        (row,) = similar_listings(connection, ids["a"], k=1)
        digests = photo_digests(connection, [row.photo_id or 0, row.matched_photo_id])
    photos = {photo["id"]: photo["source"] for photo in shop.rows("SELECT id, source FROM modiste.photo")}
    assert (photos[row.photo_id], photos[row.matched_photo_id]) == ("a/1", "b/2")
    assert (row.score, row.how, row.folded) == (pytest.approx(1 / 1.01**0.5, abs=1e-3), "exact", 0)
    assert digests[row.matched_photo_id] == shop.content("shop/b/2").sha256.hex()


def test_the_order_is_by_score_then_by_listing(shop: Shop) -> None:
    same = [shop.item(name, [0.6, 0.8, 0]) for name in "gfedcb"]
    ids = shop.stock(
        shop.item("a", [1, 0, 0]), *same, shop.item("opposite", [-1, 0, 0]), shop.item("best", [1, 0.1, 0])
    )
    with transaction(shop.engine) as connection:
        rows = similar_listings(connection, ids["a"], k=10)
    middle = [row.listing_id for row in rows[1:-1]]
    assert (rows[0].external_id, rows[-1].external_id, rows[-1].score) == ("best", "opposite", 0)
    assert middle == sorted(middle)
    assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)


def test_why_names_what_both_listings_share(module_shop: Shop, shelf: dict[str, int]) -> None:
    with transaction(module_shop.engine) as connection:
        why = {row.external_id: row.why for row in similar_listings(connection, shelf["asked"])}
        assert similar_to(connection, QUERY, k=1)[0].why == {}
    assert why["blue"] == {"category": "Dress", "attributes": pytest.approx({"colour:Blue": 0.5, "style:Casual": 0.8})}
    assert why["man"] == {}


DEFAULT = ["blue", "man", "dollar", "free"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, DEFAULT),
        ({"category": "Shirt"}, ["man"]),
        ({"category": ["Shirt", "Dress"]}, DEFAULT),
        ({"category": []}, []),
        ({"seller_category": "Gifts"}, ["free"]),
        ({"brand": "Ann"}, ["blue"]),
        ({"brand": "ann"}, []),
        ({"brand": ["Ann", "Bob", "Nobody"]}, ["blue", "man"]),
        ({"gender": "Men"}, ["man"]),
        ({"colour": "Blue"}, ["blue"]),
        ({"size": ["M", "L"]}, ["blue"]),
        ({"attributes": "colour:Blue"}, ["blue"]),
        ({"attributes": ["colour:Blue", "fit:Slim"]}, ["blue"]),
        ({"attributes": ["colour:Blue", "fit:Wide"]}, []),
        ({"attributes": []}, DEFAULT),
        ({"price_max": 100}, ["blue", "man"]),
        ({"price_min": 10}, ["blue"]),
        ({"price_min": 9.99, "price_max": 9.99}, ["man"]),
        ({"price_max": 60, "currency": "USD"}, ["dollar"]),
        ({"price_max": 60, "currency": ["USD", "EUR"]}, ["man", "dollar"]),
        ({"currency": "USD"}, ["dollar"]),
        ({"available": False}, ["gone"]),
        ({"available": [True, False]}, ["blue", "man", "gone", "dollar", "free"]),
        ({"exclude_seller": "bob"}, ["blue", "dollar", "free"]),
        ({"exclude_seller": ["bob", "eve"]}, ["blue", "free"]),
        ({"exclude_seller": []}, DEFAULT),
        ({"metadata.season": "Summer"}, ["blue", "free"]),
        ({"metadata.season": ["Summer", "Winter"]}, ["blue", "man", "free"]),
        ({"metadata.year": 2015}, ["blue"]),
        ({"metadata.year": [2015, "2016"]}, ["blue", "man"]),
        ({"metadata.on sale": True}, ["blue"]),
        ({"metadata.season": "Summer", "metadata.year": "2015"}, ["blue"]),
        ({"metadata.year": "2016", "metadata.season": "Summer"}, []),
        ({"metadata.nothing": "Summer"}, []),
        ({"catalogue": "nowhere"}, []),
        ({"gender": "Women", "price_max": 1500, "attributes": "style:Casual", "metadata.year": 2015}, ["blue"]),
    ],
)
def test_filters_keep_what_they_say(
    module_shop: Shop, shelf: dict[str, int], filters: dict[str, Any], expected: list[str]
) -> None:
    assert plain(ask(module_shop, shelf["asked"], filters)) == expected


def test_the_catalogue_is_the_askers_own_unless_others_are_named(
    module_shop: Shop, shelf: dict[str, int], other_catalogue: dict[str, int]
) -> None:
    asked = shelf["asked"]
    assert "abroad" not in ask(module_shop, asked)
    assert ask(module_shop, asked, {"catalogue": "abroad"}) == ["abroad"]
    assert plain(ask(module_shop, asked, {"catalogue": ["abroad", "shop"]})) == ["abroad", *DEFAULT]
    assert plain(ask(module_shop, QUERY)) == ["asked", "abroad", *DEFAULT]
    assert ask(module_shop, QUERY, {"catalogue": "abroad"}) == ["abroad"]


def test_prices_are_compared_in_any_currency_where_the_asked_listing_has_none(
    module_shop: Shop, shelf: dict[str, int]
) -> None:
    assert plain(ask(module_shop, shelf["free"], {"price_max": 60})) == ["dollar", "man"]
    assert plain(ask(module_shop, QUERY, {"price_max": 60})) == ["man", "dollar"]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.sampled_from(NASTY)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=TEXTS, values=st.lists(TEXTS, max_size=3), key=TEXTS, negative=TEXTS)
@example(value=NASTY[0], values=NASTY, key=NASTY[0], negative=NASTY[0])
def test_any_text_as_a_value_or_a_metadata_key_matches_itself_or_nothing(
    module_shop: Shop, shelf: dict[str, int], value: str, values: list[str], key: str, negative: str
) -> None:
    def matching(*wanted: str) -> list[str]:
        return [f"nasty {place}" for place, has in enumerate(NASTY) if has in wanted]

    shop, asked = module_shop, shelf["asked"]
    assert [name for name in ask(shop, asked, {"brand": value}) if name.startswith("nasty")] == matching(value)
    assert [name for name in ask(shop, asked, {"brand": values}) if name.startswith("nasty")] == matching(*values)
    assert not ask(shop, asked, {"attributes": [f"fit:x{value}", *(f"fit:{text}x" for text in values)]})
    for name in ("category", "seller_category", "gender", "colour", "size", "currency"):
        assert not [hit for hit in ask(shop, asked, {name: value}) if value in NASTY]
    assert len(ask(shop, asked, {"exclude_seller": negative})) == len(DEFAULT) + len(NASTY)
    if key:
        assert ask(shop, asked, {f"metadata.{key}": key, "exclude_seller": value}) == [
            f"nasty {place}" for place, has in enumerate(NASTY) if has == key
        ]
        if key != value:
            assert ask(shop, asked, {f"metadata.{key}": value}) == []
    assert shop.one("SELECT count(*) FROM modiste.listing WHERE catalogue = 'shop'") == len(shelf)


@pytest.mark.parametrize(
    ("filters", "complaint"),
    [
        ("[]", "filters must be a JSON object"),
        ('"x"', "filters must be a JSON object"),
        ("null", "filters must be a JSON object"),
        (None, "filters must be a JSON object, not NULL"),
        ('{"colors": "Blue"}', 'unknown filter "colors"'),
        ('{"metadata.": "x"}', 'unknown filter "metadata."'),
        ('{"metadata": {"season": "x"}}', 'unknown filter "metadata"'),
        ('{"brand": 1}', 'filter "brand" takes string or a list of them, not 1'),
        ('{"brand": null}', 'filter "brand" takes string'),
        ('{"brand": ["x", null]}', 'filter "brand" takes string'),
        ('{"brand": {"x": 1}}', 'filter "brand" takes string'),
        ('{"brand": [["x"]]}', 'filter "brand" takes string'),
        ('{"attributes": true}', 'filter "attributes" takes string'),
        ('{"attributes": "Blue"}', 'filter "attributes" takes group:value, not "Blue"'),
        ('{"attributes": ["colour:Blue", "colour:"]}', 'filter "attributes" takes group:value, not "colour:"'),
        ('{"price_max": "10"}', 'filter "price_max" takes number'),
        ('{"price_min": [1, 2]}', 'filter "price_min" takes number'),
        ('{"available": "true"}', 'filter "available" takes boolean'),
        ('{"exclude_seller": 7}', 'filter "exclude_seller" takes string'),
        ('{"metadata.season": {"a": 1}}', 'filter "metadata.season" takes'),
        ('{"metadata.season": null}', 'filter "metadata.season" takes'),
    ],
)
def test_filters_that_say_nothing_sensible_are_refused(
    module_shop: Shop, shelf: dict[str, int], filters: str | None, complaint: str
) -> None:
    for call in (
        f"similar_listings({shelf['asked']}, 3, CAST(:f AS jsonb))",
        "similar_to('{1,0,0}', 3, CAST(:f AS jsonb))",
    ):
        code, message = sqlstate(module_shop, call, f=filters)
        assert code == "22023"
        assert complaint in message


def test_an_attribute_of_a_group_that_the_active_version_lacks_is_refused_with_those_it_has(shop: Shop) -> None:
    ids = shop.stock(shop.item("a", [1, 0, 0]), shop.item("b", [1, 0.1, 0], attributes={"colour:Blue": 0.9}))
    call = f"similar_listings({ids['a']}, 3, CAST(:f AS jsonb))"
    assert len(shop.rows(f"SELECT * FROM modiste.{call}", f='{"attributes": ["colour:Blue"]}')) == 1
    assert shop.rows(f"SELECT * FROM modiste.{call}", f='{"attributes": "fit:Slim"}') == []  # it tells no groups
    labels = {"groups": [{"name": "colour", "values": ["Blue"]}, {"name": "sleeve", "values": ["Long"]}]}
    shop.rows("UPDATE modiste.model_version SET manifest = CAST(:m AS jsonb)", m=json.dumps({"labels": labels}))
    assert len(shop.rows(f"SELECT * FROM modiste.{call}", f='{"attributes": ["colour:Blue"]}')) == 1
    with pytest.raises(BadQuestion, match=r'no attribute group "fit"\. Its groups: colour, sleeve'), typed_errors():
        shop.rows(f"SELECT * FROM modiste.{call}", f='{"attributes": ["colour:Blue", "fit:Slim"]}')


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        ('{"mode": "outfit"}', "22023", 'option "mode" is same_style, same_item or other_colour, not "outfit"'),
        ('{"mode": null}', "22023", 'option "mode" is same_style'),
        ('{"diversity": 1.1}', "22023", 'option "diversity" takes a number from 0 to 1, not 1.1'),
        ('{"min_score": "high"}', "22023", 'option "min_score" takes a number from 0 to 1, not "high"'),
        ('{"fold": 1}', "22023", 'option "fold" takes true or false, not 1'),
        ('{"ef": 400}', "0A000", 'option "ef" is not served: how far the index is walked is planned'),
        ('{"speed": 1}', "22023", 'unknown option "speed"'),
        ("[]", "22023", "options must be a JSON object"),
        (None, "22023", "options must be a JSON object, not NULL"),
    ],
)
def test_options_are_refused_by_name(
    module_shop: Shop, shelf: dict[str, int], options: str | None, code: str, complaint: str
) -> None:
    for function, asked in (("similar_listings", str(shelf["asked"])), ("similar_to", "'{1,0,0}'")):
        said = sqlstate(module_shop, f"{function}({asked}, 3, '{{}}', CAST(:o AS jsonb))", o=options)
        assert (said[0], complaint in said[1]) == (code, True)


@pytest.mark.parametrize("k", [0, -1, None, 1001])
def test_k_is_between_1_and_1000(module_shop: Shop, shelf: dict[str, int], k: int | None) -> None:
    for call in ("similar_listings(:a, CAST(:k AS int))", "similar_to('{1,0,0}', CAST(:k AS int))"):
        code, message = sqlstate(module_shop, call, a=shelf["asked"], k=k)
        assert (code, "k must be between 1 and 1000" in message) == ("22023", True)
    assert len(ask(module_shop, shelf["asked"], k=1)) == 1


def test_a_listing_that_does_not_exist_or_has_no_vector_is_named(shop: Shop) -> None:
    shop.plan("pending")
    (listing,) = shop.rows("SELECT id FROM modiste.listing")
    assert sqlstate(shop, "similar_listings(999999)")[0] == "P0002"
    assert sqlstate(shop, "similar_listings(NULL)")[0] == "P0002"
    for change, said in (
        ("SELECT", "is not enriched yet: 1 of its photos wait for a worker"),
        ("UPDATE modiste.photo SET state = 'quarantined', reason = 'empty'", "are in quarantine: empty"),
        ("DELETE FROM modiste.photo", "has no photos"),
    ):
        shop.rows(change)
        code, message = sqlstate(shop, "similar_listings(:id)", id=listing["id"])
        assert (code, said in message) == ("55000", True), message
        with transaction(shop.engine) as connection, pytest.raises(NotEnriched, match=f"{said}.*[.] [A-Z]"):
            similar_listings(connection, listing["id"])


def test_without_an_active_version_there_is_no_answer(shop: Shop) -> None:
    ids = shop.stock(shop.item("a", [1, 0, 0]))
    shop.rows("UPDATE modiste.model_version SET state = 'registered'")
    assert sqlstate(shop, "similar_listings(:id)", id=ids["a"])[0] == "55000"
    assert sqlstate(shop, "similar_to('{1,0,0}')")[0] == "55000"


@pytest.mark.parametrize(
    "vector", ["{1,0}", "{1,0,0,0}", "{}", None, "{1,NaN,0}", "{Infinity,0,0}", "{-Infinity,0,0}", "{1,NULL,0}",
               "{0,0,0}", "{{1,0,0}}", "{{1,0},{0,1}}", "{1e5,0,0}"],
)  # fmt: skip
def test_a_vector_that_cannot_be_compared_is_refused(module_shop: Shop, vector: str | None) -> None:
    assert sqlstate(module_shop, "similar_to(CAST(:v AS real[]))", v=vector)[0] == "22023"


def test_partial_says_that_fewer_than_k_match(module_shop: Shop, shelf: dict[str, int]) -> None:
    with transaction(module_shop.engine) as connection:
        assert {row.how for row in similar_listings(connection, shelf["asked"], k=4)} == {"exact"}
        men = similar_listings(connection, shelf["asked"], k=2, filters={"gender": "Men"})
    assert [(row.external_id, row.how) for row in men] == [("man", "partial")]


@pytest.mark.parametrize(
    "question",
    [
        {"filters": {"brand": "\0"}},
        {"filters": {"brand": "\ud800"}},
        {"filters": {"price_max": float("nan")}},
        {"filters": {"color": "Blue"}},
        {"options": {"mode": "outfit"}},
        {"k": 0},
        {"k": 2**40},
    ],
)
def test_python_asks_the_same_and_gets_typed_errors(
    module_shop: Shop, shelf: dict[str, int], question: dict[str, Any]
) -> None:
    with transaction(module_shop.engine) as connection, pytest.raises(BadQuestion):
        similar_listings(connection, shelf["asked"], **question)
    with transaction(module_shop.engine) as connection, pytest.raises(BadQuestion):
        similar_to(connection, QUERY, **question)


def test_python_names_unknown_and_unready_listings(shop: Shop) -> None:
    shop.plan("pending")
    with transaction(shop.engine) as connection:
        listing = find_listing(connection, "pending").id
        with pytest.raises(UnknownListing, match="there is no listing other in catalogue shop"):
            find_listing(connection, "other", "shop")
    with transaction(shop.engine) as connection, pytest.raises(NotEnriched, match="is not enriched yet"):
        similar_listings(connection, listing)
    with transaction(shop.engine) as connection, pytest.raises(UnknownListing, match="does not exist"):
        similar_listings(connection, 0)


def test_an_external_id_in_two_catalogues_must_be_named_with_its_catalogue(shop: Shop) -> None:
    here = shop.stock(shop.item("a", [1, 0, 0]))
    there = shop.stock(shop.item("a", [1, 0, 0]), catalogue="other")
    with transaction(shop.engine) as connection:
        with pytest.raises(UnknownListing, match="in several catalogues"):
            find_listing(connection, "a")
        assert find_listing(connection, "a", "shop").id == here["a"]
        assert find_listing(connection, "a", "other").id == there["a"]


def two_versions(shop: Shop) -> tuple[dict[str, int], int]:
    """The same listings seen by "v1" in 3 numbers and by "v2" in 2, in opposite order."""
    ids = shop.stock(shop.item("a", [1, 0, 0]), shop.item("b", near(10)), shop.item("c", near(30)))
    with transaction(shop.engine) as connection:
        second = register_model(connection, name="v2", embedding_dim=2, exclusive_groups=[], manifest={"v": 2})
    shop.stock(
        shop.item("a", [1, 0]), shop.item("b", [0.1, 1]), shop.item("c", [1, 0.1]), shop.item("d", [1, 0.5]),
        version=second,
    )  # fmt: skip
    return ids, second


def test_versions_never_mix(shop: Shop) -> None:
    ids, _ = two_versions(shop)
    answers = {"v1": ["b", "c"], "v2": ["c", "d", "b"]}
    for version in ("v1", "v2", "v1"):
        with transaction(shop.engine) as connection:
            activate_model(connection, version)
        assert ask(shop, ids["a"]) == answers[version]
    assert ask(shop, [1.0, 0.0, 0.0]) == ["a", "b", "c"]
    with transaction(shop.engine) as connection:
        activate_model(connection, "v2")
    assert ask(shop, [1.0, 0.0]) == ["a", "c", "d", "b"]
    assert sqlstate(shop, "similar_to('{1,0,0}')")[0] == "22023"


def test_an_answer_is_of_one_version_also_while_another_is_activated(shop: Shop) -> None:
    ids, _ = two_versions(shop)
    with transaction(shop.engine) as changing:
        activate_model(changing, "v2")
        assert ask(shop, ids["a"]) == ["b", "c"]  # neither waits nor sees what is not committed
    assert ask(shop, ids["a"]) == ["c", "d", "b"]
    done = Event()

    def keep_asking() -> set[tuple[str, ...]]:
        answers = set()
        while not done.is_set():
            answers.add(tuple(ask(shop, ids["a"])))
        return answers

    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(keep_asking)
        for turn in range(60):
            with transaction(shop.engine) as connection:
                activate_model(connection, ("v1", "v2")[turn % 2])
        done.set()
        assert asking.result() == {("b", "c"), ("c", "d", "b")}
