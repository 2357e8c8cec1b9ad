"""Where photos come from: a folder, a zip, or image servers behind a guard. Knows bytes, not pixels."""

from worker.photos.errors import (
    BadZip,
    FetchError,
    FetchFault,
    NoPhotosThere,
    PhotoDamaged,
    PhotoGone,
    PhotosError,
    PhotoTooLarge,
)
from worker.photos.fetcher import FetchedPhoto, PhotoFetcher
from worker.photos.folder import FolderPhotos
from worker.photos.sources import PhotoFile, Photos, open_photos
from worker.photos.zipped import ZipPhotos

__all__ = [
    "BadZip",
    "FetchError",
    "FetchFault",
    "FetchedPhoto",
    "FolderPhotos",
    "NoPhotosThere",
    "PhotoDamaged",
    "PhotoFetcher",
    "PhotoFile",
    "PhotoGone",
    "PhotoTooLarge",
    "Photos",
    "PhotosError",
    "ZipPhotos",
    "open_photos",
]
