"""Photos beside a feed that remember what they were asked for: where the feed's names are others than the photos', each
missing photo is one fault, and all of them together are another."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from worker.photos.sources import PhotoFile, Photos

NEARLY_NONE = 0.1
# So many that were found tell that names are right, whatever is missing; no more of them are remembered.
PLENTY = 100_000


class SoughtPhotos:
    """Passes everything on to `photos`. A name counts once, however often it is asked for."""

    def __init__(self, photos: Photos) -> None:
        self._photos = photos
        self._found: set[str] = set()
        self._missing: set[str] = set()
        self._first_missing = ""

    def find(self, reference: str) -> PhotoFile | None:
        """The one photo that a feed's reference means; None where there is none or it is ambiguous."""
        file = self._photos.find(reference)
        if len(self._found) < PLENTY:
            seen, name = (self._found, file.name) if file else (self._missing, reference)
            seen.add(name)
        if file is None:
            self._first_missing = self._first_missing or reference
        return file

    def read(self, photo: PhotoFile) -> bytes:
        """The photo's bytes; raises PhotoGone, PhotoDamaged, PhotoTooLarge."""
        return self._photos.read(photo)

    def images(self) -> Iterator[PhotoFile]:
        """Every file that ends like an image's, sorted by name."""
        return self._photos.images()

    def close(self) -> None:
        """Let go of open files."""
        self._photos.close()

    def mismatch(self) -> str | None:
        """A sentence, where none or nearly none of the names is among the photos."""
        found, sought = len(self._found), len(self._found) + len(self._missing)
        if not self._missing or found >= NEARLY_NONE * sought:
            return None
        some = f"Only {found:,}" if found else "None"
        example = self._example()
        held = f"these hold e.g. {example}" if example else "these hold no image"
        return f"{some} of the {sought:,} names in the feed {'are' if found > 1 else 'is'} among the photos; {held}."

    def _example(self) -> str | None:
        """The first image, or rather one whose name has that of a missing one in it."""
        stem = PurePosixPath(self._first_missing.replace("\\", "/")).stem.casefold()
        names = [photo.name for photo in self._photos.images()]
        alike = (name for name in names if stem and stem in name.rpartition("/")[2].casefold())
        return next(alike, next(iter(names), None))
