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
LAST_SWEEP = "60 seconds"


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
    """A session of this host's scheduler has asked the database something within the last minute."""
    from sqlalchemy import text

    from db.engine import open_engine, transaction

    engine = open_engine(os.environ["DATABASE_URL"], application_name="modiste health")
    with transaction(engine) as connection:
        sweeps = connection.scalar(
            text("""
                SELECT EXISTS (SELECT FROM pg_stat_activity
                               WHERE application_name = 'modiste cli' AND datname = current_database()
                                 AND client_addr IS NOT DISTINCT FROM inet_client_addr()
                                 AND state_change > clock_timestamp() - CAST(:last AS interval))
            """),
            {"last": LAST_SWEEP},
        )
    if not sweeps:
        raise Unhealthy(f"the scheduler has not looked into the database for {LAST_SWEEP}")


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
