"""Imports as a browser hands them in, watches them and stops them."""

import json
from typing import Any

import pytest

from tests.integration.api.pages.conftest import Browser, page_of

Shop = Any  # the fixture's class, in tests/integration/db/conftest.py
FEED = ("shoes.csv", b"external_id,title,image\nA1,Boot,a.jpg\n", "text/csv")
NO_FILE = ("", b"", "application/octet-stream")


def hand_in(browser: Browser, *, feed: Any = FEED, photos: Any = NO_FILE, **typed: str) -> Any:
    """What a browser sends: a field without a file is a part without a name."""
    data = {"catalogue": "handed", "feed_url": "", **typed}
    return browser.client.post(
        "/imports", data=data, files={"feed": feed, "photos": photos}, headers={"accept": "text/html"}
    )


def begun(browser: Browser) -> str:
    answer = hand_in(browser)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_a_feed_is_handed_in_paused_resumed_and_cancelled(browser: Browser, shop: Shop) -> None:
    place = begun(browser)
    page = browser.get(place)
    assert page.one("h1").words == "shoes.csv"
    assert "Reading the feed" in page.words
    assert "into handed" in page.words
    (listed,) = [e for e in browser.get("/imports").all("a") if e.attributes["href"] == place]
    assert "shoes.csv Reading the feed into handed" in listed.words

    for action, words in (("pause", "Paused"), ("resume", "Reading the feed"), ("cancel", "Cancelled")):
        answer = browser.client.post(f"{place}/{action}")
        assert (answer.status_code, answer.headers["location"]) == (303, place)
        assert words in browser.get(place).words
    assert not [e for e in browser.get(place).all("button") if e.words == "Pause"]
    again = browser.client.post(f"{place}/pause", headers={"accept": "text/html"})
    assert again.status_code == 409


def test_a_feed_is_looked_at_first_and_started_or_discarded(browser: Browser, shop: Shop) -> None:
    place = str(hand_in(browser, preview="true").headers["location"])
    import_id = int(place.rsplit("/", 1)[1])
    assert "Reading the feed" in browser.get(place).words
    assert shop.one("SELECT preview FROM modiste.plan WHERE import_id = :id", id=import_id)
    told = {
        "rows": {"new": 20, "changed": 0, "unchanged": 4180, "continued": 0, "rejected": 1},
        "photos": 25, "photos_to_fetch": 0, "photos_asked_again": 0, "photos_at_hand": 25, "photos_known": 4180,
        "photos_without_file": 2, "hosts": {}, "photos_per_s": 50.0, "seconds": 0.5, "stored_bytes": 1_400_000,
        "index_bytes": 3_800_000, "withdrawn": None, "available": None, "refusal": None,
        "columns": {"external_id": "Nr", "photos": "Bild"}, "metadata": ["Saison"],
        "rejected": [{"line": 3, "external_id": "A2", "column": "price", "reason": "bad_price", "detail": "no price"}],
    }  # fmt: skip
    shop.rows(
        """UPDATE modiste.plan SET forecast = CAST(:told AS jsonb) WHERE import_id = :id;
           UPDATE modiste.import SET state = 'previewed' WHERE id = :id""",
        id=import_id, told=json.dumps(told),
    )  # fmt: skip
    page = browser.get(place)
    for words in ("What it would do", "20 new, 4,180 unchanged, 1 rejected", "25 at hand, 4,180 seen before",
                  "a few seconds at most", "external id ← Nr, photos ← Bild", "Saison",
                  "2 photos of which there is no file", "A2 price no price"):  # fmt: skip
        assert words in page.words
    assert [e.words for e in page.all("button") if e.words] == ["Start the import", "Discard it"]
    assert "Waits for you" in browser.get("/imports").words

    assert browser.client.post(f"{place}/resume").status_code == 303
    assert "Reading the feed" in browser.get(place).words
    assert not shop.one("SELECT preview FROM modiste.plan WHERE import_id = :id", id=import_id)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"feed": NO_FILE}, "choose a feed, or give its address"),
        ({"feed_url": "https://shop.example/feed.csv"}, "choose a feed, or give its address"),
        ({"feed": NO_FILE, "feed_url": "file:///etc/passwd"}, "http:// or https://"),
        ({"feed": ("empty.csv", b"", "text/csv")}, "empty.csv"),
        ({"catalogue": "  "}, "give the catalogue a name"),
        ({"columns": "titel=Name"}, "map: there is no field 'titel'; did you mean title?"),
    ],
)
def test_what_is_amiss_is_said_and_what_was_typed_is_kept(
    browser: Browser, shop: Shop, given: dict[str, Any], says: str
) -> None:
    before = shop.one('SELECT count(*) FROM modiste."import"')
    answer = hand_in(browser, **{"full": "true", **given})
    assert answer.status_code == 422
    page = page_of(answer)
    assert says in page.one("p", role="alert").words
    assert page.field("or the feed's address").attributes["value"] == given.get("feed_url", "")
    assert "checked" in page.field("This feed is all there is").attributes
    assert page.one("input", id="columns").attributes["value"] == given.get("columns", "")
    assert shop.one('SELECT count(*) FROM modiste."import"') == before


