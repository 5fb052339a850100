"""Many shapes fitted at once, and what their fields mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from neurfield.triplanes.recipe import Recipe
from neurfield.triplanes.siren import Fields
from neurfield.triplanes.targets import Targets

_ALPHA, _GAMMA, _FOCAL_LEVEL = 0.1, 3.0, 0.3


def fit_fields(
    targets: Sequence[Targets],
    field: str,
    recipe: Recipe,
    seed: int = 0,
    decoder: dict[str, Tensor] | None = None,
    told: Callable[[int, float], None] = lambda step, loss: None,
) -> Fields:
    """Fit one tri-plane and one network to each shape.

    Each step looks at the next points of each shape, in an order that is drawn anew for every round; shapes
    share nothing but the memory that they pass through, unless the recipe says so.

    Args:
        targets: of each shape, all with as many points.
        field: "sdf", "udf" or "occupancy".
        recipe: numbers.
        seed: of first numbers and orders.
        decoder: `network_of` of a fit before, with a shared recipe: it is held.
        told: called with every 50th step and its mean loss.
    """
    fields = Fields(len(targets), recipe, seed, recipe.shared)
    points = torch.stack([one.points for one in targets])
    values = torch.stack([one.values for one in targets])
    networks = [*fields.weights, *fields.biases]
    if decoder is not None:
        fields.load_state_dict({**fields.state_dict(), **decoder})
        for number in networks:
            number.requires_grad_(False)
    groups = [{"params": [fields.texels], "lr": recipe.plane_rate}]
    if decoder is None:
        groups.append({"params": networks, "lr": recipe.network_rate})
    optimizer = torch.optim.Adam(groups, fused=True)
    rates = [group["lr"] for group in optimizer.param_groups]
    generator = torch.Generator().manual_seed(seed + 1)
    batch, steps = min(recipe.batch, points.shape[1]), recipe.steps_of(field)
    per_round = points.shape[1] // batch
    order = torch.arange(points.shape[1])
    for step in range(steps):
        if recipe.decay:
            share = 0.5 + 0.5 * math.cos(math.pi * step / steps)
            for group, rate in zip(optimizer.param_groups, rates):
                group["lr"] = rate * share
        if step % per_round == 0 and step:
            order = torch.randperm(points.shape[1], generator=generator)
        rows = order[(step % per_round) * batch :][:batch]
        said = fields(points[:, rows])
        loss = _loss(said, values[:, rows], field, recipe)
        optimizer.zero_grad(set_to_none=True)
        # The sum over shapes: a shape's steps do not depend on how many are fitted beside it.
        loss.sum().backward()
        optimizer.step()
        if (step + 1) % 50 == 0:
            told(step + 1, float(loss.detach().mean()))
    return fields


def _loss(said: Tensor, values: Tensor, field: str, recipe: Recipe) -> Tensor:
    """[S], of each shape."""
    entropy = binary_cross_entropy_with_logits(said, values, reduction="none")
    if field == "occupancy" and recipe.focal:  # Lin et al., Focal Loss (2017), equation 5
        right = torch.exp(-entropy)
        weight = torch.where(values > 0.5, 1.0 - _ALPHA, _ALPHA)
        entropy = weight * (1.0 - right) ** _GAMMA * entropy
    return entropy.mean(dim=1)


def network_of(fields: Fields) -> dict[str, Tensor]:
    """The numbers of the networks, without those of the planes."""
    return {name: value for name, value in fields.state_dict().items() if name != "texels"}


def distance_in(said: Tensor, field: str, recipe: Recipe) -> Tensor:
    """What a network says as a value that is negative inside, or as a distance without a sign.

    Distances are those of unit coordinates, up to the recipe's clip; of an occupancy 0.5 is far outside.
    """
    if field == "sdf":
        return recipe.clip * (2.0 * torch.sigmoid(said) - 1.0)
    if field == "udf":
        return recipe.clip * (1.0 - torch.sigmoid(said))
    return (_FOCAL_LEVEL if recipe.focal else 0.5) - torch.sigmoid(said)
