"""Where the feed's names are others than the photos', one sentence says so."""

from pathlib import Path

import pytest

from worker.photos import open_photos
from worker.photos.sought import SoughtPhotos


@pytest.fixture
def sought(tmp_path: Path) -> SoughtPhotos:
    (tmp_path / "photos").mkdir()
    for number in range(10000, 10020):
        (tmp_path / "photos" / f"IMG_{number}.jpg").touch()
    return SoughtPhotos(open_photos(tmp_path))


def test_where_none_of_the_names_is_there_a_photo_that_may_be_meant_is_told(sought: SoughtPhotos) -> None:
    for number in range(10010, 10040):
        assert sought.find(f"{number}.jpg") is None
        assert sought.find(f"{number}.jpg") is None  # planning asks twice
    assert (
        sought.mismatch()
        == "None of the 30 names in the feed is among the photos; these hold e.g. photos/IMG_10010.jpg."
    )


def test_where_nearly_none_is_there_that_is_said_too_and_from_a_tenth_on_no_more(sought: SoughtPhotos) -> None:
    for number in range(29):
        sought.find(f"nothing-{number}.jpg")
    sought.find("IMG_10000.jpg")
    sought.find("IMG_10001.jpg")
    assert str(sought.mismatch()).startswith(
        "Only 2 of the 31 names in the feed are among the photos; these hold e.g. "
    )
    for number in range(10002, 10010):
        sought.find(f"IMG_{number}.jpg")
    assert sought.mismatch() is None


def test_photos_that_nobody_asked_for_are_no_mismatch(sought: SoughtPhotos) -> None:
    assert sought.mismatch() is None


def test_a_zip_without_images_says_so(tmp_path: Path) -> None:
    sought = SoughtPhotos(open_photos(tmp_path))
    sought.find("a.jpg")
    assert sought.mismatch() == "None of the 1 names in the feed is among the photos; these hold no image."
