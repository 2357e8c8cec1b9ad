import io
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from db.shards import WorkPhoto
from db.states import Reason
from store import Store
from vision.fingerprint import fingerprint
from vision.preprocess import PixelRule, Resize
from worker.photos.errors import FetchError, FetchFault, HostBusy, HostGivenUp, HostResting
from worker.photos.fetcher import FetchedPhoto
from worker.photos.retry import POLICIES
from worker.preparation import Preparation, Prepared, Read

RULE = PixelRule(size_px=32, resize=Resize.SQUASH, mean=(0, 0, 0), std=(1, 1, 1))


class Fetcher:
    """Gives or raises what it is told."""

    gives: bytes | Exception = b""
    etag: str | None = None

    def fetch(self, url: str, *, urgent: bool) -> FetchedPhoto:
        if isinstance(self.gives, Exception):
            raise self.gives
        return FetchedPhoto(data=self.gives, final_url=url, etag=self.etag, last_modified=None)

    def refetch(self, url: str, validator: str | None, *, urgent: bool) -> FetchedPhoto | None:
        fetched = self.fetch(url, urgent=urgent)
        return None if validator and fetched.validator == validator else fetched


@pytest.fixture
def fetcher() -> Fetcher:
    return Fetcher()


@pytest.fixture
def preparation(fetcher: Fetcher, tmp_path: Path) -> Preparation:
    return Preparation(
        store=Store.open(str(tmp_path)),
        fetcher=fetcher,  # type: ignore[arg-type]
        is_known=lambda *_: False,
        decoders=1,
    )


def photo(attempts: int = 0) -> WorkPhoto:
    return WorkPhoto(id=7, source="https://shop.example/1.jpg", sha256=None, attempts=attempts, recognised=False)


@pytest.mark.parametrize("fault", FetchFault)
def test_a_fault_is_tried_as_often_as_its_policy_says_and_then_quarantined_for_its_reason(
    preparation: Preparation, fetcher: Fetcher, fault: FetchFault
) -> None:
    fetcher.gives = FetchError(fault, "what happened")
    for attempts in range(POLICIES[fault].tries - 1):
        again = preparation.read(photo(attempts), 1)
        assert not isinstance(again, Read)
        assert again.attempt
        assert again.retry_in_s is not None
    last = preparation.read(photo(POLICIES[fault].tries - 1), 1)
    assert not isinstance(last, Read)
    assert (last.reason, last.detail, last.retry_in_s) == (POLICIES[fault].reason, "what happened", None)


def test_a_resting_host_puts_its_photos_off_without_an_attempt(preparation: Preparation, fetcher: Fetcher) -> None:
    fetcher.gives = HostResting("shop.example", 42.0)
    put_off = preparation.read(photo(attempts=3), 1)
    assert not isinstance(put_off, Read)
    assert (put_off.retry_in_s, put_off.attempt, put_off.reason) == (42.0, False, None)


def test_a_host_given_up_quarantines_its_photos_at_once_with_its_fault(
    preparation: Preparation, fetcher: Fetcher
) -> None:
    fetcher.gives = HostGivenUp(FetchFault.TIMEOUT, "nothing for 301 s")
    given_up = preparation.read(photo(), 1)
    assert not isinstance(given_up, Read)
    assert (given_up.reason, given_up.detail) == (Reason.TIMEOUT, "nothing for 301 s")


def test_a_busy_host_is_for_the_readers_to_wait_for(preparation: Preparation, fetcher: Fetcher) -> None:
    fetcher.gives = HostBusy("shop.example")
    with pytest.raises(HostBusy):
        preparation.read(photo(), 1)


def test_a_fetched_photo_becomes_pixels_and_leaves_a_copy(preparation: Preparation, fetcher: Fetcher) -> None:
    out = io.BytesIO()
    Image.new("RGB", (300, 400), (10, 20, 30)).save(out, "JPEG")
    fetcher.gives = out.getvalue()
    read = preparation.read(photo(), 1)
    assert isinstance(read, Read)
    prepared = preparation.prepare(read, RULE)
    assert isinstance(prepared, Prepared)
    assert (prepared.pixels.shape, prepared.content.width_px, prepared.content.height_px) == ((32, 32, 3), 300, 400)
    assert prepared.content.fingerprint == fingerprint(Image.open(io.BytesIO(read.data)))
    fetcher.gives = FetchError(FetchFault.GONE, "not any more")
    known = WorkPhoto(
        id=8, source="https://shop.example/1.jpg", sha256=read.content.sha256, attempts=0, recognised=False
    )
    assert isinstance(preparation.read(known, 2), Read)


def known(**given: object) -> WorkPhoto:
    """A URL whose bytes this version has seen, and which is asked again."""
    asked = WorkPhoto(
        id=7, source="https://shop.example/1.jpg", sha256=b"x" * 32, attempts=0, recognised=True, refetch=True
    )
    return replace(asked, **given)


def test_a_url_that_still_gives_the_same_bytes_stays_what_it_was(preparation: Preparation, fetcher: Fetcher) -> None:
    fetcher.etag = '"1"'
    same = preparation.read(known(validator='etag:"1"'), 1)
    assert not isinstance(same, Read)
    assert (same.recognised, same.content, same.validator) == (True, None, None)


def test_a_url_that_gives_other_bytes_is_looked_at_with_its_new_validator(
    preparation: Preparation, fetcher: Fetcher
) -> None:
    fetcher.gives, fetcher.etag = b"other", '"2"'
    other = preparation.read(known(validator='etag:"1"'), 1)
    assert isinstance(other, Read)
    assert (other.data, other.validator, other.content.sha256) == (b"other", 'etag:"2"', sha256(b"other").digest())


@pytest.mark.parametrize(
    ("fault", "stays"),
    [(FetchFault.SERVER_ERROR, True), (FetchFault.TIMEOUT, True), (FetchFault.GONE, False)],
)
def test_a_known_photo_goes_only_where_its_server_says_so(
    preparation: Preparation, fetcher: Fetcher, fault: FetchFault, stays: bool
) -> None:
    fetcher.gives = FetchError(fault, "what happened")
    last = preparation.read(known(attempts=POLICIES[fault].tries - 1), 1)
    assert not isinstance(last, Read)
    assert (last.recognised, last.reason is None) == (stays, stays)


def test_bytes_that_are_no_photo_are_quarantined_with_their_content(preparation: Preparation, fetcher: Fetcher) -> None:
    fetcher.gives = b"no photo"
    read = preparation.read(photo(), 1)
    assert isinstance(read, Read)
    refused = preparation.prepare(read, RULE)
    assert not isinstance(refused, Prepared)
    assert (refused.reason, refused.content) == (Reason.NOT_AN_IMAGE, read.content)
