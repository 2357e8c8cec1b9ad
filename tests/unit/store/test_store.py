"""The store over a folder and over fsspec's memory driver must not differ in what callers see."""

import errno
import hashlib
import os
import pickle
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest

from store import (
    Area,
    BadStoreUrl,
    DamagedFolder,
    DifferentFolderInStore,
    InvalidName,
    NotInStore,
    Store,
    StoreFull,
    StoreUnreachable,
)
from store.remote import RemoteFiles

SHA_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "store") if request.param == "folder" else f"memory://{uuid.uuid4().hex}/store")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "onnx").mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    (folder / "onnx" / "fp32.onnx").write_bytes(b"weights")
    return folder


def test_bytes_come_back_under_their_sha256(store: Store) -> None:
    assert store.put(Area.PHOTOS, b"abc") == SHA_OF_ABC
    assert store.read(Area.PHOTOS, SHA_OF_ABC) == b"abc"
    assert store.exists(Area.PHOTOS, SHA_OF_ABC)
    assert not store.exists(Area.COPIES, SHA_OF_ABC)


def test_content_names_are_sharded_into_two_levels(tmp_path: Path) -> None:
    Store.open(str(tmp_path)).put(Area.PHOTOS, b"abc")
    assert (tmp_path / "photos" / "ba" / "78" / SHA_OF_ABC).read_bytes() == b"abc"


def test_the_same_bytes_are_written_once_and_young_whenever_they_are_put(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    name = store.put(Area.PHOTOS, b"abc")
    path = tmp_path / "photos" / "ba" / "78" / name
    file = path.stat().st_ino
    os.utime(path, (1, 1))
    assert list(store.old_names(Area.PHOTOS, 3600)) == [(name, 3)]
    store.put(Area.PHOTOS, b"abc")
    assert path.stat().st_ino == file
    assert list(store.old_names(Area.PHOTOS, 3600)) == []


def test_an_object_that_is_a_day_old_is_written_again_where_it_is_put() -> None:
    store = Store.open("memory://aging")
    name = store.put(Area.PHOTOS, b"abc")
    assert store.has_photo(name)
    assert list(store.old_names(Area.PHOTOS, 3600)) == []
    fs = fsspec.filesystem("memory")
    (kept,) = [file for path, file in fs.store.items() if path.startswith("/aging") and path.endswith(name)]
    kept.created = datetime.now(UTC) - timedelta(days=8)
    assert list(store.old_names(Area.PHOTOS, 7 * 86_400)) == [(name, 3)]
    store.put(Area.PHOTOS, b"abc")
    assert list(store.old_names(Area.PHOTOS, 3600)) == []


def test_a_file_that_lost_its_bytes_is_put_again(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    name = store.put(Area.PHOTOS, b"abc")
    (tmp_path / "photos" / "ba" / "78" / name).write_bytes(b"")
    store.put(Area.PHOTOS, b"abc")
    assert store.read(Area.PHOTOS, name) == b"abc"


def test_a_named_file_is_replaced(store: Store) -> None:
    store.write(Area.COPIES, SHA_OF_ABC, b"old")
    store.write(Area.COPIES, SHA_OF_ABC, b"new")
    assert store.read(Area.COPIES, SHA_OF_ABC) == b"new"


def test_removing_forgets_and_may_be_repeated(store: Store) -> None:
    name = store.put(Area.THUMBNAILS, b"x")
    store.remove(Area.THUMBNAILS, name)
    store.remove(Area.THUMBNAILS, name)
    with pytest.raises(NotInStore, match=f"thumbnails/{name}"):
        store.read(Area.THUMBNAILS, name)


def test_names_lists_an_area_and_only_it(store: Store) -> None:
    names = {store.put(Area.PHOTOS, bytes([i])) for i in range(5)}
    store.put(Area.FEEDS, b"feed")
    assert set(store.names(Area.PHOTOS)) == names


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", ".hidden", "x" * 201, "é", "a\n"]
)
def test_a_name_that_could_leave_its_area_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InvalidName):
        store.write(Area.COPIES, name, b"x")
    with pytest.raises(InvalidName):
        store.put_folder(Area.MODELS, name, Path())


