"""What a call raises. The message is the API's own `detail`: what was wrong, and what to do.

ModisteError
├── NotReachable      nothing answered, or it hung up
└── Problem           the API answered with a problem (RFC 9457)
    ├── BadRequest    400, 413, 415, 422: what was sent
    ├── NotAllowed    401, 403: the key
    ├── NotFound      404
    ├── Conflict      409: not as things stand, such as a listing that nobody has looked at yet
    ├── TooMany       429: ask again after `retry_after_s`
    └── Unavailable   500 and above: the API, its database or its store; may pass
"""

from collections.abc import Mapping

import httpx2
from pydantic import BaseModel, ConfigDict, ValidationError


class ModisteError(Exception):
    """A call to modiste did not succeed."""


class NotReachable(ModisteError):
    """Nothing answered at the address; see whether `modiste api` or `modiste up` runs there."""


class Fault(BaseModel):
    """A parameter or field that is wrong: where it stands, its name and what is wrong with it."""

    model_config = ConfigDict(frozen=True)

    name: str
    detail: str


class Told(BaseModel):
    """The body of a problem."""

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: int
    detail: str
    reason: str | None = None
    errors: tuple[Fault, ...] = ()


class Problem(ModisteError):
    """The API answered with a problem. `type` and `reason` are stable, for programs; `faults` names wrong fields."""

    def __init__(self, told: Told, *, retry_after_s: float | None = None) -> None:
        super().__init__(told.detail)
        self.status = told.status
        self.type = told.type
        self.reason = told.reason
        self.faults = told.errors
        self.retry_after_s = retry_after_s


class BadRequest(Problem):
    """What was sent is wrong; `faults` names each parameter or field."""


class NotAllowed(Problem):
    """The key is missing, wrong, or of too small a scope."""


class NotFound(Problem):
    """There is no such listing, import, photo, catalogue or model version."""


class Conflict(Problem):
    """Not as things stand; the message says what stands in the way."""


class TooMany(Problem):
    """Too many requests with this key; ask again after `retry_after_s`."""


class Unavailable(Problem):
    """The API, its database or its store does not serve at the moment."""


OF_STATUS: Mapping[int, type[Problem]] = {401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: Conflict, 429: TooMany}


def problem_of(response: httpx2.Response) -> Problem:
    """The error that an answer of 400 and above stands for; the response has been read."""
    kind = OF_STATUS.get(response.status_code, Unavailable if response.status_code >= 500 else BadRequest)
    after = response.headers.get("retry-after", "")
    return kind(told_by(response), retry_after_s=float(after) if after.isdigit() else None)


def told_by(response: httpx2.Response) -> Told:
    try:
        return Told.model_validate_json(response.content)
    except ValidationError:  # a proxy's page, not modiste's
        status = response.status_code
        detail = (
            f"{status} without a problem of modiste's: something between here and modiste answered; look at its log."
        )
        return Told(type="about:blank", title=response.reason_phrase, status=status, detail=detail)
