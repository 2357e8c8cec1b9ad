import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_site_builds_without_a_warning_and_has_what_the_program_has(tmp_path: Path) -> None:
    """A page in no toctree, a link that leads nowhere and a heading that is gone are warnings."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", "docs/site"]
    done = subprocess.run(
        [*command, "-d", str(tmp_path / "doctrees"), "docs", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for page, words in {
        "command-line": "modiste import",
        "http": "/v1/listings/{listing_id}/similar",
        "sql": "similar_listings",
        "settings": "MODISTE_STORE",
        "metrics": "modiste_photos_pending",
    }.items():
        assert words in (tmp_path / "site/reference" / f"{page}.html").read_text(), f"{page} lacks {words}"
    assert 'src="http' not in (tmp_path / "site/index.html").read_text(), "the site works without a network"
