import os
import threading
from pathlib import Path

import pytest

from cli.errors import UsageError
from cli.export.target import opened


def test_a_file_appears_whole_and_replaces_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("old")
    with opened(file) as out:
        out.write(b"new")
        out.flush()
        assert file.read_text() == "old"
    assert (file.read_text(), os.listdir(tmp_path)) == ("new", ["out.csv"])


def end_early(file: Path) -> None:
    with opened(file) as out:
        out.write(b"half")
        raise KeyboardInterrupt


def test_an_export_that_ends_early_leaves_everything_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        end_early(file)
    assert (file.read_text(), os.listdir(tmp_path)) == ("old", ["out.csv"])


def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with opened(pipe) as out:
        out.write(b"through")
    reader.join()
    assert (read, pipe.is_fifo()) == ([b"through"], True)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match=r"out.csv cannot be written: No such file"),
        opened(tmp_path / "no" / "out.csv"),
    ):
        pass
