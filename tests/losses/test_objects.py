"""Losses on the places of several objects, against plain loops and by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from neurfield.errors import UserError
from neurfield.fields import Labels, distances_of
from neurfield.losses import opacity_entropy, rendered_entropy, summed_along_rays
from neurfield.losses.of_objects import LEAST_WEIGHT, ObjectOpacity, Places, Semantics, segmented
from neurfield.moment import Moment
from neurfield.ops.compositing import render_weights_from_alpha
from neurfield.pixels import Instances
from neurfield.rendering import NeuS, VolSDF

COUNTS, K = [3, 0, 5, 1], 3
PACKED = torch.tensor([[0, 3], [3, 0], [3, 5], [8, 1]])
RAY = torch.arange(4).repeat_interleave(torch.tensor(COUNTS))
OBJECTS = Instances([3, 8])


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Linear(Labels):
    """Labels that are a matrix times the point."""

    def __init__(self) -> None:
        super().__init__(K, levels=1, log2_table_size=4, finest_resolution=16)
        self.matrix = torch.nn.Parameter(8.0 * random(3, K, seed=9) - 4.0)

    def forward(self, points: Tensor) -> Tensor:
        """As of `Labels`."""
        return points @ self.matrix


def seen_of(sdf: Tensor, opacity: Any) -> Any:
    """What the losses look at of a step with the rays above, and the samples' weights."""
    starts = torch.arange(9.0, dtype=torch.float64) * 0.1
    samples = SimpleNamespace(packed_info=PACKED, ray_indices=RAY, t_starts=starts, t_ends=starts + 0.1)
    now = opacity.at(Moment(0, 1.0))
    alpha = now.opacity.alpha(sdf, 0.0 * sdf, 0.0 * sdf + 0.1, now.width, now.progress)
    weights = render_weights_from_alpha(alpha.detach(), packed_info=PACKED)
    pixels = SimpleNamespace(
        columns={"segment": torch.tensor([8, -1, 3, 77])},
        rays=SimpleNamespace(origins=random(4, 3, seed=5), directions=random(4, 3, seed=6)),
    )
    rays = SimpleNamespace(
        answers=SimpleNamespace(sdf=sdf, t=starts + 0.05), samples=samples, opacities={"surface": now},
        compared=None, alpha=lambda at: alpha, pixels=pixels,
    )  # fmt: skip
    pixels_of = type("Pixels", (SimpleNamespace,), {"__len__": lambda self: 4})(**vars(pixels))
    rays.pixels = pixels_of
    rendered = SimpleNamespace(weights=weights)
    return SimpleNamespace(rays=rays, pixels=pixels_of, rendered=lambda at: rendered, moment=Moment(0, 0.5))


def at_samples(seen: Any) -> Tensor:
    rays = seen.pixels.rays
    return rays.origins[RAY] + seen.rays.answers.t[:, None] * rays.directions[RAY]


def test_sums_along_rays_are_loops() -> None:
    weights, values = random(9), random(9, K, seed=1)
    wanted = torch.zeros(4, K, dtype=torch.float64)
    for i in range(9):
        wanted[RAY[i]] += weights[i] * values[i]
    torch.testing.assert_close(summed_along_rays(weights, values, RAY, 4), wanted)
    assert torch.autograd.gradcheck(
        lambda w, v: summed_along_rays(w, v, RAY, 4), (weights.requires_grad_(), values.requires_grad_())
    )


def test_entropies_by_hand() -> None:
    opacity = torch.tensor([[0.9, 0.2], [1.7, 0.0], [0.5, 0.5]], dtype=torch.float64)
    index, valid = torch.tensor([0, 1, 0]), torch.tensor([True, True, False])
    first = -(math.log(0.9) + math.log(0.8)) / 2
    second = -(math.log(1e-4) + math.log(1e-4)) / 2
    assert float(opacity_entropy(opacity, index, valid)) == pytest.approx((first + second) / 2)
    rendered = random(3, K)
    wanted = [-torch.log_softmax(rendered[r], 0)[index[r]] for r in (0, 1)]
    torch.testing.assert_close(rendered_entropy(rendered, index, valid), torch.stack(wanted).mean())


