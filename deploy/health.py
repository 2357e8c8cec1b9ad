"""Says whether this container does its work: `python -m deploy.health api`, `worker` or `scheduler`.

Exit status 0 or 1, which is what Docker asks; the reason on stderr, which `docker inspect` shows. It looks from
outside, at what the process does for others, and knows nothing of its insides.
"""

import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable

PATIENCE_S = 5.0
# The sweep comes by every five seconds, later where a broker that is away makes it wait.
LAST_SWEEP_S = 60.0


class Unhealthy(Exception):
    """The process does not do its work."""


def api() -> None:
    """It answers, its database does, the schema fits and a model is active."""
    url = f"http://127.0.0.1:{os.environ.get('MODISTE_PORT', '8000')}/readyz"
    try:
        urllib.request.urlopen(url, timeout=PATIENCE_S).close()
    except urllib.error.HTTPError as error:
        raise Unhealthy(error.read().decode(errors="replace") or str(error)) from error
    except OSError as error:
        raise Unhealthy(f"{url} does not answer: {error}") from error


def worker() -> None:
    """The worker of this host answers a question sent through the broker, which it does while it works, too."""
    from broker import living_workers, make_app

    here = f"@{socket.gethostname()}"
    living = living_workers(make_app(os.environ["BROKER_URL"]), timeout_s=PATIENCE_S / 2)
    if not any(name.endswith(here) for name in living):
        raise Unhealthy(f"no worker {here} answers; {len(living)} others do")


def scheduler() -> None:
    """It came to the end of a sweep, which asks the database, within the last minute."""
    from cli.pulse import Pulse
    from cli.settings import Settings

    age_s = Pulse(Settings().home).age_s()
    if age_s is None or age_s > LAST_SWEEP_S:
        raise Unhealthy(f"the scheduler has not come to the end of a sweep for {LAST_SWEEP_S:g} s")


CHECKS: dict[str, Callable[[], None]] = {check.__name__: check for check in (api, worker, scheduler)}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in CHECKS:
        sys.stderr.write(f"usage: python -m deploy.health {'|'.join(CHECKS)}\n")
        return 2
    try:
        CHECKS[arguments[0]]()
    except Exception as error:  # noqa: BLE001 - whatever is wrong is what is asked for
        sys.stderr.write(f"{arguments[0]}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
