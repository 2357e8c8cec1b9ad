"""What can be done about a photo in quarantine, by its reason. Whether that is worth it is for a person to say."""

from collections.abc import Mapping

from db.states import Reason

WHOLE = "Put a whole file in its place."
LATER = "It may pass: try again later."
REMEDIES: Mapping[Reason, str] = {
    Reason.NOT_AN_IMAGE: "Put a JPEG, PNG or WebP in its place: what is there is no image, perhaps an error page.",
    Reason.TRUNCATED: WHOLE,
    Reason.DAMAGED: WHOLE,
    Reason.EMPTY: WHOLE,
    Reason.DECOMPRESSION_BOMB: "Put a picture of fewer pixels in its place.",
    Reason.TOO_SMALL: "Put a larger picture in its place.",
    Reason.TOO_LARGE: "Put a smaller file in its place.",
    Reason.UNSUPPORTED_FORMAT: "Save it as JPEG, PNG or WebP.",
    Reason.UNSUPPORTED_MODE: "Save it in plain RGB or grey.",
    Reason.NOT_FOUND: "Put the photo where the feed says it is, or correct the feed.",
    Reason.GONE: "Put the photo where the feed says it is, or correct the feed.",
    Reason.FORBIDDEN: "Have its server hand it out; a signed address may have run out, and the feed needs a new one.",
    Reason.BAD_URL: "Correct the address in the feed.",
    Reason.TOO_MANY_REDIRECTS: "Put the address that it leads to into the feed.",
    Reason.REFUSED_HOST: "If you trust that host, name it in MODISTE_ALLOW_HOSTS and start the workers again.",
    Reason.HTTP_ERROR: "Ask whoever runs its server what that answer means.",
    Reason.RATE_LIMITED: LATER,
    Reason.SERVER_ERROR: LATER,
    Reason.BAD_RESPONSE: LATER,
    Reason.TIMEOUT: LATER,
    Reason.DNS: LATER,
    Reason.CONNECTION: LATER,
    Reason.CRASHED_WORKER: "Look at it, and at the worker's memory, before it is tried again.",
}
