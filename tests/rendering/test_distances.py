"""What a ray is said to meet lies where its samples are, however little of it they cover."""

from __future__ import annotations

import pytest
import torch

from neurfield.encodings import HashGrid
from neurfield.fields import Radiance
from neurfield.rays import Rays, Samples
from neurfield.rendering.volume import render
from tests.rendering.test_visibility import GRID, opacity_now, sphere_and_rays


def some_sections(rays: Rays, count: int = 12) -> Samples:
    """Sections around where the rays pass a sphere's near side, with gaps in between."""
    n = len(rays)
    starts = (0.9 + 0.1 * torch.arange(count)).expand(n, count).contiguous()
    index = torch.arange(n)
    packed = torch.stack([index * count, torch.full_like(index, count)], dim=1)
    return Samples(index.repeat_interleave(count), starts.view(-1), (starts + 0.01).view(-1), packed)


@pytest.mark.parametrize(("kind", "width"), [("neus", 0.05), ("volsdf", 0.2)])
def test_distances_are_means_of_what_was_hit(kind: str, width: float) -> None:
    field, rays = sphere_and_rays(150)
    radiance = Radiance(HashGrid(**GRID), hidden=(16,))
    samples = some_sections(rays)
    seen = render(field, radiance, rays, samples, opacity_now(kind, width))
    hit = seen.opacity > 0.01
    assert hit.sum() > 30 and (seen.opacity[hit] < 0.9).sum() > 20  # half transparent
    assert (seen.distance[hit] > 0.9).all() and (seen.distance[hit] < 0.9 + 0.1 * 11 + 0.01).all()
    weights = seen.weights.view(len(rays), -1)
    torch.testing.assert_close(weights.sum(dim=1), seen.opacity, rtol=1e-4, atol=1e-5)
    mean = (weights * seen.answers.t.view(len(rays), -1)).sum(dim=1) / weights.sum(dim=1)
    torch.testing.assert_close(seen.distance[hit], mean[hit], rtol=1e-4, atol=1e-4)
    assert (seen.rgb >= 0.0).all() and (seen.rgb <= seen.opacity[:, None] + 1e-5).all()


def test_extra_points_are_asked_beside_the_samples() -> None:
    field, rays = sphere_and_rays(20)
    radiance = Radiance(HashGrid(**GRID), hidden=(16,))
    extra = torch.rand(33, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    seen = render(field, radiance, rays, some_sections(rays), opacity_now("neus", 0.05), extra_points=extra)
    alone = field.query(extra, gradient=True).gradient
    everywhere = seen.answers.everywhere.gradient
    assert everywhere is not None and len(everywhere) == 240 + 33
    torch.testing.assert_close(everywhere[240:], alone, rtol=1e-4, atol=1e-5)
    assert seen.answers.sdf.shape == seen.answers.t.shape == (240,)
    assert torch.equal(seen.answers.gradient, everywhere[:240])
