"""What people call things is shown as they wrote it, and a table's other columns keep their room beside it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cli import output
from cli.commands.importing import show_status
from cli.commands.status import begun, show_imports
from cli.output import print_table, progress
from db.imports import ImportStatus
from db.states import ImportState, Lane

NAMED = "a:x:b [red]dress[/red] [/] :heart:"


def import_of(**changes: Any) -> ImportStatus:
    counts = {name: 0 for name in ImportStatus.__dataclass_fields__ if name.startswith(("rows_", "photos_"))}
    more = {
        "id": 12345, "catalogue": "default", "feed": "feed.csv", "lane": Lane.BULK, "state": ImportState.RUNNING,
        "model_version": "v1", "error": None, "whole": False, "refetch": False, "listings_withdrawn": 0,
        "paused_at": None, "started_at": datetime(2026, 3, 4, 5, 6, tzinfo=UTC), "planned_at": None,
        "finished_at": None, "running_s": 1.0,
    }  # fmt: skip
    return ImportStatus(**{**counts, **more, **changes})


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output.out, "_width", 80)


def test_no_word_of_a_feed_is_taken_for_an_emoji_or_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(NAMED, ["listing", NAMED], [[NAMED, 1]])
    show_status(import_of(catalogue=NAMED))
    assert capsys.readouterr().out.count(NAMED) == 4


def test_no_word_of_a_bar_is_taken_for_an_emoji_or_for_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output.err, "_width", 200)
    with progress() as bar, output.err.capture() as told:
        bar.add_task(NAMED, total=1, says="")
        output.err.print(bar.get_renderable())
    assert NAMED in told.get()


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("catalogue", ["running shoes", "r" * 300])
def test_number_state_and_counts_of_an_import_stand_in_80_columns(
    capsys: pytest.CaptureFixture[str], catalogue: str
) -> None:
    one = import_of(catalogue=catalogue, rows_new=234_567, rows_rejected=765, photos_total=345_678, photos_pending=345)
    show_imports([one], wide=False)
    header, line = capsys.readouterr().out.splitlines()
    assert max(len(header), len(line)) <= 80
    assert header.split()[:1] + header.split()[-6:] == [
        "import", "state", "rows", "rejected", "photos", "left", "quarantine"
    ]  # fmt: skip
    assert line.split()[:2] == ["12345", "03-04"]
    assert line.split()[-6:] == ["running", "235332", "765", "345678", "345", "0"]


def test_a_wide_table_has_the_feed_and_the_whole_moment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output.out, "_width", 120)
    show_imports([import_of()], wide=True)
    assert "feed.csv" in (said := capsys.readouterr().out)
    assert "03-04 05:06" in said


def test_todays_imports_show_their_time_and_others_their_day() -> None:
    moment = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    assert begun(moment, moment.replace(hour=23), wide=False) == "05:06"
    assert begun(moment, moment.replace(day=5), wide=False) == "03-04"
