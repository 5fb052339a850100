"""The bias-aware density: distances along rays, against spheres, planes and its specification."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.fields import FieldSample
from neurfield.moment import Moment
from neurfield.parts import load_config
from neurfield.rays import Rays, Samples
from neurfield.rendering import Answers, BiasAware, VolSDF
from neurfield.rendering.bias_aware import curvature_radius, distance_along
from tests.rendering.bias_reference import distances

WIDTH = 0.02


def on_rays(aside: list[float], count: int = 30) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Points [S, 3], directions [S, 3], t [S] and ray [S] of rays along z that pass the origin `aside`."""
    t = torch.linspace(0.0, 2.9, count, dtype=torch.float64) + 0.013
    ray = torch.arange(len(aside)).repeat_interleave(count)
    t = t.repeat(len(aside))
    points = torch.stack(
        [torch.tensor(aside, dtype=torch.float64)[ray], 0.0 * t, t - 1.5], dim=1
    )  # fmt: skip
    direction = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64).expand_as(points)
    return points, direction, t, ray


@pytest.mark.parametrize("hollow", [False, True])
@pytest.mark.parametrize("radius", [0.2, 0.9])
def test_the_distance_is_that_to_where_the_ray_crosses_a_sphere(radius: float, hollow: bool) -> None:
    aside = [0.31 * radius, 0.8 * radius, 0.99 * radius]
    points, direction, t, ray = on_rays(aside)
    sign = -1.0 if hollow else 1.0
    sdf = sign * (points.norm(dim=1) - radius)
    gradient = sign * torch.nn.functional.normalize(points, dim=1)
    whole = torch.ones_like(sdf)
    half_chord = (radius**2 - torch.tensor(aside, dtype=torch.float64)[ray] ** 2).sqrt()
    expected = sign * (points[:, 2].abs() - half_chord)  # to the nearer of both crossings
    found = distance_along(sdf, gradient, direction, t, ray, whole)
    last = torch.cat([ray[1:] != ray[:-1], torch.ones(1, dtype=torch.bool)])  # nothing tells its circle
    deep = sdf.abs() >= radius if not hollow else torch.zeros_like(last)
    counted = ~last & ~(deep & (sdf < 0.0))
    torch.testing.assert_close(found[counted], expected[counted], rtol=1e-6, atol=1e-9)
    assert (found.abs() >= sdf.abs() - 1e-12).all() and (found * sdf >= 0.0).all()
    assert (found - sdf).abs().max() > 0.2 * radius  # which is not the distance to the surface
    plane = sdf / (gradient * direction).sum(dim=1).abs().clamp_min(1e-3)
    torch.testing.assert_close(found[last], plane[last])
    scaled = distance_along(3.0 * sdf, 3.0 * gradient, direction, t, ray, whole)
    torch.testing.assert_close(scaled, found, rtol=1e-6, atol=1e-9)  # the field's slope is divided out
    none = distance_along(sdf, gradient, direction, t, ray, 0.0 * whole)
    torch.testing.assert_close(none, sdf, rtol=1e-9, atol=1e-12)


def test_radii_are_those_of_level_sets_and_no_ray_tells_of_another() -> None:
    points, direction, t, ray = on_rays([0.2, 0.5])
    found = curvature_radius(torch.nn.functional.normalize(points, dim=1), direction, t, ray)
    last = torch.cat([ray[1:] != ray[:-1], torch.ones(1, dtype=torch.bool)])
    torch.testing.assert_close(found[~last], points.norm(dim=1)[~last], rtol=1e-6, atol=1e-9)
    assert (found[last] == 1e10).all()
    hollow = curvature_radius(-torch.nn.functional.normalize(points, dim=1), direction, t, ray)
    torch.testing.assert_close(hollow[~last], -points.norm(dim=1)[~last], rtol=1e-6, atol=1e-9)
    assert not len(curvature_radius(points[:0], direction[:0], t[:0], ray[:0]))


def test_a_ray_that_misses_a_thin_part_is_far_from_crossing_it() -> None:
    points, direction, t, ray = on_rays([0.11])
    sdf = points.norm(dim=1) - 0.1
    gradient = torch.nn.functional.normalize(points, dim=1)
    found = distance_along(sdf, gradient, direction, t, ray, torch.ones_like(sdf))
    nearest = int(sdf.argmin())
    assert sdf[nearest] < 0.02 and found[nearest] > 5.0 * sdf[nearest]


def noise(seed: int) -> tuple[Tensor, ...]:
    """Anything a field may say: no distance field at all."""
    random = torch.Generator().manual_seed(seed)
    count = 40

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    gradient = drawn(count, 3)
    gradient[::3] = gradient[0] + 0.02 * drawn(len(gradient[::3]), 3)
    gradient[1::3] = gradient[0] + 1e-6 * drawn(len(gradient[1::3]), 3)
    direction = torch.nn.functional.normalize(drawn(3), dim=0)
    t = torch.rand(count, generator=random, dtype=torch.float64).cumsum(0) * 0.01
    share = torch.rand(count, generator=random, dtype=torch.float64)
    return 0.05 * drawn(count), gradient, direction, t, share


