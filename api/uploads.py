"""Photos as clients send them: the field of a form, checked before its bytes are used."""

from typing import Annotated

from fastapi import Depends, File, Request, UploadFile

from api.errors import EmptyUpload, WrongContentType

PHOTO_TYPES = ("image/", "application/octet-stream")


async def needs_form(request: Request) -> None:
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != "multipart/form-data":
        raise WrongContentType(
            wanted="multipart/form-data, as curl -F sends it", given=given[:100] or "an untyped body"
        )


async def needs_json(request: Request) -> None:
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != "application/json":
        raise WrongContentType(wanted="application/json", given=given[:100] or "an untyped body")


FORM = [Depends(needs_form)]
JSON = [Depends(needs_json)]

PhotoField = Annotated[UploadFile, File(description="The photo: JPEG, PNG, WebP and others, at most 64 MiB.")]


def photo_bytes(photo: UploadFile) -> bytes:
    """The photo as it was sent. Its bytes decide what it is, but who says that it is no image is taken at his word.

    Raises `WrongContentType` or `EmptyUpload`.
    """
    if photo.content_type and not photo.content_type.lower().startswith(PHOTO_TYPES):
        raise WrongContentType(wanted="an image in the field 'photo'", given=photo.content_type[:100])
    data = photo.file.read()
    if not data:
        raise EmptyUpload(name=(photo.filename or "")[:100])
    return data
