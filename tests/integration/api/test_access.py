"""Keys of each scope on every route, what becomes of a key that is revoked, and that no token is told anywhere."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import make_app
from api.forecasts import Forecast, RowsForecast
from api.keys import BELIEVED_S, REMEMBERED_S, KeyRing
from api.pages import session
from api.pages.site import GUESSES_PER_MINUTE
from api.scopes import NEEDED, needed_for
from cli.logs import OURS as OURS_IN_LOG
from cli.logs import formatter_of
from db.engine import transaction
from db.errors import NotReachable
from db.keys import create_key, revoke_key
from db.states import KeyScope
from tests.integration.api.pages.conftest import page_of

OURS = {"sec-fetch-site": "same-origin"}


class Clock:
    """Monotonic seconds, moved by hand."""

    now = 1000.0

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def tokens(shop: Any) -> Iterator[dict[str, str]]:
    """One key of each scope, and one that has expired."""
    with transaction(shop.engine) as connection:
        made = {scope.value: create_key(connection, scope.value, scope) for scope in KeyScope}
        made["expired"] = create_key(connection, "expired", KeyScope.ADMIN, lasts=timedelta(seconds=-1))
    yield made
    shop.rows("DELETE FROM modiste.api_key")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guarded(shop: Any, store: Any, place: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr("api.app.KeyRing", partial(KeyRing, clock=lambda: clock.now))
    app = make_app(place.settings(shop, store, rate_per_minute=200))
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as made:
        yield made


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def answers_of(client: TestClient, route: str, tokens: dict[str, str]) -> dict[str, int]:
    """The status for each key, on a path that names nothing there is."""
    method, path = route.split()
    path = re.sub(r"{\w+(:path)?}", "0", path)
    asking = {"nobody": {}, **{name: bearer(token) for name, token in tokens.items()}}
    return {name: client.request(method, path, headers=headers).status_code for name, headers in asking.items()}


def is_page(route: str) -> bool:
    return not route.split()[1].startswith(("/v1/", "/docs", "/openapi.json", "/metrics"))


def test_every_route_asks_for_its_scope(guarded: TestClient, tokens: dict[str, str]) -> None:
    for route, needed in NEEDED.items():
        answers = answers_of(guarded, route, tokens)
        for name, status in answers.items():
            if needed is None:
                expected = status not in (401, 403, 429) or route == "POST /sign-in"
            elif name in ("nobody", "expired"):  # pages lead to where one signs in
                expected = status == (303 if is_page(route) else 401)
            elif KeyScope(name).includes(needed):
                expected = status not in (401, 403, 429)
            else:
                expected = status == 403
            assert expected, (route, needed, answers)


def test_what_a_key_may_not_do_is_said_with_the_scope_it_needs(guarded: TestClient, tokens: dict[str, str]) -> None:
    said = guarded.delete("/v1/listings/1", headers=bearer(tokens["read"])).json()
    assert (said["type"], said["status"]) == ("urn:modiste:problem:scope-needed", 403)
    assert "a key of scope import; yours, read, is of scope read" in said["detail"]


def test_with_no_key_standing_all_is_open_and_within_seconds_of_the_first_it_is_not(
    guarded: TestClient, shop: Any, clock: Clock
) -> None:
    assert guarded.get("/v1/listings").status_code == 200
    try:
        with transaction(shop.engine) as connection:
            token = create_key(connection, "first", KeyScope.READ)
        clock.pass_by(BELIEVED_S)
        assert guarded.get("/v1/listings").status_code == 401
        assert guarded.get("/v1/listings", headers=bearer(token)).status_code == 200
        (row,) = shop.rows("SELECT last_used_at FROM modiste.api_key")
        assert row["last_used_at"] is not None
    finally:
        shop.rows("DELETE FROM modiste.api_key")


def test_a_session_ends_with_its_key_and_shows_what_the_key_may(
    guarded: TestClient, tokens: dict[str, str], shop: Any, clock: Clock
) -> None:
    entered = guarded.post("/sign-in", data={"key": tokens["read"]}, headers=OURS)
    assert entered.status_code == 303
    assert tokens["read"] not in entered.headers["set-cookie"]
    page = page_of(guarded.get("/"))
    assert page.all("form", action="/sign-out")
    assert "Your key is for reading" in page.words
    refused = page_of(guarded.post("/models/rollback", headers=OURS))
    assert (refused.status, refused.one("h1").words) == (403, "Your key does not allow this")
    assert "a key of scope admin" in refused.words
    with transaction(shop.engine) as connection:
        revoke_key(connection, "read")
    clock.pass_by(BELIEVED_S)
    assert guarded.get("/").status_code == 303
    assert guarded.get("/v1/listings").status_code == 401
    assert guarded.get("/v1/listings", headers=bearer(tokens["import"])).status_code == 200


@pytest.mark.parametrize("scope", KeyScope)
def test_a_page_shows_no_form_that_the_key_may_not_send(
    guarded: TestClient, tokens: dict[str, str], shop: Any, scope: KeyScope
) -> None:
    going_on = shop.begin(catalogue="handed")
    looked_at = shop.begin(catalogue="handed")
    other = shop.one(
        """INSERT INTO modiste.model_version (name, state, embedding_dim, manifest) VALUES (:n, 'registered', 8, '{}')
           RETURNING name""",
        n=f"other-{scope}",
    )
    shop.rows("UPDATE modiste.import SET state = 'previewed' WHERE id = :id", id=looked_at)
    told = dict.fromkeys(Forecast.model_fields, 0) | {
        "rows": dict.fromkeys(RowsForecast.model_fields, 1), "hosts": {}, "refusal": None, "rejected": [],
        "columns": {}, "metadata": [],
    }  # fmt: skip
    shop.rows(
        "INSERT INTO modiste.plan (import_id, preview, forecast) VALUES (:id, true, CAST(:told AS jsonb))",
        id=looked_at, told=json.dumps(told),
    )  # fmt: skip
    places = ["/", "/listings/1", "/search", "/imports", f"/imports/{going_on}", f"/imports/{looked_at}", "/review",
              "/review?listing=1", "/quality", "/models", f"/models/{other}"]  # fmt: skip
    sent = set()
    for place in places:
        page = page_of(guarded.get(place, headers=bearer(tokens[scope]) | {"accept": "text/html"}))
        assert page.status == 200, (place, page.words)
        for form in page.all("form", method="post"):
            action = form.attributes["action"]
            needed = needed_for("POST", action)
            assert needed is None or scope.includes(needed), f"{place} has a form to {action}"
            sent.add(needed)
    assert max(sent, key=list(KeyScope).index) is scope, "each scope has something of its own to send"
    shop.rows("DELETE FROM modiste.import WHERE id = ANY (:ids)", ids=[going_on, looked_at])
    shop.rows("DELETE FROM modiste.model_version WHERE name = :n", n=other)


def test_what_tells_of_an_outage_is_open_during_it_to_keys_that_stood(
    guarded: TestClient, tokens: dict[str, str], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Any) -> None:
        raise NotReachable

    assert guarded.get("/metrics", headers=bearer(tokens["read"])).status_code == 200
    monkeypatch.setattr("api.keys.standing_keys", away)
    clock.pass_by(BELIEVED_S)
    assert guarded.get("/metrics", headers=bearer(tokens["read"])).status_code == 200
    for token in ("guess", tokens["expired"]):
        assert guarded.get("/metrics", headers=bearer(token)).status_code == 503
    assert guarded.get("/metrics").status_code == 503
    assert guarded.get("/v1/models", headers=bearer(tokens["admin"])).status_code == 503
    clock.pass_by(REMEMBERED_S)
    assert guarded.get("/metrics", headers=bearer(tokens["read"])).status_code == 503


def test_too_many_requests_are_refused_by_key_and_say_when_to_come_back(
    guarded: TestClient, tokens: dict[str, str]
) -> None:
    answers = [guarded.get("/v1/models/0", headers=bearer(tokens["read"])) for _ in range(200)]
    assert [a.status_code for a in answers] == [404] * 200
    more = (guarded.get("/v1/models/0", headers=bearer(tokens["read"])) for _ in range(2000))  # it fills up meanwhile
    refused = next(a for a in more if a.status_code != 404)
    assert refused.status_code == 429
    assert refused.json()["type"] == "urn:modiste:problem:too-many-requests"
    assert int(refused.headers["retry-after"]) >= 1
    assert guarded.get("/v1/photos/999999/thumbnail", headers=bearer(tokens["read"])).status_code == 404
    assert guarded.get("/v1/models/0", headers=bearer(tokens["import"])).status_code == 404


def test_keys_cannot_be_guessed_at_speed_where_one_signs_in(guarded: TestClient, tokens: dict[str, str]) -> None:
    for _ in range(GUESSES_PER_MINUTE):
        assert guarded.post("/sign-in", data={"key": "guess"}, headers=OURS).status_code == 401
    refused = guarded.post("/sign-in", data={"key": tokens["admin"]}, headers=OURS)
    assert refused.status_code == 429
    assert session.COOKIE not in refused.headers.get("set-cookie", "")


def test_who_changed_what_is_noted_with_the_name_of_the_key(
    guarded: TestClient, tokens: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="modiste.audit")
    catalogue = "/v1/catalogues/audited/listings/a%20b?secret=x"
    asked = [
        guarded.put(catalogue, json={"title": "Dress"}, headers=bearer(tokens["import"])),
        guarded.delete(catalogue, headers=bearer(tokens["admin"])),
        guarded.delete(catalogue, headers=bearer(tokens["read"])),  # refused
        guarded.delete("/v1/listings/999999", headers=bearer(tokens["import"])),  # there is none
        guarded.get("/v1/corrections", headers=bearer(tokens["import"])),  # changes nothing
        guarded.post("/v1/search/attributes", json={}, headers=bearer(tokens["import"])),
    ]
    assert [answer.status_code < 400 for answer in asked[:4]] == [True, True, False, False], [a.text for a in asked]
    noted = [record for record in caplog.records if record.name == "modiste.audit"]
    path = "/v1/catalogues/audited/listings/a%20b"
    assert [record.message for record in noted] == [
        f"PUT {path} by import: {asked[0].status_code}",
        f"DELETE {path} by admin: {asked[1].status_code}",
    ]
    told = json.loads(formatter_of("json").format(noted[0]))
    assert (told["method"], told["path"], told["status"], told["key"]) == ("PUT", path, asked[0].status_code, "import")
    assert not [token for token in tokens.values() if token in json.dumps(told)]


def test_a_sign_in_that_fails_is_noted_without_what_was_given(
    guarded: TestClient, tokens: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    guarded.post("/sign-in", data={"key": tokens["read"] + "x"}, headers=OURS)
    (record,) = [record for record in caplog.records if record.name == "api.pages.signing_in"]
    assert record.levelname == "WARNING"
    assert "a sign-in from testclient failed" in record.message
    assert tokens["read"] not in record.message


def test_an_api_that_is_ready_says_so(shop: Any, store: Any, place: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="api")
    with TestClient(make_app(place.settings(shop, store))):
        assert [r.message for r in caplog.records if r.name == "api.app"] == ["ready"]


def test_what_is_our_news_is_in_the_log_of_the_command() -> None:
    assert {"api", "modiste"} <= set(OURS_IN_LOG)


def test_no_token_is_in_a_log_or_an_answer_of_a_request_that_fails(
    guarded: TestClient,
    tokens: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("api.catalogues.transaction", broken)
    caplog.set_level(logging.DEBUG)
    wrong = tokens["read"] + "x"
    answers = [
        guarded.get("/v1/catalogues", headers=bearer(tokens["read"])),
        guarded.get("/v1/catalogues", headers=bearer(wrong)),
        guarded.delete("/v1/listings/1", headers=bearer(tokens["read"])),
        guarded.post("/sign-in", data={"key": wrong}, headers=OURS),
        guarded.post("/sign-in", data={"key": tokens["read"]}, headers=OURS),
        guarded.get("/nothing", headers={"accept": "text/html"}),
    ]
    assert [answer.status_code for answer in answers] == [500, 401, 403, 401, 303, 404]
    told = caplog.text + "".join(f"{answer.headers} {answer.text}" for answer in answers)
    assert tokens["read"] not in told
    assert guarded.cookies[session.COOKIE] not in caplog.text
