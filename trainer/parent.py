"""Where a network's weights come from: a model it descends from, or a pretrained backbone and fresh heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from trainer.errors import RecipeError
from trainer.pretrained import load_pretrained
from trainer.recipe import Recipe
from vision.artifact import load_artifact
from vision.labels import LabelSpace
from vision.manifest import Manifest
from vision.network import MultitaskNetwork, load_network


def build_network(recipe: Recipe, labels: LabelSpace) -> tuple[MultitaskNetwork, Manifest | None]:
    """The recipe's network, the same one every time, and the parent's manifest where it has one.

    Raises RecipeError where the parent is another network; its label space may be another: names that both know keep
    their weights. So may the length of the embedding, and what share categories have in it; RecipeError too where they
    leave its projection no room.
    """
    torch.manual_seed(recipe.seed)
    try:
        network = MultitaskNetwork(recipe.network, categories=len(labels.categories), attributes=len(labels.attributes))
    except ValueError as fault:
        raise RecipeError(f"[network]: {fault}.") from fault
    if recipe.parent is None:
        load_pretrained(network.backbone.body, recipe.network.backbone, recipe.weights)
        return network.eval(), None
    artifact = load_artifact(recipe.parent)
    wanted = recipe.network
    plan = artifact.manifest.plan
    same = replace(plan, embedding_dim=wanted.embedding_dim, category_share=wanted.category_share) == wanted
    if not same or artifact.manifest.pixels != recipe.pixels:
        raise RecipeError(
            f"the parent {artifact.manifest.version} has another [network] or [pixels]: "
            f"{artifact.manifest.plan}, {artifact.manifest.pixels}."
        )
    _inherit(network, load_network(artifact), labels, artifact.manifest.labels)
    return network.eval(), artifact.manifest


@torch.no_grad()
def _inherit(network: MultitaskNetwork, parent: MultitaskNetwork, ours: LabelSpace, theirs: LabelSpace) -> None:
    last = ("heads.category.", "heads.attribute.", "heads.projection.")
    state = {name: value for name, value in parent.state_dict().items() if not name.startswith(last)}
    network.load_state_dict(state, strict=False)
    _inherit_rows(network.heads.category, parent.heads.category, ours.categories, theirs.categories)
    _inherit_rows(network.heads.attribute, parent.heads.attribute, ours.attributes, theirs.attributes)
    inherit_projection(network.heads.projection, parent.heads.projection)


@torch.no_grad()
def inherit_projection(projection: nn.Linear | None, parent: nn.Linear | None) -> None:
    """The parent's; where the embedding has fewer numbers for it, the directions in which the parent's reaches far."""
    if projection is None or parent is None:
        return
    turn = torch.eye(parent.out_features)
    if projection.out_features < parent.out_features:
        turn = torch.linalg.svd(parent.weight)[0].T[: projection.out_features]
    projection.weight.zero_()
    projection.bias.zero_()
    projection.weight[: len(turn)] = turn @ parent.weight
    projection.bias[: len(turn)] = turn @ parent.bias


def _inherit_rows(head: nn.Linear | None, parent: nn.Linear | None, ours: Sequence[str], theirs: Sequence[str]) -> None:
    """The rows of the names that both know."""
    if head is None or parent is None:
        return
    both = [name for name in ours if name in theirs]
    to, of = ([names.index(name) for name in both] for names in (ours, theirs))
    for mine, its in zip((head.weight, head.bias), (parent.weight, parent.bias), strict=True):
        values: Tensor = its[of]
        mine[to] = values
