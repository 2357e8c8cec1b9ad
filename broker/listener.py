"""Serves one queue with a few threads of its own, beside the Celery worker of the same process.

A Celery worker gives all its queues the same slots, so that a message in the interactive lane would wait until a bulk
shard of several seconds ends; and two Celery workers in one process share what they count their slots by.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery import Celery
from kombu.entity import Queue
from kombu.message import Message
from kombu.messaging import Consumer
from kombu.mixins import ConsumerMixin

from broker.watchdog import Mouth

logger = logging.getLogger(__name__)

AGAIN_AFTER_S = 1.0


class Listener(ConsumerMixin):
    """Hands the number that each message is about to `handle`, on `slots` threads, until it is closed.

    As with the Celery worker, a message is acknowledged when it is received and a broker that goes away is waited for.
    """

    def __init__(self, app: Celery, queue: str, *, slots: int, handle: Callable[[int], None]) -> None:
        self.connection = app.connection_for_read()
        self.mouth = Mouth(queue, slots=slots)
        self._queue = queue
        self._handle = handle
        self._free = threading.Semaphore(slots)
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix=f"serve-{queue}")
        self._thread = threading.Thread(target=self._listen, name=f"listen-{queue}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Takes no further message; returns when those that were taken are done."""
        self.should_stop = True
        self._thread.join()
        self._pool.shutdown(wait=True)

    def get_consumers(self, consumer: type[Consumer], _channel: Any) -> list[Consumer]:
        """What `ConsumerMixin` asks for whenever it has connected."""
        queue = Queue(self._queue)  # type: ignore[no-untyped-call]
        return [consumer([queue], callbacks=[self._receive], accept=["json"], prefetch_count=1)]

    def _listen(self) -> None:
        """`run` waits for a broker that is away; whatever else ends it must not leave the queue unserved."""
        while not self.should_stop:
            try:
                self.run()  # type: ignore[no-untyped-call]
            except Exception:  # whatever it was: an interactive lane that nobody serves would be found by its users
                logger.exception("listening to the queue %s failed, trying again", self._queue)
                time.sleep(AGAIN_AFTER_S)

    def _receive(self, body: Any, message: Message) -> None:
        message.ack()  # type: ignore[no-untyped-call]
        (about,), *_ = body
        self._free.acquire()
        self._pool.submit(self._serve, about)

    def _serve(self, about: int) -> None:
        try:
            with self.mouth.taking():
                self._handle(about)
        except Exception:  # it belongs to that work, which was given back; the thread has others to do
            logger.exception("work on %d of the queue %s failed", about, self._queue)
        finally:
            self._free.release()
