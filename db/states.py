"""The closed sets of the schema: what can be said of a photo, a shard, an import or a feed row."""

from enum import StrEnum


class Lane(StrEnum):
    """Queues in the order in which a worker serves them."""

    INTERACTIVE = "interactive"
    BULK = "bulk"
    BACKFILL = "backfill"


class PhotoState(StrEnum):
    """Where a photo stands with the active model version."""

    PENDING = "pending"
    ENRICHED = "enriched"
    CANCELLED = "cancelled"
    QUARANTINED = "quarantined"


class ShardState(StrEnum):
    """`split`: its photos went on in smaller shards. `paused`: queued, and not handed out while its import rests."""

    QUEUED = "queued"
    PAUSED = "paused"
    LEASED = "leased"
    DONE = "done"
    SPLIT = "split"
    CANCELLED = "cancelled"


class ImportState(StrEnum):
    """`failed` says that planning stopped short; what was planned until then is still enriched.

    `previewed`: its feed was looked at, nothing of it is taken, and it waits to be started or discarded.
    """

    PREVIEWED = "previewed"
    PLANNING = "planning"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RowOutcome(StrEnum):
    """What became of a feed row; every row has exactly one."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    CONTINUED = "continued"
    REJECTED = "rejected"


class ReportOutcome(StrEnum):
    """What a report tells: what became of a row, or that a listing was withdrawn which a whole feed did not have."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    CONTINUED = "continued"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class RejectionReason(StrEnum):
    """Why a row was rejected. A closed set: it is counted, filtered by and shown."""

    MISSING_ID = "missing_id"
    BAD_PRICE = "bad_price"
    BAD_CURRENCY = "bad_currency"
    BAD_AVAILABILITY = "bad_availability"
    TOO_LONG = "too_long"
    BAD_ENCODING = "bad_encoding"
    CONTROL_CHARACTERS = "control_characters"
    WRONG_NUMBER_OF_COLUMNS = "wrong_number_of_columns"
    NOT_AN_OBJECT = "not_an_object"
    DUPLICATE_ID = "duplicate_id"


class ModelState(StrEnum):
    """At most one version is active."""

    REGISTERED = "registered"
    ACTIVE = "active"
    RETIRED = "retired"


class Reason(StrEnum):
    """Why a photo is in quarantine: it cannot be used, it could not be fetched, or it brings the worker down."""

    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    DECOMPRESSION_BOMB = "decompression_bomb"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    UNSUPPORTED_FORMAT = "unsupported_format"
    UNSUPPORTED_MODE = "unsupported_mode"
    EMPTY = "empty"
    NOT_FOUND = "not_found"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    BAD_URL = "bad_url"
    REFUSED_HOST = "refused_host"
    HTTP_ERROR = "http_error"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    BAD_RESPONSE = "bad_response"
    TIMEOUT = "timeout"
    DNS = "dns"
    CONNECTION = "connection"
    CRASHED_WORKER = "crashed_worker"


# Of these another try may come to something else; whatever brought a worker down may have been the worker's own fault.
MAY_PASS = frozenset(
    {
        Reason.RATE_LIMITED,
        Reason.SERVER_ERROR,
        Reason.TIMEOUT,
        Reason.DNS,
        Reason.CONNECTION,
        Reason.BAD_RESPONSE,
        Reason.CRASHED_WORKER,
    }
)


class KeyScope(StrEnum):
    """What an API key may do. Each includes those before it: see `includes`."""

    READ = "read"
    IMPORT = "import"
    ADMIN = "admin"

    def includes(self, needed: "KeyScope") -> bool:
        order = list(KeyScope)
        return order.index(self) >= order.index(needed)