def test_a_large_file_is_kept_under_its_sha256_and_fetched(store: Store, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "feed.csv").write_bytes(data)
    name = store.put_file(Area.FEEDS, tmp_path / "feed.csv")
    assert name == hashlib.sha256(data).hexdigest()
    assert store.fetch_file(Area.FEEDS, name, tmp_path / "cache").read_bytes() == data
    with pytest.raises(NotInStore):
        store.fetch_file(Area.FEEDS, SHA_OF_ABC, tmp_path / "cache")


def test_a_folder_comes_back_whole(store: Store, model: Path, tmp_path: Path) -> None:
    store.put_folder(Area.MODELS, "lite0-1", model)
    store.put_folder(Area.MODELS, "lite0-1", model)
    for _ in range(2):
        fetched = store.fetch_folder(Area.MODELS, "lite0-1", tmp_path / "cache")
        assert (fetched / "onnx" / "fp32.onnx").read_bytes() == b"weights"
    assert list(store.names(Area.MODELS)) == ["lite0-1"]


def test_some_files_of_a_folder_are_kept_without_the_others(store: Store, model: Path, tmp_path: Path) -> None:
    assert store.put_folder(Area.MODELS, "lite0-1", model, only={"manifest.json"})
    assert not store.put_folder(Area.MODELS, "lite0-1", model, only={"manifest.json"})
    fetched = store.fetch_folder(Area.MODELS, "lite0-1", tmp_path / "cache")
    assert not (fetched / "onnx").exists()
    assert (fetched / "manifest.json").exists()


def test_files_gone_from_a_folder_are_named_and_come_back_with_it(store: Store, model: Path) -> None:
    with pytest.raises(NotInStore):
        store.require_folder(Area.MODELS, "lite0-1")
    store.put_folder(Area.MODELS, "lite0-1", model)
    store._files.remove("models/lite0-1/onnx/fp32.onnx")
    with pytest.raises(DamagedFolder, match=r"onnx/fp32\.onnx missing"):
        store.require_folder(Area.MODELS, "lite0-1")
    store.put_folder(Area.MODELS, "lite0-1", model)
    store.require_folder(Area.MODELS, "lite0-1")


@pytest.mark.parametrize("link", [True, False])
def test_a_photo_is_copied_out_as_it_was_handed_in_else_as_its_small_copy(
    store: Store, tmp_path: Path, link: bool
) -> None:
    target = tmp_path / "photo.jpg"
    assert not store.copy_photo(SHA_OF_ABC, target, link=link)
    assert list(tmp_path.glob("*photo*")) == []
    for area, data in ((Area.COPIES, b"small"), (Area.PHOTOS, b"abc")):
        store.write(area, SHA_OF_ABC, data)
        assert store.copy_photo(SHA_OF_ABC, target, link=link)
        assert target.read_bytes() == data
    assert list(tmp_path.glob(".*unfinished")) == []


def test_a_linked_photo_takes_no_space_and_outlives_the_store_s_own(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "store"))
    store.put(Area.PHOTOS, b"abc")
    store.copy_photo(SHA_OF_ABC, tmp_path / "linked.jpg", link=True)
    store.copy_photo(SHA_OF_ABC, tmp_path / "copied.jpg")
    assert [(tmp_path / name).stat().st_nlink for name in ("linked.jpg", "copied.jpg")] == [2, 1]
    store.remove_content(SHA_OF_ABC)
    assert (tmp_path / "linked.jpg").read_bytes() == b"abc"


def test_another_folder_under_a_known_name_is_refused(store: Store, model: Path) -> None:
    store.put_folder(Area.MODELS, "lite0-1", model)
    (model / "manifest.json").write_text('{"changed": true}')
    with pytest.raises(DifferentFolderInStore):
        store.put_folder(Area.MODELS, "lite0-1", model)
    store.remove_folder(Area.MODELS, "lite0-1")
    store.put_folder(Area.MODELS, "lite0-1", model)


