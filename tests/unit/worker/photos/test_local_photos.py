"""Photos in a folder and in a zip answer alike; neither gives anything from outside itself."""

import io
import os
import shutil
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from db.rows import is_url
from worker.photos import (
    BadZip,
    FolderPhotos,
    NoPhotosThere,
    PhotoDamaged,
    PhotoFile,
    PhotoGone,
    Photos,
    PhotoTooLarge,
    ZipPhotos,
    open_photos,
)

FILES = {
    "shop/10000.jpg": b"red dress",
    "shop/Blue Shirt.PNG": b"blue shirt",
    "shop/a/front.jpg": b"a front",
    "shop/b/front.jpg": b"b front",
    "shop/notes.txt": b"notes",
}


def _write_folder(root: Path) -> Path:
    for name, data in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def _write_zip(path: Path, files: dict[str, bytes] = FILES) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture(params=["folder", "zip"])
def photos(request: pytest.FixtureRequest, tmp_path: Path) -> Photos:
    if request.param == "folder":
        return open_photos(_write_folder(tmp_path / "photos"))
    return open_photos(_write_zip(tmp_path / "photos.zip"))


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("shop/10000.jpg", "shop/10000.jpg"),
        ("./shop/10000.jpg", "shop/10000.jpg"),
        ("10000.jpg", "shop/10000.jpg"),
        ("images/10000.jpg", "shop/10000.jpg"),
        ("10000.JPG", "shop/10000.jpg"),
        ("10000", "shop/10000.jpg"),
        ("10000.webp", "shop/10000.jpg"),
        ("shop\\Blue Shirt.PNG", "shop/Blue Shirt.PNG"),
        ("blue shirt.jpg", "shop/Blue Shirt.PNG"),
        ("a/front.jpg", "shop/a/front.jpg"),
        ("export/shop/b/front.jpg", "shop/b/front.jpg"),
        ("shop/b/front.png", "shop/b/front.jpg"),
    ],
)
def test_a_reference_finds_its_photo(photos: Photos, reference: str, name: str) -> None:
    photo = photos.find(reference)
    assert photo is not None
    assert photo.name == name
    assert photos.read(photo) == FILES[name]


@pytest.mark.parametrize(
    "reference", ["front.jpg", "missing.jpg", "", "..", "../photos/shop/10000.jpg", "/etc/passwd", "C:\\x.jpg", "a\0b"]
)
def test_what_is_ambiguous_absent_or_outside_finds_nothing(photos: Photos, reference: str) -> None:
    assert photos.find(reference) is None


def test_images_lists_only_images_in_order(photos: Photos) -> None:
    assert [photo.name for photo in photos.images()] == sorted(name for name in FILES if "notes" not in name)


def test_a_photo_that_was_never_there_is_gone(photos: Photos) -> None:
    with pytest.raises(PhotoGone):
        photos.read(PhotoFile(name="shop/other.jpg", validator="", size_bytes=1))


def test_threads_may_read_at_once(photos: Photos) -> None:
    photo = photos.find("10000.jpg")
    assert photo is not None
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(photos.read, [photo] * 200)) == {b"red dress"}


def test_the_validator_of_a_folder_changes_with_the_file(tmp_path: Path) -> None:
    photos = FolderPhotos(_write_folder(tmp_path))
    before = photos.find("10000.jpg")
    assert photos.find("10000.jpg") == before
    os.utime(tmp_path / "shop" / "10000.jpg", ns=(5, 5))
    assert photos.find("10000.jpg") != before


def test_the_validator_of_a_zip_changes_only_with_the_bytes(tmp_path: Path) -> None:
    one = ZipPhotos(_write_zip(tmp_path / "1.zip", {"a.jpg": b"one"}))
    same = ZipPhotos(_write_zip(tmp_path / "2.zip", {"a.jpg": b"one"}))
    other = ZipPhotos(_write_zip(tmp_path / "3.zip", {"a.jpg": b"two"}))
    assert one.find("a.jpg") == same.find("a.jpg") != other.find("a.jpg")


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    root = _write_folder(tmp_path / "photos")
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "inner.jpg").symlink_to(root / "shop" / "10000.jpg")
    photos = FolderPhotos(root)
    assert photos.find("link.jpg") is None
    assert photos.find("inner.jpg") is not None
    with pytest.raises(PhotoGone):
        photos.read(PhotoFile(name="link.jpg", validator="", size_bytes=6))
    with pytest.raises(PhotoGone):
        photos.read(PhotoFile(name="../secret.jpg", validator="", size_bytes=6))


