"""What can be done about a photo in quarantine, and the command that looks at it again."""

from db.quarantine import QuarantineRow
from db.remedies import REMEDIES
from db.rows import is_url
from db.states import MAY_PASS, Reason

# What mends these is another source, which an import takes for another photo.
MENDED_IN_THE_FEED = frozenset({Reason.BAD_URL, Reason.TOO_MANY_REDIRECTS})


def remedy(photo: QuarantineRow) -> str:
    """What to do, and the command that looks at the photo again afterwards."""
    return f"{REMEDIES[photo.reason]} Then: {command(photo)}"


def command(photo: QuarantineRow) -> str:
    if photo.reason in MENDED_IN_THE_FEED or (not is_url(photo.source) and photo.reason is not Reason.CRASHED_WORKER):
        return "import the feed again" + ("." if is_url(photo.source) else " with its photos.")
    return f"modiste retry {photo.import_id}" + ("" if photo.reason in MAY_PASS else f" --reason {photo.reason.value}")