@pytest.mark.parametrize("seed", range(6))
def test_it_is_what_the_paper_writes_sample_by_sample(seed: int) -> None:
    sdf, gradient, direction, t, share = noise(seed)
    expected = distances(*(tensor.numpy() for tensor in (sdf, gradient, direction, t, share)))
    ray = torch.zeros(len(t), dtype=torch.int64)
    found = distance_along(sdf, gradient, direction.expand_as(gradient), t, ray, share)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-9)


def test_two_rays_are_worked_out_each_by_itself() -> None:
    first, second = noise(7), noise(8)
    both = [torch.cat([a, b]) for a, b in zip(first, second)]
    directions = torch.cat([one[2].expand_as(one[1]) for one in (first, second)])
    ray = torch.arange(2).repeat_interleave(len(first[0]))
    found = distance_along(both[0], both[1], directions, both[3], ray, both[4])
    for one, part in zip((first, second), found.chunk(2)):
        np.testing.assert_allclose(part.numpy(), distances(*(x.numpy() for x in one)), rtol=1e-5, atol=1e-9)


def test_the_gradient_is_that_of_the_distance_with_the_circle_held() -> None:
    sdf, gradient, direction, t, share = noise(3)
    ray = torch.zeros(len(t), dtype=torch.int64)
    leaf = sdf.clone().requires_grad_()
    bent = gradient.clone().requires_grad_()
    distance_along(leaf, bent, direction.expand_as(gradient), t, ray, share).sum().backward()
    assert leaf.grad is not None and leaf.grad.isfinite().all() and bent.grad is None
    plane = leaf.grad * gradient.norm(dim=1)
    cosine = (torch.nn.functional.normalize(gradient, dim=1) @ direction).abs().pow(share)
    assert (plane - 1.0 / cosine).abs().min() < 1e-9 and (plane - 1.0 / cosine).abs().max() > 0.1
    for extreme in (1e-12, 0.0, 1e4):
        leaf = torch.full_like(sdf, extreme).requires_grad_()
        distance_along(leaf, gradient, direction.expand_as(gradient), t, ray, share).sum().backward()
        assert leaf.grad is not None and leaf.grad.isfinite().all()


def asked(uncertain: float) -> tuple[Answers, Rays, Samples]:
    points, direction, t, ray = (x.float() if x.is_floating_point() else x for x in on_rays([0.3, 0.41, 0.5]))
    sdf, gradient = points.norm(dim=1) - 0.4, torch.nn.functional.normalize(points, dim=1)
    head = torch.full((len(t), 4), uncertain / 4.0)
    everywhere = FieldSample(sdf, gradient, sdf[:, None], {"uncertainty": head})
    count = len(t) // 3
    packed = torch.stack([torch.arange(3) * count, torch.full((3,), count)], dim=1)
    rays = Rays(points[::count] - 1.5 * direction[::count], direction[::count], t[:3], t[:3], t[:3])
    return (
        Answers(t, sdf, gradient, everywhere.heads, everywhere),
        rays,
        Samples(ray, t - 0.05, t + 0.05, packed),
    )


def test_it_is_volsdf_until_it_begins_and_where_priors_are_certain() -> None:
    aware, plain = BiasAware(begins=0.6, whole=0.8), VolSDF()
    for uncertain, progress, same in (
        (0.5, 0.6, True),
        (0.0, 1.0, True),
        (0.5, 0.61, False),
        (0.5, 1.0, False),
    ):
        answers, rays, samples = asked(uncertain)
        expected, normals = plain.of_answers(answers, rays, samples, WIDTH, progress)
        found, own = aware.of_answers(answers, rays, samples, WIDTH, progress)
        torch.testing.assert_close(own, normals)
        if progress == 0.6:
            assert torch.equal(found, expected)
            assert all(
                torch.equal(bound, expected)
                for bound in aware.bounds(answers.sdf, (answers.t, answers.t), rays, samples, WIDTH, progress)
            )
        assert torch.allclose(found, expected, rtol=1e-3, atol=1e-6) == same
    # The second ray passes the sphere, and is opaque by its distance alone.
    through = [1.0 - (1.0 - alpha[30:60]).prod() for alpha in (expected, found)]
    assert through[0] > 0.5 > 0.1 > through[1]


def test_the_correction_comes_in_slowly() -> None:
    aware = BiasAware(begins=0.5, whole=0.75)
    assert [aware.corrected(p) for p in (0.0, 0.5, 0.75, 1.0)] == [0.0, 0.0, 1.0, 1.0]
    assert aware.corrected(0.625) == pytest.approx(math.sqrt(2.0) - 1.0)
    with pytest.raises(UserError, match=r"begins 0\.8"):
        load_config(
            "volsdf",
            overrides=["heads.uncertainty={}", "passes.surface=bias_aware", "passes.surface.begins=0.8"],
        )


def test_the_filter_keeps_what_a_ray_sees_behind_a_thin_part() -> None:
    answers, rays, samples = asked(0.5)
    now = BiasAware().at(Moment(0, 1.0))
    alpha, _ = now.of_answers(answers, rays, samples)
    most, least = now.bounds(answers.sdf, (-torch.ones_like(alpha), torch.ones_like(alpha)), rays, samples)
    assert (alpha <= most + 1e-6).all() and (alpha >= least - 1e-6).all()
    assert (1.0 - least[30:60]).prod() > 0.99  # what is behind is not taken for hidden
