import asyncio
import logging

import pytest

from api.audit import audited, changes
from api.keys import Asker
from db.states import KeyScope

WHO = Asker(id=7, name="shop", scope=KeyScope.IMPORT, secret=b"hidden")


def answer(path: str, status: int) -> None:
    async def send(_: object) -> None:
        pass

    sending = audited(send, {"method": "DELETE", "path": path}, WHO)
    asyncio.run(sending({"type": "http.response.start", "status": status}))
    asyncio.run(sending({"type": "http.response.body"}))


def test_a_name_in_a_path_makes_no_second_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="modiste.audit")
    answer("/v1/catalogues/a\nb", 303)
    assert [record.message for record in caplog.records] == ["DELETE /v1/catalogues/a%0Ab by shop: 303"]
    assert "hidden" not in str(vars(caplog.records[0]))


def test_what_was_refused_or_failed_is_not_noted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="modiste.audit")
    for status in (404, 409, 503):
        answer("/v1/listings/1", status)
    assert not caplog.records


def test_what_only_asks_changes_nothing() -> None:
    assert not changes("POST", KeyScope.READ)
    assert not changes("GET", KeyScope.IMPORT)
    assert changes("POST", KeyScope.IMPORT)
    assert changes("DELETE", KeyScope.ADMIN)
