"""What a stranger runs first: the demo, on the drawn catalogue and on photos of their own, and what it serves."""

import json
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Modiste = Any  # tests/e2e/conftest.py


@pytest.fixture
def address(modiste: Modiste, tmp_path: Path) -> Iterator[str]:
    """A demo that stays, and the address it gives."""
    process = modiste.start("demo", "--products", "12", "--sheet", tmp_path / "sheet.png")
    yield read_address(process)
    process.terminate()  # as Ctrl-C, which a test run in the background may have been told to ignore
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, out + errors


def read_address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Look at it: "):
            return line.split()[3]
    raise AssertionError("the demo ended without an address")


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def test_the_demo_stays_and_serves_what_it_imported(address: str) -> None:
    listings = json.loads(fetched(f"{address}v1/listings?catalogue=sample"))["listings"]
    assert len(listings) >= 12
    assert all(listing["enrichment"] for listing in listings)
    assert listings[0]["title"] in fetched(address)


def test_the_demo_ends_for_machines_and_a_second_one_has_nothing_to_do(modiste: Modiste, tmp_path: Path) -> None:
    arguments = ("demo", "--exit", "--products", "12", "--sheet", tmp_path / "sheet.png")
    modiste.run(*arguments)
    again = modiste.run(*arguments).stdout
    assert "0 new" in again
    assert "0 went through the network" in again
    assert Image.open(tmp_path / "sheet.png").width > 500


def test_the_demo_takes_a_persons_own_photos(modiste: Modiste, sample: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    out = modiste.run("demo", "--exit", "--photos", sample / "photos", "--sheet", sheet).stdout
    assert "similar listings" in out
    assert sheet.exists()


def test_photos_that_are_not_there_are_said_before_anything_is_drawn(modiste: Modiste, tmp_path: Path) -> None:
    refused = modiste.run("demo", "--exit", "--photos", tmp_path / "nowhere", expect=1)
    assert "there is no such folder or zip" in refused.stderr


def test_up_on_a_taken_port_says_so_at_once(modiste: Modiste) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = subprocess.run(
            modiste.start_arguments("up"),
            env=modiste.environment | {"MODISTE_PORT": str(taken.getsockname()[1])},
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert refused.returncode != 0
    assert "set MODISTE_PORT" in refused.stderr