def test_a_feed_larger_than_a_photo_may_be_is_taken(browser: Browser) -> None:
    rows = b"".join(b"B%d,Boot,a.jpg\n" % number for number in range(150_000))
    assert hand_in(browser, feed=("large.csv", b"external_id,title,image\n" + rows, "text/csv")).status_code == 303


def test_a_quarantine_is_told_by_reason_and_tried_again(browser: Browser, shop: Shop) -> None:
    import_id = shop.begin(catalogue="broken")
    photo = shop.photo("lost", "https://img.example/gone/lost.jpg?sig=hidden")
    shop.write(import_id, listings=[shop.item("lost", title="Lost boot").data], photos=[photo], catalogue="broken")
    shop.rows(
        """UPDATE modiste.photo SET state = 'quarantined', reason = 'timeout' WHERE import_id = :id;
           UPDATE modiste.import SET photos_quarantined = 1 WHERE id = :id""",
        id=import_id,
    )
    page = browser.get(f"/imports/{import_id}")
    assert "The photo's server did not answer in time. 1 photo" in page.words
    assert "It may pass: try again later." in page.words
    assert "Lost boot: lost.jpg" in page.words
    assert "sig=" not in page.html
    answer = browser.client.post(f"/imports/{import_id}/retry", data={"reason": "timeout"})
    assert answer.status_code == 303
    assert shop.one("SELECT state FROM modiste.photo WHERE import_id = :id", id=import_id) == "pending"
    assert "In quarantine 0" in browser.get(f"/imports/{import_id}").words


def test_columns_of_other_names_are_told_on_the_page(browser: Browser, shop: Shop) -> None:
    place = str(hand_in(browser, columns="external_id = Nr,\ntitle=Name").headers["location"])
    told = shop.one("SELECT columns FROM modiste.plan WHERE import_id = :id", id=int(place.rsplit("/", 1)[1]))
    assert told == {"external_id": "Nr", "title": "Name"}


def test_what_trying_again_cannot_mend_has_no_button_for_it(browser: Browser, shop: Shop) -> None:
    import_id = shop.begin(catalogue="local")
    sources = [f"{n}.jpg" for n in range(10)]
    shop.write(
        import_id,
        listings=[shop.item(source, title=source).data for source in sources],
        photos=[shop.photo(source, source) for source in sources],
        catalogue="local",
    )
    shop.rows(
        """UPDATE modiste.photo SET state = 'quarantined', reason = 'not_found' WHERE import_id = :id;
           UPDATE modiste.import SET photos_quarantined = 10 WHERE id = :id""",
        id=import_id,
    )
    page = browser.get(f"/imports/{import_id}")
    assert "and 2 more" in page.words
    assert not [e for e in page.all("button") if e.words == "Try these again"]
    shop.rows("UPDATE modiste.photo SET source = 'https://img.example/' || source WHERE import_id = :id", id=import_id)
    assert [e for e in browser.get(f"/imports/{import_id}").all("button") if e.words == "Try these again"]


def test_a_feed_that_could_not_be_read_says_so_and_nothing_else(browser: Browser, shop: Shop) -> None:
    import_id = shop.begin()
    shop.rows("UPDATE modiste.import SET state = 'failed', error = 'x is a PDF' WHERE id = :id", id=import_id)
    page = browser.get(f"/imports/{import_id}")
    assert "This feed cannot be imported" in page.words
    assert "This feed cannot be imported" in browser.get("/imports").words
    assert "x is a PDF" in page.words
    assert not page.all("progress")
    assert "Unchanged" not in page.words


def test_rejected_rows_are_listed_with_their_line(browser: Browser, shop: Shop) -> None:
    import_id = shop.begin()
    shop.rows(
        """INSERT INTO modiste.import_row (import_id, line, external_id, outcome, column_name, reason, detail)
           VALUES (:id, 3, 'A1', 'rejected', 'price', 'bad_price', 'no price: "cheap"')""",
        id=import_id,
    )
    page = browser.get(f"/imports/{import_id}")
    assert [cell.words for cell in page.all("td")] == ["3", "A1", "price", 'no price: "cheap"']


def test_an_import_that_nobody_began_is_a_page_that_says_so(browser: Browser) -> None:
    assert browser.get("/imports/999999").status == 404
    assert browser.get("/imports/x").status in (404, 422)
