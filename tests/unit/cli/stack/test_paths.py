from pathlib import Path

import pytest

from cli.stack.paths import StackPaths


def test_sockets_of_a_short_home_lie_in_it():
    assert StackPaths.of(Path("/srv/modiste")).run == Path("/srv/modiste/run")


@pytest.mark.parametrize("home", ["/srv/" + "long/" * 30, "/srv/my home", "/srv/größe", "/srv/a?b=c", "/srv/a,b"])
def test_sockets_of_a_long_or_oddly_named_home_lie_in_a_short_plain_folder_of_its_own(home):
    paths = StackPaths.of(Path(home))
    assert paths.run != StackPaths.of(Path(home + "x")).run
    for socket in (paths.postgres_socket, paths.valkey_socket):
        assert len(str(socket)) <= 100
        assert not set(" ?,ö") & set(str(socket))


def test_two_spellings_of_one_home_are_one_home(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert StackPaths.of(Path("a/../data")) == StackPaths.of(tmp_path / "data") == StackPaths.of(Path("~/data"))


def test_the_socket_folder_does_not_depend_on_tmpdir(monkeypatch):
    before = StackPaths.of(Path("/srv/my home"))
    monkeypatch.setenv("TMPDIR", "/var/tmp")
    assert StackPaths.of(Path("/srv/my home")) == before
