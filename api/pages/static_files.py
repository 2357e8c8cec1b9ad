"""`/static/…`: the files of the pages. Open to everyone: the page for signing in needs them too."""

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

from api.pages.assets import PREFIX
from api.pages.site import UseSite

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, no-cache"

router = APIRouter()


@router.get(PREFIX + "{version}/{name}")
async def static(site: UseSite, version: str, name: str) -> Response:
    """Kept for ever under its own version only; a page made before an update still finds its files."""
    asset = site.assets.files.get(name)
    if asset is None:
        raise HTTPException(404)
    lasting = FOR_EVER if version == site.assets.version else ASK_AGAIN
    headers = {"Cache-Control": lasting, "X-Content-Type-Options": "nosniff"}
    return Response(asset.data, media_type=asset.media_type, headers=headers)
