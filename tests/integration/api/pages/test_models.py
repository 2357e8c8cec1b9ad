"""Model versions as pages: what each can do, and how one comes into service through the same gate as elsewhere."""

from collections.abc import Iterator
from typing import Any

import pytest

from api.network import ActiveNetwork
from db.engine import transaction
from db.models import activate_model, register_model
from store import Area, NotInStore, Store, report_name
from tests.integration.api.pages.conftest import Browser, page_of

Shop = Any  # the fixture's class, in tests/integration/db/conftest.py
METRICS = {
    "all/category/top1": 0.9, "all/category/top1/low": 0.88, "all/category/top1/high": 0.92, "mine/odd": 2.0,
}  # fmt: skip


@pytest.fixture
def second(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Another version, whose files are taken for whole; afterwards the first one serves again."""
    monkeypatch.setattr(ActiveNetwork, "check", lambda _self, _version: None)
    with transaction(shop.engine) as connection:
        manifest = {"version": "v2", "parent": "v1", "labels": {"categories": ["Dress"]}, "metrics": METRICS}
        register_model(connection, name="v2", embedding_dim=3, exclusive_groups=[], manifest=manifest)
    yield "v2"
    with transaction(shop.engine) as connection:
        activate_model(connection, "v1")
    shop.rows("DELETE FROM modiste.import WHERE lane = 'backfill'")
    version = shop.one("DELETE FROM modiste.model_version WHERE name = 'v2' RETURNING id")
    shop.rows(f"DROP TABLE modiste.embedding_{version}")


def active(shop: Shop) -> Any:
    return shop.one("SELECT name FROM modiste.model_version WHERE state = 'active'")


def test_versions_are_listed_with_their_figures(browser: Browser, second: str) -> None:
    page = browser.get("/models")
    assert [e.words for e in page.all("h2")] == ["v2 registered", "v1 active"]
    assert "Category, right at the first guess 90.0 % 88.0 to 92.0" in page.words
    assert "trained from v1" in page.words
    assert "mine/odd" in browser.get("/models/v2").words


def test_what_has_not_seen_the_catalogue_is_refused_with_why_and_forced_only_on_purpose(
    browser: Browser, shop: Shop, second: str
) -> None:
    refused = browser.client.post("/models/v2/activate", headers={"accept": "text/html"})
    assert refused.status_code == 409
    assert "Not put into service: v2 has seen 0 of the" in page_of(refused).one("p", role="alert").words
    assert active(shop) == "v1"
    forced = browser.client.post("/models/v2/activate", data={"force": "true"})
    assert (forced.status_code, forced.headers["location"], active(shop)) == (303, "/models/v2", "v2")
    assert "Back to v1" in browser.get("/models").words


def test_files_that_are_gone_keep_a_version_out_of_service(
    browser: Browser, shop: Shop, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_self: ActiveNetwork, version: str) -> None:
        raise NotInStore(area="models", name=version, where="/store")

    monkeypatch.setattr(ActiveNetwork, "check", gone)
    refused = browser.client.post("/models/v2/activate", data={"force": "true"}, headers={"accept": "text/html"})
    assert refused.status_code == 409
    assert active(shop) == "v1"


def test_a_version_goes_back_to_the_one_before(browser: Browser, shop: Shop, second: str) -> None:
    with transaction(shop.engine) as connection:
        activate_model(connection, "v2")
    answer = browser.client.post("/models/rollback")
    assert (answer.status_code, active(shop)) == (303, "v1")


def test_a_backfill_is_begun_and_named(browser: Browser, shop: Shop, second: str) -> None:
    page = browser.get("/models/v2")
    assert [e for e in page.all("button") if e.words == "Have it see the others"]
    assert browser.client.post("/models/v2/backfill").status_code == 303
    assert "Its backfill is on its way: import" in browser.get("/models/v2").words
    shop.rows("DELETE FROM modiste.shard WHERE lane = 'backfill'")


def test_a_version_is_retired_unless_it_serves(browser: Browser, shop: Shop) -> None:
    refused = browser.client.post("/models/v1/retire", headers={"accept": "text/html"})
    assert refused.status_code == 409
    assert "Not retired: model version v1 is the active one" in page_of(refused).one("p", role="alert").words
    with transaction(shop.engine) as connection:
        register_model(connection, name="old", embedding_dim=3, exclusive_groups=[], manifest={})
    assert [b for b in browser.get("/models/old").all("button") if b.words == "Retire it for good"]
    assert browser.client.post("/models/old/retire").status_code == 303
    assert browser.get("/models/old").one("p", class_="state").words == "retired"
    shop.rows("DELETE FROM modiste.model_version WHERE name = 'old'")


def test_a_report_is_read_without_anything_of_it_running(browser: Browser, store: Store) -> None:
    assert not browser.get("/models/v1").all("a", href="/models/v1/report")
    assert browser.get("/models/v1/report").status == 404
    store.write(Area.REPORTS, report_name("v1"), b"<h1>Where v1 errs</h1>")
    assert browser.get("/models/v1").one("a", href="/models/v1/report").words == "its report"
    answer = browser.client.get("/models/v1/report")
    assert answer.text == "<h1>Where v1 errs</h1>"
    policy = answer.headers["content-security-policy"].split("; ")
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert not any("script-src" in part for part in policy)
    store.remove(Area.REPORTS, report_name("v1"))


def test_what_nobody_registered_is_not_there(browser: Browser) -> None:
    assert browser.get("/models/v9").status == 404
    assert browser.client.post("/models/v9/activate", headers={"accept": "text/html"}).status_code == 404
    assert browser.get("/models/v1?compare=true").status == 200
