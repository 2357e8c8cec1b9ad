"""Messages: hints that something in the tables waits. One too many does no harm, a lost one is sent again."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from celery import Celery
from kombu.exceptions import ChannelError, OperationalError
from sqlalchemy import Connection, Engine

from broker.app import PLANNING
from db.engine import transaction
from db.plans import forget_lost_plan_messages, take_unsent_plans
from db.shards import forget_lost_messages, take_unsent
from db.states import Lane

logger = logging.getLogger(__name__)

ENRICH_SHARD = "modiste.enrich_shard"
PLAN_IMPORT = "modiste.plan_import"
PAGE = 500


@dataclass(frozen=True, slots=True)
class Message:
    """A task's name, the one number it is about, and the queue it waits in."""

    task: str
    about: int
    queue: str


def dispatch(engine: Engine, app: Celery) -> None:
    """Sends a message for every shard and every plan that is due and has none."""
    while True:
        with transaction(engine) as connection:
            plans = [Message(PLAN_IMPORT, import_id, PLANNING) for import_id in take_unsent_plans(connection)]
            shards = [Message(ENRICH_SHARD, shard_id, lane.value) for shard_id, lane in take_unsent(connection, PAGE)]
        unsent = send(app, [*plans, *shards])
        if unsent:
            with transaction(engine) as connection:
                mark_unsent(connection, unsent)
        if unsent or len(shards) < PAGE:
            return


def send(app: Celery, messages: Sequence[Message]) -> Sequence[Message]:
    """Returns the messages that could not be sent."""
    sent = 0
    if not messages:
        return []
    try:
        with app.producer_or_acquire() as producer:
            for message in messages:
                app.send_task(message.task, args=(message.about,), queue=message.queue, producer=producer, retry=False)
                sent += 1
    except (OperationalError, OSError) as error:
        logger.warning("the broker takes no messages now, they will be sent later: %s", error)
    return messages[sent:]


def mark_unsent(connection: Connection, messages: Sequence[Message]) -> None:
    """Has the next `dispatch` send these again."""
    for lane in Lane:
        shards = [m.about for m in messages if m.task == ENRICH_SHARD and m.queue == lane.value]
        forget_lost_messages(connection, lane, older_than_s=0, only=shards)
    plans = [m.about for m in messages if m.task == PLAN_IMPORT]
    forget_lost_plan_messages(connection, older_than_s=0, only=plans)


def queue_length(app: Celery, queue: str) -> int:
    """How many messages wait in a lane or for planning. Raises kombu's OperationalError where no broker answers."""
    with app.connection_for_read() as connection:
        connection.ensure_connection(max_retries=1, timeout=5)
        try:
            return int(connection.default_channel.queue_declare(queue=queue, passive=True).message_count)
        except ChannelError:
            return 0  # a queue without a message does not exist in Redis


def living_workers(app: Celery, timeout_s: float = 1.0) -> list[str]:
    """The names of the workers that answer now.

    Asked on a connection of its own: one out of the pool may be of a broker that has died since, and says so too late.
    """
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
            answers = app.control.ping(timeout=timeout_s, connection=connection) or []
            return sorted(name for answer in answers for name in answer)
    except (OperationalError, OSError):
        return []


def leases_of_workers(app: Celery, timeout_s: float = 1.0) -> Mapping[str, float]:
    """The workers that answer now, with the lease in seconds that each was started with.

    Celery's own question after its settings has it: what a message may be held for is the lease (`broker.delivery`).
    """
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
            answers = app.control.broadcast("conf", reply=True, timeout=timeout_s, connection=connection) or []
    except (OperationalError, OSError):
        return {}
    told = {name: conf for answer in answers for name, conf in answer.items()}
    return {name: float(told[name]["broker_transport_options"]["visibility_timeout"]) for name in sorted(told)}