def test_nobody_valid_costs_nothing_and_nan_stays() -> None:
    opacity, none = random(3, 2), torch.zeros(3, dtype=torch.bool)
    index = torch.zeros(3, dtype=torch.int64)
    assert float(opacity_entropy(opacity, index, none)) == 0.0
    assert float(rendered_entropy(opacity, index, none)) == 0.0
    assert opacity_entropy(opacity * math.nan, index, ~none).isnan()


def test_labels_are_rendered_with_the_scenes_weights() -> None:
    labels, seen = Linear(), seen_of((0.2 * random(9, seed=7) - 0.1).requires_grad_(), VolSDF(width_end=0.05))
    weights = seen.rendered("surface").weights
    assert ((weights > 0.0) & (weights < LEAST_WEIGHT)).any() or (weights > LEAST_WEIGHT).any()
    counted = torch.where(weights > LEAST_WEIGHT, weights, 0.0)
    rendered = summed_along_rays(counted, labels(at_samples(seen)), RAY, 4)
    index, valid = torch.tensor([2, 0, 1, 0]), torch.tensor([True, False, True, True])  # 77 is nobody's
    torch.testing.assert_close(segmented(seen), valid)
    found = Semantics(OBJECTS, labels)(seen)
    torch.testing.assert_close(found, rendered_entropy(rendered, index, valid))
    found.backward()
    assert labels.matrix.grad is not None and labels.matrix.grad.abs().sum() > 0
    assert seen.rays.answers.sdf.grad is None  # the scene stands still
    seen.rays.compared = torch.tensor([False, True, True, True])
    assert segmented(seen).tolist() == [False, False, True, True]


def test_an_objects_opacity_is_its_own_behind_the_scene() -> None:
    opacity = VolSDF(width_end=0.2).double()
    labels, sdf = Linear(), (0.2 * random(9, seed=7) - 0.1).requires_grad_()
    seen = seen_of(sdf, opacity)
    now, length = opacity.at(Moment(0, 1.0)), torch.full((9,), 0.1, dtype=torch.float64)
    distances = distances_of(sdf.detach(), labels(at_samples(seen)))
    each = torch.stack([opacity.alpha(d, 0 * d, length, now.width, 1.0) for d in distances.T], dim=1)
    alpha, wanted = seen.rays.alpha("surface").detach(), torch.zeros(4, K, dtype=torch.float64)
    for start, count in PACKED.tolist():
        left = 1.0
        for i in range(start, start + count):
            wanted[RAY[i]] += left * each[i]
            left = left * (1.0 - alpha[i])
    valid, index = segmented(seen), torch.tensor([2, 0, 1, 0])
    found = ObjectOpacity(OBJECTS, labels, {"surface": opacity})(seen)
    torch.testing.assert_close(found, opacity_entropy(wanted, index, valid), atol=2e-3, rtol=1e-3)
    found.backward()
    assert labels.matrix.grad is not None and labels.matrix.grad.abs().sum() > 0
    assert sdf.grad is None and all(p.grad is None for p in opacity.parameters())
    # What hides an object takes its opacity away, and where the scene is nothing so is each.
    assert (each <= alpha[:, None] + 1e-9).all()


def test_places_teach_labels_whose_they_are() -> None:
    labels, at, who = Linear(), random(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    seen = SimpleNamespace(points={"object_places": SimpleNamespace(columns={"point": at, "object": who})})
    torch.testing.assert_close(Places(labels)(seen), cross_entropy(labels(at), who))  # type: ignore[arg-type]


def test_what_cannot_be_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"depends on the slope.*passes\.surface=volsdf"):
        ObjectOpacity(OBJECTS, Linear(), {"surface": NeuS()})
    for make, name in (
        (lambda: Places(None), "object_places"),
        (lambda: Semantics(OBJECTS, None), "semantics"),
        (lambda: ObjectOpacity(OBJECTS, None, {}), "object_opacity"),
    ):
        with pytest.raises(UserError, match=rf"the field has none.*--set losses\.{name}=off") as caught:
            make()
        assert "\n" not in str(caught.value)
