"""Losses on the distances of several objects, against plain loops and by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.encodings import HashGrid
from neurfield.errors import UserError
from neurfield.fields import ObjectsField
from neurfield.losses import (
    around,
    eikonal,
    object_opacities,
    opacity_entropy,
    overlap,
    owned,
    rendered_entropy,
    semantic_logits,
    too_near,
)
from neurfield.losses.of_objects import ObjectOpacity, Semantics, distinction, segmented
from neurfield.moment import Moment
from neurfield.pixels import Instances
from neurfield.points.objects import Objects
from neurfield.rendering import NeuS, VolSDF

COUNTS, K = [3, 0, 5, 1], 4
PACKED = torch.tensor([[0, 3], [3, 0], [3, 5], [8, 1]])


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def looped(alpha: Tensor, values: Tensor, weigh: bool) -> Tensor:
    """Along each ray the sum of T_i v_i, or of T_i alpha_i v_i, one sample after the other."""
    rows = []
    for start, count in PACKED.tolist():
        left, total = torch.ones((), dtype=alpha.dtype), torch.zeros(values.shape[1], dtype=alpha.dtype)
        for i in range(start, start + count):
            total = total + left * (alpha[i] if weigh else 1.0) * values[i]
            left = left * (1.0 - alpha[i])
        rows.append(total)
    return torch.stack(rows)


def test_an_objects_opacity_is_its_own_behind_the_scene() -> None:
    alpha, alone = random(9), random(9, K, seed=1)
    torch.testing.assert_close(object_opacities(alpha, alone, PACKED), looped(alpha, alone, False))
    single = object_opacities(alpha.float(), alone.float(), PACKED)  # the kernel
    torch.testing.assert_close(single.double(), looped(alpha, alone, False), atol=1e-6, rtol=1e-5)
    # Of the one that is the scene it is the scene's own opacity, and what is hidden has next to none.
    torch.testing.assert_close(
        object_opacities(alpha, alpha[:, None], PACKED), looped(alpha, torch.ones(9, 1).double(), True)
    )
    wall = torch.tensor([1.0, 0.5, 0.5]).double()
    assert float(object_opacities(wall, torch.tensor([[0.0], [1.0], [1.0]]).double(), PACKED[:1])) == 0.0


def test_gradients_are_those_of_the_values() -> None:
    alpha, alone = random(9).requires_grad_(), random(9, K, seed=1).requires_grad_()
    index, valid = torch.tensor([2, 0, 1, 3]), torch.tensor([True, True, False, True])
    assert torch.autograd.gradcheck(lambda a, b: object_opacities(a, b, PACKED), (alpha, alone))
    assert torch.autograd.gradcheck(
        lambda a, b: opacity_entropy(0.3 * object_opacities(a, b, PACKED), index, valid), (alpha, alone)
    )
    distances = (random(9, K, seed=3) - 0.5).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, d: rendered_entropy(semantic_logits(d, 3.0), a, PACKED, index, valid), (alpha, distances)
    )
    target, weight, who = random(9, seed=4) - 0.5, random(9, seed=5), torch.arange(9) % 5 - 1
    assert torch.autograd.gradcheck(lambda d: owned(d, who, target, weight, 0.1), (distances,))


def test_entropies_by_hand() -> None:
    opacity = torch.tensor([[0.9, 0.2], [1.7, 0.0], [0.5, 0.5]], dtype=torch.float64)
    index, valid = torch.tensor([0, 1, 0]), torch.tensor([True, True, False])
    first = -(math.log(0.9) + math.log(0.8)) / 2
    second = -(math.log(1e-4) + math.log(1e-4)) / 2
    assert float(opacity_entropy(opacity, index, valid)) == pytest.approx((first + second) / 2)
    alpha, distances = random(9), random(9, K, seed=1) - 0.5
    logits = 10.0 / (1.0 + torch.exp(10.0 * distances))
    torch.testing.assert_close(semantic_logits(distances, 10.0), logits)
    rendered = looped(alpha, logits, True)
    index, valid = torch.tensor([2, 0, 1, 3]), torch.tensor([True, False, True, True])
    wanted = [-torch.log_softmax(rendered[r], 0)[index[r]] for r in (0, 2, 3)]
    torch.testing.assert_close(
        rendered_entropy(logits, alpha, PACKED, index, valid), torch.stack(wanted).mean()
    )


def test_nobody_valid_costs_nothing_and_nan_stays() -> None:
    opacity, none = random(3, 2), torch.zeros(3, dtype=torch.bool)
    assert float(opacity_entropy(opacity, torch.zeros(3, dtype=torch.int64), none)) == 0.0
    assert opacity_entropy(opacity * math.nan, torch.zeros(3, dtype=torch.int64), ~none).isnan()


def test_two_at_one_place_cost_and_the_least_has_no_gradient() -> None:
    distances = torch.tensor(
        [[-0.3, 0.1, 0.5], [0.2, 0.3, 0.4], [-0.1, -0.05, 0.3]], dtype=torch.float64
    ).requires_grad_()
    loss = overlap(distances)  # 0.3 - 0.1 of the first, nothing of the second, 0.1 + 0.05 of the third
    assert float(loss.detach()) == pytest.approx((0.2 + 0.0 + 0.15) / 3)
    loss.backward()
    assert distances.grad is not None
    wanted = torch.tensor([[0.0, -1.0, 0.0], [0.0, 0.0, 0.0], [0.0, -1.0, 0.0]]).double() / 3
    torch.testing.assert_close(distances.grad, wanted)
    assert float(overlap(torch.zeros(0, 3))) == 0.0


def test_a_point_is_its_objects_when_that_is_right_and_no_other_nearer() -> None:
    target, weight = torch.tensor([0.1, -0.2, 0.3]), torch.tensor([1.0, 0.5, 9.0])
    who = torch.tensor([0, 1, -1])
    right = torch.tensor([[0.1, 0.1, 0.4], [0.3, -0.2, 0.2], [9.0, 9.0, 9.0]])
    assert float(owned(right, who, target, weight, 0.1)) == pytest.approx(0.0)
    wrong = torch.tensor([[0.15, 0.0, 0.4], [0.3, -0.2, -0.1], [9.0, 9.0, 9.0]])
    # (0.05 + 0.1) of weight 1, and 0.3 of weight 0.5, in bands of 0.1
    assert float(owned(wrong, who, target, weight, 0.1)) == pytest.approx((0.15 + 0.5 * 0.3) / 0.15)


def test_free_space_is_as_far_from_objects_as_is_known() -> None:
    distances = torch.tensor([[0.3, 1.0], [0.1, 0.4]], dtype=torch.float64).requires_grad_()
    target = torch.tensor([[0.2, torch.inf], [0.1, 0.9]], dtype=torch.float64)
    loss = around(distances, target, 0.1)  # 0.1 / 0.3, nothing known, right, 0.5 / 1.0
    assert float(loss.detach()) == pytest.approx((0.1 / 0.3 + 0.5 / 1.0) / 3)
    loss.backward()
    assert distances.grad is not None and distances.grad.isfinite().all() and distances.grad[0, 1] == 0.0
    # 0.3 is not less than half of 0.2, 0.4 is 0.05 less than half of 0.9
    assert float(too_near(distances.detach(), target, 0.1, 0.5)) == pytest.approx(0.05 / 1.0 / 3)
    assert float(around(torch.ones(2, 1), torch.full((2, 1), torch.inf), 0.1)) == 0.0


def test_one_object_drawn_for_each_point_stands_for_all_of_them() -> None:
    torch.manual_seed(0)
    grid = HashGrid(levels=2, log2_table_size=8, finest_resolution=16, interpolation="smoothstep")
    field = ObjectsField([1, 2, 3], grid, (16,), feature_dim=1).double()
    with torch.no_grad():
        field.layers[-1].weight.normal_()
    source = Objects(Instances(field.ids), [-1.0] * 3 + [1.0] * 3, torch.device("cpu"), count=6000)
    points, index, _ = source.draw(Moment(0, 0.0, generator=torch.Generator().manual_seed(0)))
    counts = torch.bincount(index, minlength=4)
    assert (counts - 1500).abs().max() < 150  # evenly drawn
    at = points[:50].double()
    every = [field.query(at, gradient=True, row=torch.full((50,), k)).gradient for k in range(4)]
    # The mean over all that may be drawn for a point, each as likely, is the loop's over all objects.
    loop = eikonal(torch.cat([g for g in every if g is not None]))
    torch.testing.assert_close(torch.stack([eikonal(g) for g in every if g is not None]).mean(), loop)
    with torch.no_grad():
        wide = [
            field.query(points.double(), gradient=True, row=torch.full((6000,), k)).gradient for k in range(4)
        ]
        drawn = field.query(points.double(), gradient=True, row=index).gradient
    assert drawn is not None
    found, wanted = eikonal(drawn), eikonal(torch.cat([g for g in wide if g is not None]))
    assert float(found) == pytest.approx(float(wanted), rel=0.05)


def seen_of(distances: Tensor, opacity: Any, progress: float = 0.5) -> Any:
    """What the losses look at of a step with the rays above."""
    index = torch.arange(4).repeat_interleave(torch.tensor(COUNTS))
    starts = torch.arange(9.0, dtype=torch.float64) * 0.1
    samples = SimpleNamespace(packed_info=PACKED, ray_indices=index, t_starts=starts, t_ends=starts + 0.1)
    now = opacity.at(Moment(0, 1.0))
    least = distances.amin(dim=1)
    rays = SimpleNamespace(
        answers=SimpleNamespace(
            heads={"objects": distances}, everywhere=SimpleNamespace(heads={"objects": distances})
        ),
        samples=samples, opacities={"surface": now}, compared=None,
        alpha=lambda at: now.opacity.alpha(least, 0 * least, starts * 0 + 0.1, now.width, now.progress),
    )  # fmt: skip
    pixels = SimpleNamespace(columns={"segment": torch.tensor([8, -1, 3, 77])})
    return SimpleNamespace(rays=rays, pixels=pixels, moment=Moment(0, progress))


def test_parts_ask_what_segments_show() -> None:
    distances = random(9, 3, seed=7) - 0.4
    objects, opacity = Instances([3, 8]), VolSDF(width_end=0.2).double()
    seen = seen_of(distances, opacity)
    assert segmented(seen).tolist() == [True, False, True, True]
    valid, index = segmented(seen), torch.tensor([2, 0, 1, 0])  # 77 is nobody's: the background's
    alpha = seen.rays.alpha("surface")
    wanted = rendered_entropy(semantic_logits(distances, 5.0), alpha, PACKED, index, valid)
    torch.testing.assert_close(Semantics(objects, sharpness=5.0)(seen), wanted)
    length, now = torch.full((9,), 0.1, dtype=torch.float64), opacity.at(Moment(0, 1.0))
    each = torch.stack([opacity.alpha(d, 0 * d, length, now.width, 1.0) for d in distances.T], dim=1)
    wanted = opacity_entropy(object_opacities(alpha, each, PACKED), index, valid)
    torch.testing.assert_close(ObjectOpacity(objects, {"surface": opacity})(seen), wanted)
    seen.rays.compared = torch.tensor([False, True, True, True])
    assert segmented(seen).tolist() == [False, False, True, True]


def test_distinction_waits_for_its_time() -> None:
    distances = random(9, 3, seed=7) - 0.4
    seen = seen_of(distances, VolSDF(), progress=0.5)
    assert float(distinction(seen, since=0.6)) == 0.0
    torch.testing.assert_close(distinction(seen, since=0.5), overlap(distances))


def test_an_opacity_by_slope_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"depends on the slope.*passes\.surface=volsdf"):
        ObjectOpacity(Instances([3]), {"surface": NeuS()})
