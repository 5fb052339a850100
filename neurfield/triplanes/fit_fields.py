"""Many shapes fitted at once, and what their fields mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from neurfield.triplanes.recipe import SIGNED, Recipe, answers_of
from neurfield.triplanes.siren import Fields, some_of
from neurfield.triplanes.targets import Targets

_AT_ONCE = 8  # shapes whose numbers of a step stay near the processor
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

    Each step looks at the next points of each shape, in an order that is drawn anew for every round. Shapes
    share nothing but the memory that they pass through, unless the recipe says so: eight at once are taken.

    Args:
        targets: of each shape, all with as many points.
        field: "sdf", "udf", "occupancy" or "radiance".
        recipe: numbers.
        seed: of first numbers and orders.
        decoder: `network_of` of a fit before, with a shared recipe: it is held.
        told: called with every 50th step and its mean loss.
    """
    fields = Fields(len(targets), recipe, seed, recipe.shared, answers_of(field))
    if decoder is not None:
        fields.load_state_dict({**fields.state_dict(), **decoder})
    if recipe.shared and decoder is None:  # one network learns from all of them
        _fit(fields, targets, field, recipe, seed, False, told)
        return fields
    found = []
    for k in range(0, len(targets), _AT_ONCE):
        rows = slice(k, k + _AT_ONCE)
        found.append(some_of(fields, rows, recipe))
        _fit(found[-1], targets[rows], field, recipe, seed, decoder is not None, told)
    state = {
        name: torch.cat([one.state_dict()[name] for one in found]) if len(value) == len(fields) else value
        for name, value in fields.state_dict().items()
    }
    fields.load_state_dict(state)
    return fields


def _fit(
    fields: Fields,
    targets: Sequence[Targets],
    field: str,
    recipe: Recipe,
    seed: int,
    held: bool,
    told: Callable[[int, float], None],
) -> None:
    """Take all steps of some shapes, all at once; with `held` of their planes alone."""
    points = torch.stack([one.points for one in targets])
    values = torch.stack([one.values for one in targets])
    colors = [one.colors for one in targets if one.colors is not None]
    painted = torch.stack(colors) if colors else None
    groups = [{"params": [fields.texels], "lr": recipe.plane_rate}]
    networks = [*fields.weights, *fields.biases]
    if held:
        for number in networks:
            number.requires_grad_(False)
    else:
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
        loss = _loss(said[..., 0], values[:, rows], field, recipe)
        if painted is not None:
            loss = loss + _loss_of_colors(said[..., 1:], painted[:, rows], values[:, rows])
        optimizer.zero_grad(set_to_none=True)
        # The sum over shapes: a shape's steps do not depend on how many are fitted beside it.
        loss.sum().backward()
        optimizer.step()
        if (step + 1) % 50 == 0:
            told(step + 1, float(loss.detach().mean()))


def _loss(said: Tensor, values: Tensor, field: str, recipe: Recipe) -> Tensor:
    """[S], of each shape."""
    entropy = binary_cross_entropy_with_logits(said, values, reduction="none")
    if field == "occupancy" and recipe.focal:  # Lin et al., Focal Loss (2017), equation 5
        right = torch.exp(-entropy)
        weight = torch.where(values > 0.5, 1.0 - _ALPHA, _ALPHA)
        entropy = weight * (1.0 - right) ** _GAMMA * entropy
    return entropy.mean(dim=1)


def _loss_of_colors(said: Tensor, colors: Tensor, values: Tensor) -> Tensor:
    """[S], of each shape: a cross entropy of each channel, at the points whose distance is not clipped."""
    entropy = binary_cross_entropy_with_logits(said, colors, reduction="none").mean(dim=2)
    near = ((values > 0.0) & (values < 1.0)).to(entropy)
    return (near * entropy).sum(dim=1) / near.sum(dim=1).clamp_min(1.0)


def network_of(fields: Fields) -> dict[str, Tensor]:
    """The numbers of the networks, without those of the planes."""
    return {name: value for name, value in fields.state_dict().items() if name != "texels"}


def distance_in(said: Tensor, field: str, recipe: Recipe) -> Tensor:
    """The first answer of a network as a value that is negative inside, or as a distance without a sign.

    Distances are those of unit coordinates, up to the recipe's clip; of an occupancy 0.5 is far outside.
    """
    if field in SIGNED:
        return recipe.clip * (2.0 * torch.sigmoid(said) - 1.0)
    if field == "udf":
        return recipe.clip * (1.0 - torch.sigmoid(said))
    return (_FOCAL_LEVEL if recipe.focal else 0.5) - torch.sigmoid(said)
