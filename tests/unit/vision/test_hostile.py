"""Whatever the bytes are, what comes of a photo is an image or a PhotoFault. First what `make fuzz` once found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

from tests.fuzz.looking import outcome
from tests.fuzz.photos import bmp_of_runs, chunk, encoded, mutants, png, png_header, seeds, turned
from vision import colour, preprocess
from vision.preprocess import PhotoError, PhotoFault, open_photo, original_size, stored_copy


@pytest.mark.parametrize("name", seeds())
def test_what_is_spoiled_below_is_an_image(name: str) -> None:
    assert outcome(seeds()[name]) == "image"


def test_an_orientation_that_does_not_exist_turns_neither_photo_nor_size() -> None:
    photo = Image.new("RGB", (60, 40))
    data = encoded(photo, "JPEG", exif=turned(photo, 9))
    assert original_size(data) == open_photo(data).size == (60, 40)


@pytest.mark.parametrize("size", [(9, 4000), (4000, 8), (8, 60_000)])
def test_the_copy_of_a_very_long_photo_can_be_read_again(size: tuple[int, int]) -> None:
    copy = open_photo(stored_copy(Image.new("RGB", size, "red")))
    assert (max(copy.size), min(copy.size)) == (1024, 8)


@pytest.mark.parametrize("kind", ["P1", "P2", "P3"])
def test_a_ppm_in_words_is_refused_unread(kind: str) -> None:
    """Its comments took the square of their number: a megabyte held all threads of a worker for ten seconds."""
    with pytest.raises(PhotoError) as caught:
        open_photo(f"{kind} 20 20 255\n".encode() + b"#\n" * 800_000)
    assert caught.value.fault is PhotoFault.UNSUPPORTED_FORMAT


def test_what_is_decoded_slowly_may_be_as_large_as_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocess, "MAX_SLOW_BYTES", 5_000)
    assert open_photo(bmp_of_runs()).size == (48, 40)
    for slow in (bmp_of_runs(data=b"\1\1" * 5_000), b"P6 60 60 200\n" + b"abc" * 3_600):
        with pytest.raises(PhotoError) as caught:
            open_photo(slow)
        assert caught.value.fault is PhotoFault.TOO_LARGE
    assert open_photo(b"P6 60 60 255\n" + b"abc" * 3_600).size == (60, 60)  # with all levels, Pillow copies it


@pytest.mark.parametrize("name", [name for name in seeds() if name.startswith(("png", "tiff", "pfm", "gif"))])
def test_a_photo_converted_in_bands_has_the_same_pixels(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.asarray(open_photo(seeds()[name]))
    monkeypatch.setattr(colour, "BAND_PIXELS", 300)
    assert (np.asarray(open_photo(seeds()[name])) == whole).all()


def test_a_megabyte_of_noughts_that_claims_all_pixels_there_may_be_is_a_bomb() -> None:
    data = png(png_header(2**31 - 1, 2**31 - 1, bits=16, colour=0), chunk(b"IDAT", b"x"))
    assert outcome(data) == "decompression_bomb"


@pytest.mark.filterwarnings("ignore:.*:UserWarning:PIL")
@settings(max_examples=400, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(data=mutants(seeds()))
def test_spoiled_images_give_an_image_or_a_fault(data: bytes) -> None:
    assert outcome(data) in {"image", *PhotoFault}
