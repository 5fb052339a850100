"""Where rays first meet the surface, and how this follows the field."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.losses.crossings import Crossings, first_crossings
from neurfield.rays import Samples
from neurfield.rendering import Answers


def crossings(*rays: list[float], step: float = 0.1, t: Tensor | None = None) -> tuple[Crossings, Tensor]:
    """Of rays with these values at their sections, `step` apart; and the values as a leaf."""
    counts = torch.tensor([len(ray) for ray in rays])
    starts = counts.cumsum(0) - counts
    index = torch.arange(len(rays)).repeat_interleave(counts)
    middles = 0.1 * (torch.arange(int(counts.sum())) - starts[index]) + 1.0 if t is None else t
    sdf = torch.tensor([value for ray in rays for value in ray]).requires_grad_()
    gradient = torch.tensor([0.0, 3.0, -4.0]).expand(len(sdf), 3)
    samples = Samples(index, middles - step / 2, middles + step / 2, torch.stack([starts, counts], dim=1))
    return first_crossings(samples, Answers(middles, sdf, gradient, {}, None)), sdf  # type: ignore[arg-type]


def test_the_first_change_from_free_space_counts() -> None:
    found, _ = crossings(
        [0.3, 0.1, -0.1, 0.2, -0.4], [0.2, 0.1], [-0.1, 0.2, -0.1], [], [0.1, 0.0], [0.2, -0.2]
    )  # fmt: skip
    assert found.valid.tolist() == [True, False, False, False, True, True]
    torch.testing.assert_close(found.t[found.valid], torch.tensor([1.15, 1.1, 1.05]))
    torch.testing.assert_close(found.normal[0], torch.tensor([0.0, 0.6, -0.8]))
    assert found.t.isfinite().all() and found.normal.isfinite().all()


def test_neighbours_that_lie_far_apart_are_none() -> None:
    for gap, near in ((0.25, True), (0.4, False)):
        found, _ = crossings([0.1, -0.1], t=torch.tensor([1.0, 1.0 + gap]))
        assert found.valid.tolist() == [near]


def test_it_moves_as_the_place_where_the_field_is_zero() -> None:
    found, sdf = crossings([0.25, 0.05, -0.15, -0.35], [0.3, 0.2])
    found.t.sum().backward()
    # f = 2 (1.125 - t): a rise by e moves the zero by e / 2, shared by how near each section is.
    torch.testing.assert_close(sdf.grad, torch.tensor([0.0, 0.375, 0.125, 0.0, 0.0, 0.0]))
    step = 1e-3
    raised, _ = crossings([0.25 + step, 0.05 + step, -0.15 + step, -0.35 + step])
    assert raised.t.item() - found.t[0].item() == pytest.approx(step * 0.5, rel=1e-3)


def test_a_grazing_ray_is_moved_with_a_bound() -> None:
    found, sdf = crossings([1e-4, -1e-4])
    found.t.sum().backward()
    assert found.valid.all() and found.slope.item() == pytest.approx(-0.1)
    assert sdf.grad is not None and sdf.grad.sum().item() == pytest.approx(10.0)


def test_no_sections_at_all() -> None:
    found, _ = crossings([], [])
    assert not found.valid.any() and len(found.t) == len(found.normal) == 2