def test_a_folder_whose_upload_stopped_is_not_there(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(f"memory://{uuid.uuid4().hex}")
    copied: list[str] = []
    copy_in = store._files.copy_in

    def lost_after_one(relative: str, source: Path, *, durable: bool) -> None:
        if copied:
            raise StoreUnreachable(where="memory", reason="lost")
        copied.append(relative)
        copy_in(relative, source, durable=durable)

    monkeypatch.setattr(store._files, "copy_in", lost_after_one)
    with pytest.raises(StoreUnreachable):
        store.put_folder(Area.MODELS, "lite0-1", model)
    with pytest.raises(NotInStore):
        store.fetch_folder(Area.MODELS, "lite0-1", tmp_path)
    assert list(store.names(Area.MODELS)) == []


def test_a_damaged_remote_folder_is_refused(tmp_path: Path, model: Path) -> None:
    import fsspec

    bucket = uuid.uuid4().hex
    store = Store.open(f"memory://{bucket}")
    store.put_folder(Area.MODELS, "lite0-1", model)
    fsspec.filesystem("memory").pipe_file(f"/{bucket}/models/lite0-1/onnx/fp32.onnx", b"other")
    with pytest.raises(DamagedFolder):
        store.fetch_folder(Area.MODELS, "lite0-1", tmp_path / "cache")


def test_threads_may_put_the_same_bytes_at_once(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(lambda i: store.put(Area.PHOTOS, b"%d" % (i % 10)), range(400)))
    assert set(store.names(Area.PHOTOS)) == names
    assert len(names) == 10


def test_a_full_disk_is_said_so_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(str(tmp_path))

    def no_space(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", no_space)
    with pytest.raises(StoreFull, match="No space is left"):
        store.put(Area.PHOTOS, b"abc")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_store_that_is_a_file_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreUnreachable, match="cannot be read or written"):
        Store.open(str(tmp_path / "file")).put(Area.PHOTOS, b"abc")


@pytest.mark.parametrize("url", ["", "nosuchscheme://bucket/x"])
def test_an_unknown_url_is_refused_with_advice(url: str) -> None:
    with pytest.raises(BadStoreUrl, match="s3://bucket/prefix"):
        Store.open(url)


def test_errors_survive_pickling() -> None:
    error = NotInStore(area=Area.PHOTOS, name="x", where="here")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_photo_is_found_as_it_was_handed_in_before_its_small_copy(store: Store) -> None:
    name = hashlib.sha256(b"whole").hexdigest()
    assert store.find_photo(name) is None
    store.write(Area.COPIES, name, b"small")
    assert store.find_photo(name) == b"small"
    store.put(Area.PHOTOS, b"whole")
    assert store.find_photo(name) == b"whole"
    store.remove_content(name)
    assert store.find_photo(name) is None


def test_processes_that_share_a_cache_do_not_take_a_folder_from_under_each_other(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All have found it missing before the first has it: what the first reads from then on must stay where it is."""
    store = Store.open(f"memory://{uuid.uuid4().hex}/store")
    store.put_folder(Area.MODELS, "v1", model)
    all_know_the_index = threading.Barrier(8)
    copied: list[str] = []
    read, copy_out = RemoteFiles.read, RemoteFiles.copy_out

    def read_together(files: RemoteFiles, relative: str) -> bytes:
        found = read(files, relative)
        all_know_the_index.wait(20)
        return found

    def counted(files: RemoteFiles, relative: str, target: Path) -> None:
        copied.append(relative)
        copy_out(files, relative, target)

    monkeypatch.setattr(RemoteFiles, "read", read_together)
    monkeypatch.setattr(RemoteFiles, "copy_out", counted)

    def fetch(_: int) -> tuple[Path, int]:
        folder = store.fetch_folder(Area.MODELS, "v1", tmp_path / "cache")
        return folder, (folder / "manifest.json").stat().st_ino

    with ThreadPoolExecutor(8) as pool:
        fetched = set(pool.map(fetch, range(8)))
    assert len(fetched) == 1, "one folder, never replaced"
    assert sorted(copied) == ["models/v1/manifest.json", "models/v1/onnx/fp32.onnx"]