def test_a_pipe_in_the_place_of_a_photo_does_not_block(tmp_path: Path) -> None:
    root = _write_folder(tmp_path / "photos")
    os.mkfifo(root / "pipe.jpg")
    photos = FolderPhotos(root)
    assert photos.find("pipe.jpg") is None
    with pytest.raises(PhotoDamaged):
        photos.read(PhotoFile(name="pipe.jpg", validator="", size_bytes=1))


def test_members_that_climb_or_link_are_not_there(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.jpg")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../up.jpg", b"up")
        archive.writestr("/abs.jpg", b"abs")
        archive.writestr("__MACOSX/._a.jpg", b"mac")
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.jpg", b"good")
    assert [photo.name for photo in ZipPhotos(tmp_path / "x.zip").images()] == ["a.jpg"]


def test_a_bomb_in_a_zip_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    photos = ZipPhotos(_write_zip(tmp_path / "x.zip", {"a.jpg": bytes(20_000_000), "b.jpg": bytes(70_000_000)}))
    with pytest.raises(PhotoDamaged, match="grows"):
        photos.read(next(photos.images()))
    with pytest.raises(PhotoTooLarge):
        photos.read(list(photos.images())[1])


def test_a_member_that_lies_about_its_size_is_damaged(tmp_path: Path) -> None:
    path = _write_zip(tmp_path / "x.zip", {"a.jpg": b"x" * 5000})
    data = path.read_bytes()
    path.write_bytes(data.replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little")))
    photos = ZipPhotos(path)
    with pytest.raises(PhotoDamaged):
        photos.read(next(photos.images()))


def test_a_flipped_byte_in_a_zip_is_noticed(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.jpg", b"good bytes")
    (tmp_path / "x.zip").write_bytes(buffer.getvalue().replace(b"good bytes", b"evil bytes"))
    photos = ZipPhotos(tmp_path / "x.zip")
    with pytest.raises(PhotoDamaged, match="checksum"):
        photos.read(next(photos.images()))


def test_too_large_a_file_is_refused(tmp_path: Path) -> None:
    photos = FolderPhotos(_write_folder(tmp_path), max_bytes=4)
    photo = photos.find("10000.jpg")
    assert photo is not None
    with pytest.raises(PhotoTooLarge, match="more than the 4"):
        photos.read(photo)


def test_a_removed_file_is_gone(tmp_path: Path) -> None:
    photos = FolderPhotos(_write_folder(tmp_path))
    photo = photos.find("10000.jpg")
    assert photo is not None
    shutil.rmtree(tmp_path / "shop")
    with pytest.raises(PhotoGone):
        photos.read(photo)


def test_what_holds_no_photos_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"not a zip")
    with pytest.raises(BadZip, match=r"x\.zip"):
        open_photos(tmp_path / "x.zip")
    with pytest.raises(NoPhotosThere, match="neither a folder nor a zip"):
        open_photos(tmp_path / "nothing")


def test_urls_are_told_from_file_names() -> None:
    assert is_url("https://x/y.jpg")
    assert is_url("FILE:///etc/passwd")
    assert not is_url("shop/10000.jpg")


def test_a_zip_that_names_a_place_beyond_all_files_is_a_damaged_photo(tmp_path: Path) -> None:
    path = _write_zip(tmp_path / "photos.zip", {"1.jpg": b"photo"})
    data = path.read_bytes()
    at, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    far = struct.pack("<HHQ", 1, 8, 2**64 - 100)  # in ZIP64's extra field, which the directory's entry points to
    entry = bytearray(data[at:end])
    entry[30:32], entry[42:46] = struct.pack("<H", len(far)), b"\xff" * 4
    last = bytearray(data[end:])
    last[12:16] = struct.pack("<I", len(entry) + len(far))
    path.write_bytes(data[:at] + entry + far + last)
    photos = open_photos(path)
    (photo,) = photos.images()
    with pytest.raises(PhotoDamaged):
        photos.read(photo)
