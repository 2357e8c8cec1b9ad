"""Requests right and wrong by a key of each scope to a running API, with a worker behind it, on real servers."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from api.scopes import NEEDED
from cli.sample import draw_catalogue
from cli.stack.embedded import EmbeddedPair
from db.states import KeyScope
from tests.e2e.conftest import ROOT, Modiste, wait_until_ready
from tests.fuzz.conftest import cases, hypothesis_settings
from tests.fuzz.feeds import seeds as feeds
from tests.fuzz.photos import seeds as photos
from tests.integration.api.test_schemathesis import CHECKS, NASTY, RAW

pytestmark = pytest.mark.fuzz
CASES = cases("HTTP", 24_000)
MAX_GROWTH_BYTES = 512 << 20
WAIT_S = 60
NO_HTTP = b"Invalid HTTP request received."  # uvicorn's answer to what is no HTTP, as a header with a control in it


@dataclass(frozen=True, kw_only=True)
class Running:
    """A modiste with an API of its own process. `tokens` by scope."""

    modiste: Modiste
    api: "subprocess.Popen[bytes]"
    address: str
    tokens: dict[KeyScope, str]
    log: Path
    feed: Path

    @property
    def resident_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.api.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE")

    def stock(self) -> None:
        """The sample again, as some of it was deleted."""
        self.modiste.run("import", self.feed, "--catalogue", "sample", "--photos", self.feed.parent / "photos")

    def as_key(self, scope: KeyScope) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tokens[scope]}"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = Path(tempfile.mkdtemp(prefix="modiste-fuzz-"))
    sample = tmp_path_factory.mktemp("sample")
    draw_catalogue(sample, products=20)
    modiste, log = Modiste(home=home), home / "api.log"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with EmbeddedPair.start(home):
        modiste.run("import", sample / "feed.csv", "--catalogue", "sample", "--photos", sample / "photos")
        tokens = {scope: modiste.json("keys", "create", scope.value, "--scope", scope.value) for scope in KeyScope}
        environment = modiste.environment | {
            "MODISTE_PORT": str(port),
            "MODISTE_RATE_PER_MINUTE": "0",
            "MODISTE_MAX_UPLOAD_MB": "8",
            "PYTHONPATH": str(ROOT),
        }
        with log.open("wb") as out, (home / "worker.log").open("wb") as worker_out:
            serve = [sys.executable, str(Path(__file__).with_name("serve.py"))]
            api = subprocess.Popen(serve, cwd=ROOT, env=environment, stdout=out, stderr=out)
            working = [sys.executable, "-m", "cli", "worker"]
            worker = subprocess.Popen(working, cwd=ROOT, env=environment, stdout=worker_out, stderr=worker_out)
            try:
                wait_until_ready(f"http://127.0.0.1:{port}", api)  # type: ignore[arg-type]
                yield Running(
                    modiste=modiste,
                    api=api,
                    address=f"http://127.0.0.1:{port}",
                    tokens={scope: made["token"] for scope, made in tokens.items()},
                    log=log,
                    feed=sample / "feed.csv",
                )
            finally:
                for process in (api, worker):
                    process.terminate()
                    process.wait(60)
    shutil.rmtree(home, ignore_errors=True)


def healthy(running: Running, resident_before: int) -> None:
    """Alive in the process that it began in, not much larger, and without a fault of its own in its log."""
    assert running.api.poll() is None
    assert requests.get(f"{running.address}/readyz", timeout=WAIT_S).status_code == 200
    grown = running.resident_bytes - resident_before
    print(f"\nthe API grew by {grown >> 20} MB to {running.resident_bytes >> 20} MB")
    assert grown < MAX_GROWTH_BYTES
    said = running.log.read_text(errors="replace")
    assert "Traceback" not in said, said[said.index("Traceback") - 500 :][:4000]


def test_no_request_breaks_the_api_or_its_word(running: Running, tally: dict[str, int]) -> None:
    with requests.Session() as session:
        read = running.as_key(KeyScope.READ)
        document = schemathesis.openapi.from_url(f"{running.address}/openapi.json", headers=read)
        operations = [found.ok() for found in document.get_all_operations()]
        modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        each = max(1, CASES // (len(operations) * len(KeyScope) * len(modes)))
        failures: list[str] = []
        resident = 0
        for scope in KeyScope:
            running.stock()
            for operation in operations:
                for mode in modes:
                    ask(operation, mode, each, running.as_key(scope), session, tally, failures)
            resident = resident or running.resident_bytes  # after the first third everything is warm
        assert not failures, f"{len(failures)} failures\n\n" + "\n\n".join(failures)
    healthy(running, resident)


def ask(
    operation: Any,
    mode: GenerationMode,
    number: int,
    headers: dict[str, str],
    session: requests.Session,
    tally: dict[str, int],
    failures: list[str],
) -> None:
    @settings(**hypothesis_settings(number))
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        answer = case.call(headers=headers, session=session, timeout=WAIT_S)
        name = "refused by the server before the API" if answer.content == NO_HTTP else str(answer.status_code)
        tally[name] = tally.get(name, 0) + 1
        if answer.content != NO_HTTP:
            case.validate_response(answer, checks=CHECKS, headers=headers)

    try:
        one()
    except Unsatisfiable:  # a route without parameters cannot be asked wrongly
        assert mode is GenerationMode.NEGATIVE
    except Exception as error:  # noqa: BLE001 - all of them are told, not only the first
        told = "\n".join(traceback.format_exception_only(error))
        failures.append(f"{operation.label} {mode.value}: {told:.3000}")


PAGES = [
    route for route in NEEDED if not route.split()[1].startswith(("/v1/", "/docs", "/static", "/openapi", "/metrics"))
]
FIELDS = [
    "catalogue", "q", "gender", "colour", "category", "brand", "seller", "price_min", "price_max", "available",
    "certain", "sort", "after",
    "before", "page", "kind", "listing", "field", "now", "other", "photo", "who", "next", "done", "feed_url", "full",
    "crop", "varied", "reason",
    "model", "key", "force", "import", "id", "x",
]  # fmt: skip
PLAUSIBLE = [
    "1", "2", "5", "sample", "default", "category", "colour", "Dress", "Red", "true", "on", "0.1,0.1,0.5,0.5",
    "0.5:3", "/", "/review", "newest",
    "//evil.example", "https://evil.example/", "http://127.0.0.1/feed.csv", "price", "lite0-staged-4", "damaged",
    "in_stock", "999999999999999999999",
]  # fmt: skip
values = st.one_of(
    st.sampled_from(PLAUSIBLE), st.sampled_from(NASTY), st.text(st.characters(codec="utf-8"), max_size=20)
)
pairs = st.lists(st.tuples(st.one_of(st.sampled_from(FIELDS), st.sampled_from(FIELDS), values), values), max_size=6)


@st.composite
def page_requests(draw: st.DrawFn) -> dict[str, Any]:
    """A page asked for, or one of its forms sent, with anything in any field and file."""
    method, path = draw(st.sampled_from(PAGES)).split()
    number = st.one_of(
        st.integers(1, 30).map(str), values.map(lambda value: quote(value, safe="")), st.sampled_from(RAW)
    )
    for name in ("{listing_id}", "{import_id}", "{name}"):
        if name in path:
            path = path.replace(name, draw(number))
    request: dict[str, Any] = {"method": method, "url": path, "params": draw(pairs)}
    if method == "POST":
        request["data"] = draw(pairs)
        if draw(st.booleans()):
            bodies = st.one_of(
                st.sampled_from(sorted(feeds().values())),
                st.sampled_from(sorted(photos().values())),
                st.binary(max_size=60),
            )
            named = st.sampled_from(["feed", "photos", "photo", "listing"])
            request["files"] = [
                (draw(named), (draw(st.sampled_from(["a.csv", "", "é\\..\\x.zip"])), draw(bodies)))
                for _ in range(draw(st.integers(1, 3)))
            ]
        elif draw(st.integers(0, 4)) == 0:
            request["data"] = draw(st.binary(max_size=80))
            request["headers"] = {
                "content-type": draw(
                    st.sampled_from(
                        [
                            "application/x-www-form-urlencoded",
                            "multipart/form-data",
                            "multipart/form-data; boundary=x",
                            "application/json",
                            "x",
                        ]
                    )
                )
            }
    return request


def test_no_form_breaks_a_page(running: Running, tally: dict[str, int]) -> None:
    running.stock()
    with requests.Session() as session:
        resident = running.resident_bytes
        for scope in KeyScope:
            send_forms(running, session, running.as_key(scope), tally)
    healthy(running, resident)


def send_forms(running: Running, session: requests.Session, key: dict[str, str], tally: dict[str, int]) -> None:
    @settings(**hypothesis_settings(max(1, CASES // 8)))
    @given(request=page_requests())
    def send(request: dict[str, Any]) -> None:
        headers = {"sec-fetch-site": "same-origin", **key, **request.get("headers", {})}
        told = request | {"url": running.address + request["url"], "headers": headers}
        answer = session.request(**told, allow_redirects=False, timeout=WAIT_S)
        session.cookies.clear()
        name = f"page {answer.status_code}"
        tally[name] = tally.get(name, 0) + 1
        assert answer.status_code < 500, answer.text[:3000]
        if answer.status_code == 303:
            assert "evil" not in answer.headers["location"].partition("?")[0], answer.headers["location"]

    send()
