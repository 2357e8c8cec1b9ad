"""Spoiled feeds and zips through the readers and the check of rows that an import uses."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.conftest import cases, hypothesis_settings, watched
from tests.fuzz.feeds import documents, mutants, seeds, tables, zips
from tests.fuzz.reading import outcome, outcome_of_photos

pytestmark = pytest.mark.fuzz
CASES = cases("FEEDS", 50_000)


def test_spoiled_feeds_give_rows_rejections_or_a_feed_error(
    tmp_path: Path, bounded_memory: None, tally: dict[str, int]
) -> None:
    path = tmp_path / "feed"
    for data in seeds().values():
        path.write_bytes(data)
        assert outcome(path) in ("rows", "rejected")

    @settings(**hypothesis_settings(CASES))
    @given(data=st.one_of(mutants(), mutants(), tables(), documents(), st.binary(max_size=80)))
    def read(data: bytes) -> None:
        path.write_bytes(data)
        with watched(data, "feed"):
            said = outcome(path)
        tally[said] = tally.get(said, 0) + 1

    read()
    assert {"rows", "rejected", "DamagedFeed", "NoIdColumn"} <= tally.keys() or CASES < 5_000


def test_spoiled_zips_give_photos_or_a_photos_error(
    tmp_path: Path, bounded_memory: None, tally: dict[str, int]
) -> None:
    path = tmp_path / "photos.zip"

    @settings(**hypothesis_settings(max(1, CASES // 5)))
    @given(data=zips())
    def read(data: bytes) -> None:
        path.write_bytes(data)
        with watched(data, "zip"):
            said = outcome_of_photos(path)
            as_feed = outcome(path)
        for name in (f"zip: {said}", f"zip as a feed: {as_feed}"):
            tally[name] = tally.get(name, 0) + 1

    read()
    assert "zip: photos" in tally
