"""A file that says when the scheduler last finished a pass, for whoever looks after it from outside.

A question to the database would not do: a pool before it hides whose session is whose.
"""

import logging
import time
from pathlib import Path

logger = logging.getLogger(__name__)


class Pulse:
    """The scheduler's, in its home."""

    def __init__(self, home: Path) -> None:
        self._path = home / "scheduler.pulse"

    def beat(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
        except OSError as error:  # a full disk: the work goes on, whoever looks is told
            logger.warning("%s cannot be written, the scheduler will look dead: %s", self._path, error)

    def age_s(self) -> float | None:
        """Seconds since the last beat; None where there was none, or it was stopped since."""
        try:
            return time.time() - self._path.stat().st_mtime
        except FileNotFoundError:
            return None

    def stop(self) -> None:
        self._path.unlink(missing_ok=True)
