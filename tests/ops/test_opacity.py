"""Opacities of a plane seen along a ray: what must hold whatever the numbers are."""

from __future__ import annotations

import pytest
import torch

from neurfield.ops.compositing import render_weights_from_alpha
from neurfield.ops.reference.opacity import neus_alpha, volsdf_alpha, volsdf_density


def sections(count: int, end: float, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    edges = torch.linspace(0.0, end, count + 1, dtype=dtype)
    return 0.5 * (edges[1:] + edges[:-1]), edges[1:] - edges[:-1]


def weights_of(alpha: torch.Tensor) -> torch.Tensor:
    return render_weights_from_alpha(alpha, torch.zeros(len(alpha), dtype=torch.int64), n_rays=1)


@pytest.mark.parametrize("cosine", [1.0, 0.7, 0.2])
def test_neus_plane_is_opaque_and_unbiased(cosine: float) -> None:
    t, length = sections(4000, 4.0)
    sdf = (2.0 - t) * cosine
    weights = weights_of(neus_alpha(sdf, torch.full_like(t, -cosine), length, 0.02))
    assert weights.sum().item() == pytest.approx(1.0, abs=1e-3)
    # Unbiased to first order (NeuS, Sec. 3.1): the weight peaks where the ray crosses the surface.
    assert abs(t[weights.argmax()].item() - 2.0) <= length[0].item()


def test_neus_sections_that_leave_the_surface_are_clear() -> None:
    t, length = sections(50, 1.0)
    alpha = neus_alpha(t - 0.5, torch.ones_like(t), length, 0.05)
    assert alpha.abs().max().item() == 0.0
    assert neus_alpha(t - 0.5, torch.zeros_like(t), length, 0.05, anneal=0.0).max().item() > 0.01


def test_opacity_stays_in_range_far_from_the_surface() -> None:
    sdf = torch.tensor([-1e3, -1.0, -1e-6, 0.0, 1e-6, 1.0, 1e3])
    for alpha in (
        neus_alpha(sdf, -torch.ones(7), torch.full((7,), 0.01), 1e-3),
        volsdf_alpha(sdf, torch.full((7,), 0.01), 1e-3),
    ):
        assert torch.isfinite(alpha).all()
        assert ((alpha >= 0) & (alpha <= 1)).all()
        assert alpha[-1] == 0.0


def test_volsdf_density_is_the_laplace_cdf() -> None:
    beta = 0.1
    sdf = torch.linspace(-1, 1, 201, dtype=torch.float64)
    cdf = torch.distributions.Laplace(torch.zeros((), dtype=torch.float64), beta).cdf(-sdf)
    torch.testing.assert_close(volsdf_density(sdf, beta), cdf / beta)


@pytest.mark.parametrize("name", ["neus", "volsdf"])
def test_gradients_against_finite_differences(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    sdf = (torch.randn(16, generator=generator, dtype=torch.float64) * 0.2).requires_grad_()
    slope = (torch.rand(16, generator=generator, dtype=torch.float64) - 1.2).requires_grad_()
    width = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    length = torch.full((16,), 0.05, dtype=torch.float64)
    if name == "neus":
        assert torch.autograd.gradcheck(lambda f, s, w: neus_alpha(f, s, length, w, 0.5), (sdf, slope, width))
    else:
        assert torch.autograd.gradcheck(lambda f, w: volsdf_alpha(f, length, w), (sdf, width))
