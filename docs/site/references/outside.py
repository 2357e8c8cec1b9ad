"""Pages that stand outside docs/, where a code host expects them, brought in with their links made to fit."""

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)#\s]+)")


def newest_model_card() -> Path:
    return max((ROOT / "models").glob("*/MODEL_CARD.md"))


def pages() -> dict[Path, Path]:
    """From where they stand to where the site has them. README.md is read into docs/index.md, so is no page itself."""
    return {
        **{path: DOCS / "reference" / f"{path.stem.lower()}.md" for path in ROOT.glob("*.md")},
        ROOT / "README.md": DOCS / "reference" / "front.txt",
        newest_model_card(): DOCS / "reference" / "model-card.md",
    }


def fitted(source: Path, target: Path) -> str:
    """The text of `source` with each relative link as it is from `target`."""
    start = DOCS if target.name == "front.txt" else target.parent
    brought = pages()

    def moved(link: re.Match[str]) -> str:
        leads_to = (source.parent / link[1]).resolve()
        return os.path.relpath(brought.get(leads_to, leads_to), start)

    return LINK.sub(moved, source.read_text())
