import json
from collections.abc import Callable

import httpx2
import pytest
from modiste_client import Client, errors


def client_of(handle: Callable[[httpx2.Request], httpx2.Response], key: str | None = None) -> Client:
    return Client("http://modiste.example/", key=key, http=httpx2.Client(transport=httpx2.MockTransport(handle)))


def problem(status: int, **more: object) -> httpx2.Response:
    told = {"type": "urn:modiste:problem:x", "title": "X", "status": status, "detail": "Do this instead."}
    return httpx2.Response(status, json=told | more)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequest),
        (401, errors.NotAllowed),
        (403, errors.NotAllowed),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (415, errors.BadRequest),
        (422, errors.BadRequest),
        (429, errors.TooMany),
        (500, errors.Unavailable),
        (503, errors.Unavailable),
    ],
)
def test_a_problem_is_an_exception_of_its_kind_that_says_what_to_do(status: int, kind: type[errors.Problem]) -> None:
    with pytest.raises(kind, match=r"Do this instead\.") as raised:
        client_of(lambda _: problem(status, reason="why")).catalogues()
    assert (raised.value.status, raised.value.reason, type(raised.value)) == (status, "why", kind)


def test_wrong_fields_are_named() -> None:
    fault = {"in": "query", "name": "k", "detail": "too many"}
    with pytest.raises(errors.BadRequest) as raised:
        client_of(lambda _: problem(422, errors=[fault])).similar(1, k=9999)
    assert [(one.name, one.detail) for one in raised.value.faults] == [("k", "too many")]


def test_too_many_requests_say_when_to_ask_again() -> None:
    answer = problem(429)
    answer.headers["Retry-After"] = "7"
    with pytest.raises(errors.TooMany) as raised:
        client_of(lambda _: answer).models()
    assert raised.value.retry_after_s == 7


def test_a_page_of_a_proxy_is_told_from_a_problem() -> None:
    with pytest.raises(errors.Unavailable, match="502 without a problem"):
        client_of(lambda _: httpx2.Response(502, html="<h1>Bad gateway</h1>")).models()


def test_an_api_that_hangs_up_is_not_reachable() -> None:
    def hang_up(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    with pytest.raises(errors.NotReachable, match="modiste up"):
        client_of(hang_up).models()


def test_the_key_goes_along_and_external_ids_are_quoted() -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, json=[])

    client_of(answer, key="secret").similar(
        ("my shop", "a/b?c"), k=3, filters={"available": True, "colour": ["a", "b"]}
    )
    assert asked[0].headers["authorization"] == "Bearer secret"
    assert asked[0].url.raw_path == (
        b"/v1/catalogues/my%20shop/listings/a%2Fb%3Fc/similar?available=true&colour=a&colour=b&k=3"
    )


def test_pages_are_fetched_as_they_are_needed() -> None:
    asked: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.params.get("after"))
        row = {"line": len(asked), "external_id": "x", "outcome": "new"}
        row |= dict.fromkeys(("changed", "column", "reason", "detail"))
        return httpx2.Response(200, json={"rows": [row], "next": "n" if len(asked) == 1 else None})

    rows = client_of(answer).report(1)
    assert asked == []
    assert next(rows).line == 1
    assert asked == [None]
    assert [row.line for row in rows] == [2]
    assert asked == [None, "n"]


def test_watching_goes_on_where_a_stream_ends_before_the_import_does() -> None:
    def event(name: str, state: str) -> str:
        counts = dict.fromkeys(("total", "new", "changed", "unchanged", "continued", "rejected"), 0)
        photos = dict.fromkeys(("total", "enriched", "quarantined", "cancelled", "pending", "inferred"), 0)
        unsaid = dict.fromkeys(("error", "progress", "paused_at", "planned_at", "finished_at", "seconds_left"))
        now = unsaid | {
            "id": 1, "catalogue": "c", "feed": "f", "lane": "bulk", "state": state, "model_version": "m", "full": False,
            "listings_withdrawn": 0, "refetch": False, "rows": counts, "photos": photos, "running_s": 1.0,
            "started_at": "2026-11-24T10:00:00Z", "photos_per_s": 0.0,
        }  # fmt: skip
        return f"id: 1\nevent: {name}\ndata: {json.dumps(now)}\n\n"

    streams = iter([event("progress", "running"), event("progress", "done") + event("done", "done")])

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, text=next(streams), headers={"Content-Type": "text/event-stream"})

    assert [now.state for now in client_of(answer).watch(1)] == ["running", "done"]


def test_watching_what_is_not_there_says_so() -> None:
    with pytest.raises(errors.NotFound):
        next(client_of(lambda _: problem(404)).watch(1))
