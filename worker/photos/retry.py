"""What follows from each way a fetch can fail, as one table: the photo's reason, its next try, and what of the host.

docs/import.md shows the same table to users, and a test holds the two together.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from db.states import Reason
from worker.photos.errors import FetchFault

# A server may ask to be left alone for longer; it is asked once more then, and an import ends without a person.
RETRY_AFTER_CAP_S = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Backoff:
    """Waits that grow: `base_s`, times `factor` each time, at most `cap_s`, each give or take `jitter` of itself."""

    base_s: float
    factor: float = 2.0
    cap_s: float = 120.0
    jitter: float = 0.2

    def wait_s(self, before: int) -> float:
        """The wait after so many waits before it."""
        # Far enough for any cap, and no overflow however often it failed.
        wait_s = min(self.base_s * self.factor ** min(before, 64), self.cap_s)
        return wait_s * random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 - jitter, not a secret


USUAL = Backoff(base_s=5.0, factor=4.0)
PATIENT = Backoff(base_s=5.0, factor=2.0, cap_s=60.0)


class HostSign(Enum):
    """What a fault says of the host that answered with it, or did not answer."""

    ALIVE = "alive"  # it answers; the fault is this URL's
    NOTHING = "nothing"  # says nothing of whether it works
    FAILING = "failing"  # counts towards a rest, and with a Retry-After wants one at once
    BUSY = "busy"  # wants a rest at once


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """`tries` in all, `backoff` between them; then the photo is quarantined with `reason`."""

    reason: Reason
    host: HostSign
    tries: int = 1
    backoff: Backoff = USUAL

    def retry_in_s(self, failed_before: int, retry_after_s: float | None) -> float | None:
        """Seconds until the next try, a server's Retry-After obeyed up to the cap; None after the last one."""
        if failed_before + 1 >= self.tries:
            return None
        return max(self.backoff.wait_s(failed_before), min(retry_after_s or 0.0, RETRY_AFTER_CAP_S))


POLICIES: Mapping[FetchFault, Policy] = MappingProxyType(
    {
        # The server says what is the matter, and will say it again.
        FetchFault.NOT_FOUND: Policy(reason=Reason.NOT_FOUND, host=HostSign.ALIVE),
        FetchFault.GONE: Policy(reason=Reason.GONE, host=HostSign.ALIVE),
        FetchFault.FORBIDDEN: Policy(reason=Reason.FORBIDDEN, host=HostSign.ALIVE),
        FetchFault.HTTP_ERROR: Policy(reason=Reason.HTTP_ERROR, host=HostSign.ALIVE),
        FetchFault.EMPTY: Policy(reason=Reason.EMPTY, host=HostSign.ALIVE),
        FetchFault.TOO_LARGE: Policy(reason=Reason.TOO_LARGE, host=HostSign.ALIVE),
        FetchFault.TOO_MANY_REDIRECTS: Policy(reason=Reason.TOO_MANY_REDIRECTS, host=HostSign.NOTHING),
        FetchFault.BAD_URL: Policy(reason=Reason.BAD_URL, host=HostSign.NOTHING),
        FetchFault.REFUSED_HOST: Policy(reason=Reason.REFUSED_HOST, host=HostSign.NOTHING),
        # A certificate is mended by a person; asking again only fills two logs.
        FetchFault.CERTIFICATE: Policy(reason=Reason.CONNECTION, host=HostSign.NOTHING),
        # The server has too much to do; its photos have time.
        FetchFault.RATE_LIMITED: Policy(reason=Reason.RATE_LIMITED, host=HostSign.BUSY, tries=8, backoff=PATIENT),
        # What may pass.
        FetchFault.SERVER_ERROR: Policy(reason=Reason.SERVER_ERROR, host=HostSign.FAILING, tries=4),
        FetchFault.TIMEOUT: Policy(reason=Reason.TIMEOUT, host=HostSign.FAILING, tries=4),
        FetchFault.CONNECTION: Policy(reason=Reason.CONNECTION, host=HostSign.FAILING, tries=4),
        FetchFault.DNS: Policy(reason=Reason.DNS, host=HostSign.FAILING, tries=4),
        FetchFault.CUT_SHORT: Policy(reason=Reason.BAD_RESPONSE, host=HostSign.NOTHING, tries=4),
        # What seldom passes, and is asked once more: resolvers and proxies err too, and a page instead of a photo may
        # be a shop's way to say "not so fast".
        FetchFault.UNKNOWN_HOST: Policy(
            reason=Reason.DNS, host=HostSign.NOTHING, tries=2, backoff=Backoff(base_s=10.0)
        ),
        FetchFault.BAD_RESPONSE: Policy(
            reason=Reason.BAD_RESPONSE, host=HostSign.NOTHING, tries=2, backoff=Backoff(base_s=10.0)
        ),
        FetchFault.WEB_PAGE: Policy(
            reason=Reason.NOT_AN_IMAGE, host=HostSign.ALIVE, tries=2, backoff=Backoff(base_s=30.0)
        ),
    }
)
