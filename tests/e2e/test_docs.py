"""Every command of README.md and docs/ runs as it is written, on the drawn sample catalogue."""

import csv
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.stack.embedded import EmbeddedPair

Modiste = Any  # tests/e2e/conftest.py
ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md", "docs/start.md", "docs/import.md", "docs/export.md", "docs/sql.md", "docs/http.md", "docs/retrain.md",
    "docs/review.md", "docs/client.md",
)  # fmt: skip
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>[^\n]+) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
RUN = {"sh", "sql", "python"}
SHOWN_ONLY = {"", "text", "json", "toml", "yaml", "csv", "http"}
PRINTED_ADDRESS = "127.0.0.1:8000"
QUESTIONS = "docs/questions.md"

Rows = Sequence[Sequence[str]]
# Products 9, 19, 29 and 39 of the drawn catalogue are sold by two sellers each, who share photos.
SOLD_TWICE = {
    ("HG700009", "bloom_00009"), ("AN-00019", "HG700019"), ("AN-00029", "bloom_00029"), ("HG700039", "bloom_00039"),
}  # fmt: skip
# By what a question is about, what is true of its answer.
TRUE: dict[str, Callable[[Rows], bool]] = {
    "show the same photo": lambda rows: {(a, b) for a, b, _ in rows} == SOLD_TWICE,
    "offered by several": lambda rows: {(row[0], row[2]) for row in rows} == SOLD_TWICE,
    "assortments overlap": lambda rows: ["Harbour Goods", "Second Bloom", "2", "0.143"] in rows and len(rows) == 6,
    "one seller look most alike": lambda rows: (  # the two belts; no seller has a product twice
        set(rows[0][1:3]) == {"HG700008", "HG700037"} and all(float(row[3]) < 0.97 for row in rows)
    ),
    "filed in another category": lambda rows: "Handbag" not in {row[2] for row in rows} and len(rows) < 5,
    "call the colours": lambda rows: next(seen for said, seen, *_ in rows if said == "Red") == "Red",
    "seller lack": lambda rows: (  # only Second Bloom sells skirts
        [seller for seller, category, _ in rows if category == "Skirt"] == ["Atelier Nord", "Harbour Goods"]
    ),
    "became of the photos": lambda rows: rows == [["enriched", "", "120", "44"]],
    "what, and of which nothing": lambda rows: all(int(said) + int(nothing) == 44 for _, said, nothing in rows),
    "most typical": lambda rows: {row[0]: row[4] for row in rows}["Hat"] == "bloom_00022",  # a beanie among caps
    "prices stand out": lambda rows: rows[0][0] == "bloom_00012",  # boots among trainers
    "instead of one listing": lambda rows: rows[0][0] == "AN-00030",  # the other dress, which is cheaper
}


@dataclass(frozen=True, kw_only=True)
class Block:
    page: str
    line: int
    kind: str
    text: str
    not_run: str | None


def blocks_of(page: str) -> list[Block]:
    source = (ROOT / page).read_text()
    return [
        Block(
            page=page,
            line=source.count("\n", 0, found.start()) + 1,
            kind=found["kind"],
            text=found["text"],
            not_run=found["why"],
        )
        for found in BLOCK.finditer(source)
    ]


@pytest.fixture(scope="module")
def folder(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader would stand: with a feed, photos in a zip and a folder, and one photo."""
    here = tmp_path_factory.mktemp("reader")
    shutil.copy(sample / "feed.csv", here)
    shutil.copytree(sample / "photos", here / "my-photos")
    shutil.copy(next((sample / "photos").glob("*.jpg")), here / "a-photo.jpg")
    shutil.make_archive(str(here / "photos"), "zip", sample, "photos")
    for name in ("trainer", "models"):
        (here / name).symlink_to(ROOT / name)
    return here


@pytest.fixture(scope="module")
def filled(modiste: Modiste, sample: Path) -> Modiste:
    modiste.run("import", sample / "feed.csv", "--photos", sample / "photos", "--catalogue", "sample")
    return modiste


def environment(modiste: Modiste) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return modiste.environment | {"PATH": path, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'client'}"}


def run_block(block: Block, modiste: Modiste, folder: Path, address: str = PRINTED_ADDRESS) -> None:
    source = block.text.replace(PRINTED_ADDRESS, address)
    if block.kind == "python":
        with EmbeddedPair.start(modiste.home) as pair:
            url = pair.database_url.replace("+psycopg2", "", 1)  # as people have it
            source = f"DATABASE_URL = {url!r}\n{source}"
        command = [sys.executable, "-c", source]
    elif block.kind == "sql":
        command = ["modiste", "psql", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-c", source]
    else:
        command = ["bash", "-euo", "pipefail", "-c", source]
    done = subprocess.run(
        command, cwd=folder, env=environment(modiste), text=True, capture_output=True, timeout=300, check=False
    )
    where = f"{block.page}, line {block.line}"
    assert done.returncode == 0, f"{where} ended with {done.returncode}:\n{block.text}\n{done.stdout}\n{done.stderr}"
    if block.kind == "sql":
        assert "(0 rows)" not in done.stdout, f"{where} finds nothing:\n{block.text}"


def questions() -> dict[str, str]:
    """The statement below each heading."""
    found = re.finditer(r"^## (.*?)\n.*?^```sql\n(.*?)^```", (ROOT / QUESTIONS).read_text(), re.MULTILINE | re.DOTALL)
    return {match[1]: match[2] for match in found}


def test_every_question_is_answered_with_what_was_drawn(filled: Modiste) -> None:
    """First of all, while the sample is all there is."""
    asked = questions()
    assert len(asked) == len(TRUE) == len([block for block in blocks_of(QUESTIONS) if block.kind in RUN])
    for heading, statement in asked.items():
        (is_true,) = (check for words, check in TRUE.items() if words in heading)
        arguments = ("psql", "--no-psqlrc", "--csv", "--tuples-only", "-v", "ON_ERROR_STOP=1", "-c", statement)
        rows = list(csv.reader(filled.run(*arguments).stdout.splitlines()))
        assert rows, f"{heading} has no answer"
        assert is_true(rows), f"{heading}: {rows}"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_runs(page: str, filled: Modiste, served: Any, folder: Path) -> None:
    blocks = [block for block in blocks_of(page) if block.kind in RUN and block.not_run is None]
    assert blocks, f"{page} has no command"
    if not any(PRINTED_ADDRESS in block.text for block in blocks):
        for block in blocks:
            run_block(block, filled, folder)
        return
    assert shutil.which("curl"), "the pages show curl; install it"
    with served(filled) as address:
        for block in blocks:
            run_block(block, filled, folder, address.removeprefix("http://"))


@pytest.mark.parametrize(
    "page", [str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md") if p.stem != "index"] + ["README.md"]
)
def test_every_block_says_what_it_is_and_every_link_leads_somewhere(page: str) -> None:
    for block in blocks_of(page):
        assert block.kind in RUN | SHOWN_ONLY, f"{page}, line {block.line}: write ```sh, ```sql, ```python or ```text"
    assert (ROOT / page).read_text().count("```") == 2 * len(blocks_of(page)), f"{page} has a block that is not read"
    here = (ROOT / page).parent
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text()):
        assert (here / target).exists(), f"{page} links to {target}"
