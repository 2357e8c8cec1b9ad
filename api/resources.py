"""What an API process holds open between requests, and how a route gets at it."""

from dataclasses import dataclass
from typing import Annotated

from anyio import CapacityLimiter
from celery import Celery
from fastapi import Depends, Request
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from api.following import Following
from api.network import ActiveNetwork
from api.review_ahead import ReviewAhead
from store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """`at_once` bounds how many photos are decoded at a time, whoever sends them: one may take 240 MB."""

    engine: Engine
    store: Store
    broker: Celery
    network: ActiveNetwork
    at_once: CapacityLimiter
    following: Following
    review_ahead: ReviewAhead
    metrics: CollectorRegistry


async def opened(request: Request) -> Resources:
    """Async only so that FastAPI does not take a thread for it."""
    resources: Resources = request.app.state.resources
    return resources


Use = Annotated[Resources, Depends(opened)]
