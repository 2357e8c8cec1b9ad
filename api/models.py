"""Routes about model versions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from api.answers import answer
from api.cards import Shown
from api.problems import documented
from api.resources import Use
from api.texts import ModelName
from db.coverage import coverage
from db.engine import transaction
from db.errors import UnknownModelVersion
from db.models import RegisteredModel, list_models
from db.states import ModelState

router = APIRouter(prefix="/v1/models", tags=["models"])


class ModelVersion(Shown):
    """A registered model; at most one is active."""

    name: str = Field(examples=["lite0-staged-5"])
    state: ModelState = Field(examples=["active"])
    embedding_dim: int = Field(description="How many numbers its vectors have.", examples=[256])
    registered_at: datetime = Field(examples=["2026-11-23T12:00:00Z"])
    activated_at: datetime | None = Field(examples=["2026-11-23T12:00:00Z"])
    indexed: bool = Field(description="Its vectors have an HNSW index; until then answers are exact.", examples=[True])
    metrics: dict[str, float] = Field(
        description="As measured when it was trained; its model card names the protocols.",
        examples=[{"all/category/top1": 0.8537}],
    )


class Coverage(Shown):
    """Of the photo contents that answers rest on, those that a version has seen."""

    shown: int = Field(description="Contents that answers rest on.", examples=[1200])
    covered: int = Field(description="Those that it has seen.", examples=[1180])
    given_up: int = Field(description="Those that its backfill could not have.", examples=[2])
    lacking: int = Field(description="Those that it has not seen, or not yet.", examples=[18])
    share: float = Field(description="covered / shown; 1 where there is nothing to cover.", examples=[0.9833])


class ModelDetails(ModelVersion):
    """A model version with what it can say and what it learned from."""

    parent: str | None = Field(description="The version its training began with.", examples=[None])
    backbone: str | None = Field(examples=["tf_efficientnet_lite0"])
    categories: list[str] = Field(examples=[["T-Shirt", "Dress"]])
    attributes: dict[str, list[str]] = Field(description="Values by group.", examples=[{"colour": ["Blue", "Red"]}])
    coverage: Coverage


@router.get("", operation_id="list_models", response_model=list[ModelVersion])
def models(use: Use) -> Response:
    """All versions, oldest first."""
    with transaction(use.engine) as connection:
        return answer([ModelVersion(**values_of(model)) for model in list_models(connection)])


@router.get("/{name}", operation_id="get_model", response_model=ModelDetails, responses=documented(404))
def model(use: Use, name: ModelName) -> Response:
    """One version: what it can say, how well it does, and how much it has seen, which is counted: not to be polled."""
    with transaction(use.engine) as connection:
        known = {registered.name: registered for registered in list_models(connection)}
        if name not in known:
            raise UnknownModelVersion(f"there is no model version {name}; GET /v1/models lists them")
        seen = coverage(connection, known[name].id)
    own = {part: getattr(seen, part) for part in Coverage.model_fields}
    return answer(ModelDetails(**values_of(known[name]), **described(known[name].manifest), coverage=Coverage(**own)))


def values_of(registered: RegisteredModel) -> dict[str, Any]:
    own = {name: getattr(registered, name) for name in ModelVersion.model_fields if name != "metrics"}
    return own | {"metrics": registered.manifest.get("metrics", {})}


def described(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Out of a manifest what a client may use; other programs may have registered one that lacks a part."""
    labels = manifest.get("labels", {})
    return {
        "parent": manifest.get("parent"),
        "backbone": manifest.get("plan", {}).get("backbone"),
        "categories": labels.get("categories", []),
        "attributes": {group["name"]: group["values"] for group in labels.get("groups", [])},
    }
