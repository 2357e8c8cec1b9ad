"""Spoiled images of every format through the decoding that workers and API share."""

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.conftest import cases, hypothesis_settings, watched
from tests.fuzz.looking import outcome
from tests.fuzz.photos import mutants, seeds

pytestmark = pytest.mark.fuzz
CASES = cases("PHOTOS", 50_000)


def photographs(at_most: int = 40) -> dict[str, bytes]:
    """Some out of the zip that MODISTE_FUZZ_FROM names."""
    source = os.environ.get("MODISTE_FUZZ_FROM")
    if not source:
        return {}
    with zipfile.ZipFile(Path(source)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        return {name: archive.read(name) for name in names[:: max(1, len(names) // at_most)][:at_most]}


def test_spoiled_images_give_an_image_or_a_fault(bounded_memory: None, tally: dict[str, int]) -> None:
    images = {**seeds(), **photographs()}
    assert {outcome(data) for data in images.values()} == {"image"}

    @settings(**hypothesis_settings(CASES))
    @given(data=st.one_of(mutants(images), mutants(images), mutants(images), st.binary(max_size=100)))
    def look(data: bytes) -> None:
        with watched(data, "photo"):
            said = outcome(data)
        tally[said] = tally.get(said, 0) + 1

    look()
    missing: Any = {"image", "truncated", "not_an_image", "too_small", "decompression_bomb"} - tally.keys()
    assert not missing or CASES < 5_000
