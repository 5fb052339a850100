"""An opacity is a part: one from outside, in plain torch, does what the built-in one of its formula does; its
width goes with the moment of the fit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.encodings import HashGrid
from neurfield.fields import Radiance
from neurfield.moment import END, Moment
from neurfield.rays import Samples
from neurfield.rendering.occupancy import OccupancyGrid
from neurfield.rendering.opacity import WIDTHS, NeuS, Opacity, OpacityNow, VolSDF
from neurfield.rendering.sampling import sample_surface
from neurfield.rendering.visibility import keep_visible
from neurfield.rendering.volume import render
from tests.rendering.test_distances import some_sections
from tests.rendering.test_visibility import GRID, sphere_and_rays


class Logistic(Opacity):
    """NeuS's Eq. 13, as somebody would write it who has the paper alone."""

    def alpha(
        self, sdf: Tensor, slope: Tensor, length: Tensor, width: Tensor | float, progress: float
    ) -> Tensor:
        step = slope.clamp_max(0.0) * length
        before, after = (torch.nn.functional.logsigmoid((sdf + part * step) / width) for part in (-0.5, 0.5))
        return (1.0 - (after - before).exp()).clamp(0.0, 1.0)


def marched() -> tuple:
    field, rays = sphere_and_rays(60)
    occupancy = OccupancyGrid([-1.0] * 3 + [1.0] * 3, 16)
    jitter = torch.full((len(rays),), 0.5)
    every = sample_surface(rays, occupancy, step=0.02, reach=1.0, max_samples=200, jitter=jitter)
    return field, rays, every


def test_one_from_outside_draws_what_the_kernel_draws() -> None:
    torch.manual_seed(0)
    field, rays = sphere_and_rays(40)
    color = Radiance(HashGrid(**GRID), hidden=(16,))
    learners = [*field.parameters(), *color.parameters()]
    found = []
    for opacity in (Logistic(), NeuS(anneal=0.0)):
        width = torch.tensor([0.05], requires_grad=True)
        rendered = render(field, color, rays, some_sections(rays), OpacityNow(opacity, width, 0.4))
        random = torch.Generator().manual_seed(3)
        pictures = rendered.rgb, rendered.distance[:, None], rendered.normal, rendered.opacity[:, None]
        picture = torch.cat(pictures, dim=1)
        loss = (picture * torch.randn(picture.shape, generator=random)).sum()
        gradients = torch.autograd.grad(loss, [*learners, width], allow_unused=True)
        found.append((picture.detach(), gradients))
    (ours, ours_by), (kernels, kernels_by) = found
    assert (kernels[:, -1] > 0.2).sum() > 10
    torch.testing.assert_close(ours, kernels, rtol=1e-4, atol=1e-5)
    *by_learners, (by_width, kernels_by_width) = zip(ours_by, kernels_by)
    for a, b in by_learners:
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert (a - b).abs().max() <= 1e-4 * b.abs().max() + 1e-6
    # Its terms are as large as sdf / width^2, some hundreds, and cancel.
    assert kernels_by_width.abs() > 0.1 and (by_width - kernels_by_width).abs() < 2e-3


def test_one_from_outside_keeps_what_the_kernel_keeps() -> None:
    field, rays, every = marched()
    ours, kernels = (
        keep_visible(field, rays, every, OpacityNow(opacity, 0.02))
        for opacity in (Logistic(), NeuS(anneal=0.0))
    )
    assert 0 < len(kernels.t_starts) < 0.5 * len(every.t_starts)
    assert torch.equal(ours.packed_info, kernels.packed_info)
    assert torch.equal(ours.t_starts, kernels.t_starts) and torch.equal(ours.ray_indices, kernels.ray_indices)


@pytest.mark.parametrize("opacity", [NeuS(anneal=0.3), VolSDF()], ids=["neus", "volsdf"])
def test_the_formula_and_the_kernel_agree(opacity: Opacity) -> None:
    field, rays = sphere_and_rays(40)
    samples = some_sections(rays)
    random = torch.Generator().manual_seed(0)
    points = torch.rand(len(samples.t_starts), 3, generator=random) - 0.5
    found = field.query(points, gradient=True)
    assert found.gradient is not None
    for progress in (0.1, 0.3, 1.0):
        alpha, normal = opacity.of_sections(found.sdf, found.gradient, rays, samples, 0.05, progress)
        plain = Opacity.of_sections(opacity, found.sdf, found.gradient, rays, samples, 0.05, progress)
        torch.testing.assert_close(alpha, plain[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(normal, plain[1], rtol=1e-4, atol=1e-5)


def test_annealing_ends_when_it_is_said_to() -> None:
    _, rays = sphere_and_rays(40)
    samples = some_sections(rays)
    away = Samples(samples.ray_indices, samples.t_starts + 0.9, samples.t_ends + 0.9, samples.packed_info)

    def opaque(progress: float, leaves: float = 0.5) -> Tensor:
        sdf = torch.linspace(-0.1, 0.1, len(away.t_starts))
        slope = torch.full_like(sdf, leaves)
        return OpacityNow(NeuS(anneal=0.4), 0.02, progress).of_values(sdf, slope, rays, away)

    start, half, end, later = (opaque(progress) for progress in (0.0, 0.2, 0.4, 1.0))
    assert torch.equal(end, later) and start.max() > half.max() > end.max() + 1e-3
    assert torch.equal(opaque(0.4, -0.5), opaque(1.0, -0.5)) and opaque(1.0, -0.5).max() > 0.01


@pytest.mark.parametrize("kind", [NeuS, VolSDF])
def test_a_fit_that_starts_from_a_surface_starts_sharper(kind: type[Opacity]) -> None:
    opacity = kind(width_start=0.08, width_end=0.002, width_warm=0.01)
    assert opacity.width(Moment(0, 0.0)) == 0.08 and opacity.width(Moment(0, 0.0, warm=True)) == 0.01
    middle = (opacity.width(Moment(5, 0.5)), opacity.width(Moment(5, 0.5, warm=True)))
    assert middle == pytest.approx(((0.08 * 0.002) ** 0.5, (0.01 * 0.002) ** 0.5))
    for moment in (END, Moment(9, 1.0, warm=True)):
        assert opacity.width(moment) == pytest.approx(0.002)
    assert opacity.width(Moment(0, 0.0), widest=0.03) == 0.03
    now = opacity.at(Moment(0, 0.25), widest=0.03)
    assert now.number == 0.03 and now.progress == 0.25 and now.opacity is opacity


def test_a_width_that_is_learnt_learns_within_bounds() -> None:
    opacity = VolSDF(width_start=0.05, learn=True)
    now = opacity.at(Moment(0, 0.9, warm=True))
    assert isinstance(now.width, Tensor) and now.number == pytest.approx(0.05)
    (by_width,) = torch.autograd.grad(now.width.sum(), opacity.log_width)
    assert by_width.item() == pytest.approx(0.05)
    assert not isinstance(now.fixed().width, Tensor)
    assert opacity.at(Moment(0, 0.0), widest=0.01).number == pytest.approx(0.01)
    for value, bound in ((-50.0, WIDTHS[0]), (50.0, WIDTHS[1])):
        opacity.log_width.data.fill_(value)
        assert opacity.at(END).number == pytest.approx(bound)
    assert opacity.parameter_groups() == {"width": [opacity.log_width]}
    assert VolSDF().parameter_groups() == {}
