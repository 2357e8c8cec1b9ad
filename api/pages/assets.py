"""Static files of the pages: read once, served under an address that changes with their content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PREFIX = "/static/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """A file as it is sent."""

    data: bytes
    media_type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Assets:
    """All files by name; `version` is of all of them together."""

    version: str
    files: Mapping[str, Asset]

    def url(self, name: str) -> str:
        """Raises KeyError, so that a template with a wrong name fails where it is tried."""
        self.files[name]
        return f"{PREFIX}{self.version}/{name}"


def load_assets(folder: Path = FOLDER) -> Assets:
    files = {
        path.name: Asset(data=path.read_bytes(), media_type=TYPES[path.suffix])
        for path in sorted(folder.iterdir())
        if path.suffix in TYPES
    }
    everything = b"".join(name.encode() + asset.data for name, asset in files.items())
    return Assets(version=hashlib.sha256(everything).hexdigest()[:10], files=files)
