"""Opacities of distances without a sign: against loops, and what is known of a ray through a plane."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.fields import FieldSample
from neurfield.moment import END, Moment
from neurfield.ops import pack_info, render_weights_from_alpha
from neurfield.rays import Rays, Samples
from neurfield.rendering import NeUDF, NeuralUDF, NeuS, OccupancyGrid, keep_visible, sample_surface
from neurfield.rendering.opacity import Opacity
from neurfield.rendering.two_sided import TwoSided
from tests.rendering import two_sided_reference as reference

DOUBLE = torch.float64


def packed(
    counts: list[int], length: float, dtype: torch.dtype = DOUBLE, first: float = 0.0
) -> tuple[Rays, Samples]:
    """Rays along z with so many sections each, from `first` on."""
    index = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts, dtype=torch.int64))
    t = torch.cat([torch.arange(n, dtype=dtype) * length for n in counts] or [torch.zeros(0, dtype=dtype)])
    directions = torch.tensor([[0.0, 0.0, 1.0]], dtype=dtype).expand(len(counts), 3)
    one = torch.ones(len(counts), dtype=dtype)
    rays = Rays(torch.zeros(len(counts), 3, dtype=dtype), directions, 0.0 * one, 9.0 * one, one)
    return rays, Samples(index, first + t, first + t + length, pack_info(index, len(counts)))


def along_z(slope: Tensor) -> Tensor:
    """Gradients [S, 3] with a slope along the rays, and something beside them."""
    return torch.stack([0.3 * torch.ones_like(slope), 0.1 * slope, slope], dim=1)


def plane(
    delta: float, opacity: TwoSided | Opacity, width: float, signed: bool = False
) -> tuple[float, float]:
    """Sum and mean depth of the weights of a ray through a plane at t = 1.

    It lies between two samples, 0.372 of a section before the second of them.
    """
    rays, samples = packed([round(2.0 / delta)], delta, first=-0.128 * delta)
    t = samples.t_starts + 0.5 * delta
    sdf = 1.0 - t
    slope = -torch.ones_like(t) if signed else torch.where(t < 1.0, -1.0, 1.0).to(t)
    alpha, _ = opacity.of_sections(
        sdf if signed else sdf.abs(), along_z(slope), rays, samples, width, 1.0
    )  # fmt: skip
    weight = render_weights_from_alpha(alpha, packed_info=samples.packed_info)
    return float(weight.sum()), float((weight * t).sum() / weight.sum())


# s, length of sections, and of each opacity the sum and the mean depth of its weights.
TABLE = [
    (64.0, 0.02, (0.459, 0.975), (1.000, 0.949), (1.000, 1.028)),
    (512.0, 0.002, (0.467, 0.997), (1.000, 0.990), (1.000, 1.000)),
    (2000.0, 0.0005, (0.468, 0.999), (1.000, 0.997), (1.000, 1.000)),
]


@pytest.mark.parametrize("s, delta, naive, neudf, neuraludf", TABLE)
def test_a_plane_is_rendered_as_the_table_says(s, delta, naive, neudf, neuraludf) -> None:  # type: ignore[no-untyped-def]
    exact, beta = NeuS(anneal=0.0), 1000.0
    assert plane(delta, exact, 1.0 / s) == pytest.approx(naive, abs=2e-3)  # half of the light goes through
    assert plane(delta, exact, 1.0 / s, signed=True) == pytest.approx((1.0, 1.0), abs=2e-3)
    assert plane(delta, NeUDF(), 1.0 / s) == pytest.approx(neudf, abs=1e-3)
    assert plane(delta, NeuralUDF(flip=beta / s, gain=20.0), 1.0 / s) == pytest.approx(neuraludf, abs=1e-3)


def test_once_beta_resolves_the_turn_weights_are_those_of_the_signed_distance() -> None:
    width, delta = 0.01, 0.004
    rays, samples = packed([500], delta, first=-0.001)
    t = samples.t_starts + 0.5 * delta
    slope = -0.6 * torch.ones_like(t)
    sdf = 0.6 * (1.0 - t)
    signed, _ = NeuS(anneal=0.0).of_sections(sdf, along_z(slope), rays, samples, width, 1.0)
    turned = torch.where(t < 1.0, slope, -slope)
    found, _ = NeuralUDF().of_sections(sdf.abs(), along_z(turned), rays, samples, width, 1.0)
    ours, theirs = (render_weights_from_alpha(a, packed_info=samples.packed_info) for a in (found, signed))
    assert float((ours - theirs).abs().sum()) < 0.03 and float(theirs.sum()) > 0.999
    early, _ = NeuralUDF(flip=0.05).of_sections(sdf.abs(), along_z(turned), rays, samples, width, 1.0)
    late = render_weights_from_alpha(early, packed_info=samples.packed_info)
    assert float((late - theirs).abs().sum()) > 0.1  # what a beta does that is too small to tell


COUNTS = [7, 0, 1, 23, 2, 0]


def some_distances(seed: int = 0) -> tuple[Rays, Samples, Tensor, Tensor]:
    """Odd rays, of which two have no samples, that come near a surface and leave it, some of them twice."""
    rays, samples = packed(COUNTS, 0.02)
    random = torch.Generator().manual_seed(seed)
    u = 0.03 * torch.rand(len(samples.t_starts), generator=random, dtype=DOUBLE)
    slope = 2.0 * torch.rand(len(u), generator=random, dtype=DOUBLE) - 1.0
    return rays, samples, u, slope


@pytest.mark.parametrize("progress, saturation", [(0.0, 0.0), (0.3, 0.9), (1.0, 1.0)])
@pytest.mark.parametrize("part", ["neuraludf", "neudf"])
def test_values_and_gradients_are_those_of_a_loop_over_samples(
    part: str, progress: float, saturation: float
) -> None:
    _, samples, u, slope = some_distances()
    width, flip, gain = torch.tensor([0.02], dtype=DOUBLE), 1.5, 20.0
    opacity = NeuralUDF(anneal=0.0, flip=flip, gain=gain) if part == "neuraludf" else NeUDF(anneal=0.0)
    length = samples.t_ends - samples.t_starts

    def ours(u: Tensor, slope: Tensor, width: Tensor) -> Tensor:
        return opacity.along(u, slope, samples, width, progress)

    def looped(u: Tensor, slope: Tensor, width: Tensor) -> Tensor:
        found = []
        for start, count in samples.packed_info.tolist():
            part_of = slice(start, start + count)
            one = u[part_of], slope[part_of], length[part_of]
            if part == "neudf":
                found.append(reference.neudf(*one, 1.0 / width))
            else:
                found.append(
                    reference.neuraludf(*one, 1.0 / width, flip / width, gain, saturation)
                )  # fmt: skip
        return torch.cat([f.reshape(-1) for f in found])

    random = torch.Generator().manual_seed(5)
    factor = torch.randn(len(u), generator=random, dtype=DOUBLE)
    results = []
    for function in (ours, looped):
        leaves = [tensor.clone().requires_grad_() for tensor in (u, slope, width)]
        alpha = function(*leaves)
        results.append((alpha.detach(), torch.autograd.grad((alpha * factor).sum(), leaves)))
    (found, by_ours), (expected, by_loop) = results
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-9)
    for one, other in zip(by_ours, by_loop):
        assert bool(other.abs().max() > 0.0)
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("opacity", [NeuralUDF(), NeUDF()], ids=["neuraludf", "neudf"])
def test_no_ray_and_no_sample_give_no_opacity(opacity: TwoSided) -> None:
    for counts in ([], [0, 0]):
        rays, samples = packed(counts, 0.1, torch.float32)
        none = torch.zeros(0)
        alpha, normal = opacity.of_sections(none, torch.zeros(0, 3), rays, samples, 0.1, 0.5)
        assert alpha.shape == (0,) and normal.shape == (0, 3)
        most, least = opacity.bounds(none, (none, none), rays, samples, 0.1, 0.5)
        assert most.shape == least.shape == (0,)


@pytest.mark.parametrize("opacity", [NeuralUDF(), NeUDF()], ids=["neuraludf", "neudf"])
def test_the_kernels_of_rays_say_what_the_reference_says(opacity: TwoSided) -> None:
    rays, samples, u, slope = some_distances(3)
    exact, _ = opacity.of_sections(u, along_z(slope), rays, samples, 0.02, 0.7)
    rays, samples = packed(COUNTS, 0.02, torch.float32)
    leaf = u.float().requires_grad_()
    found, _ = opacity.of_sections(leaf, along_z(slope.float()), rays, samples, 0.02, 0.7)
    torch.testing.assert_close(found.double(), exact, rtol=1e-3, atol=1e-4)
    found.sum().backward()
    assert leaf.grad is not None and bool(leaf.grad.isfinite().all()) and bool(leaf.grad.any())


@pytest.mark.parametrize("opacity", [NeuralUDF(), NeUDF()], ids=["neuraludf", "neudf"])
def test_a_sheet_looks_alike_from_both_sides_and_its_normals_face_the_camera(opacity: TwoSided) -> None:
    rays, samples, u, slope = some_distances()
    gradient = along_z(slope)
    alpha, normal = opacity.of_sections(u, gradient, rays, samples, 0.02, 1.0)
    assert bool(((normal * rays.directions[samples.ray_indices]).sum(dim=1) <= 0.0).all())
    torch.testing.assert_close(normal.norm(dim=1), torch.ones_like(u))
    same, _ = opacity.of_sections(-u, -gradient, rays, samples, 0.02, 1.0)  # of a distance with a sign
    torch.testing.assert_close(same, alpha)
    zero = torch.zeros_like(u).requires_grad_()
    alpha, _ = opacity.of_sections(zero, gradient, rays, samples, 0.02, 1.0)
    assert bool((alpha > 0.0).all())
    if isinstance(opacity, NeuralUDF):  # where a surface is, it can be moved
        assert bool(torch.autograd.grad(alpha.sum(), zero)[0].any())


def test_meetings_count_at_turning_points_once_the_fit_is_on_its_way() -> None:
    opacity = NeuralUDF()
    assert [opacity.saturation(p) for p in (0.0, 0.02, 0.04, 0.49, 0.5, 1.0)] == [0, 0, 0.9, 0.9, 1, 1]
    _, samples = packed([5, 3], 0.02)
    hits = torch.full((8,), 0.5, dtype=DOUBLE)
    leaving = torch.tensor([False, False, True, True, False, True, False, False])
    seen = opacity.visible(hits, leaving, samples, 1.0)
    # The second and third count: the next one leaves; of the fifth it is that of another ray.
    expected = torch.tensor([1.0, 1.0, 0.5, 0.25, 0.25, 1.0, 1.0, 1.0], dtype=DOUBLE)
    torch.testing.assert_close(seen, expected)
    assert bool((opacity.visible(hits, leaving, samples, 0.0) <= seen).all())


def test_beta_is_learnt_with_the_width_or_goes_with_it() -> None:
    fixed, learnt = NeuralUDF(flip=3.0), NeuralUDF(flip=3.0, width_start=0.05, learn=True)
    assert not fixed.parameter_groups() and len(learnt.parameter_groups()["width"]) == 2
    u, length = torch.tensor([0.001, 0.01, 0.03]), torch.full((3,), 0.02)
    torch.testing.assert_close(learnt.hits(u, length, 0.05), fixed.hits(u, length, 0.05))
    with torch.no_grad():
        learnt.log_beta.fill_(40.0)  # no number of its own is too large
    assert bool(learnt.hits(u, length, 0.05).isfinite().all())
    now = learnt.at(Moment(0, 0.4))
    _, samples = packed([3], 0.02, torch.float32)
    alpha = learnt.along(u, torch.tensor([-1.0, 0.5, 1.0]), samples, now.width, 0.4)
    assert bool(alpha.isfinite().all())


class Sheet:
    """The distance to the square |x|, |y| < 0.5 at z = 0.1, whose border is open."""

    def query(self, points: Tensor, gradient: bool = False) -> FieldSample:
        nearest = torch.cat([points[:, :2].clamp(-0.5, 0.5), torch.full_like(points[:, 2:], 0.1)], dim=1)
        away = points - nearest
        u = away.norm(dim=1)
        return FieldSample(u, away / u.clamp_min(1e-9)[:, None], points[:, :0])

    def sdf(self, points: Tensor) -> Tensor:
        return self.query(points).sdf


@pytest.mark.parametrize(
    "opacity", [NeuralUDF(width_end=0.01), NeUDF(width_end=0.002)], ids=["neural", "neudf"]
)
def test_samples_that_a_pixel_cannot_see_are_left_out_and_the_rest_shows_the_same(opacity: TwoSided) -> None:
    random = torch.Generator().manual_seed(0)
    aim = torch.cat([1.4 * torch.rand(300, 2, generator=random) - 0.7, torch.full((300, 1), 0.1)], dim=1)
    origins = torch.randn(300, 3, generator=random)
    origins = 1.5 * torch.nn.functional.normalize(origins, dim=1)
    directions = torch.nn.functional.normalize(aim - origins, dim=1)
    rays = Rays(origins, directions, torch.zeros(300), torch.full((300,), 3.0), torch.ones(300))
    field, grid = Sheet(), OccupancyGrid([-1.0] * 3 + [1.0] * 3, 32)
    grid.update(field.sdf)
    jitter = torch.rand(300, generator=random)
    every = sample_surface(rays, grid, step=0.008, reach=0.3, max_samples=300, jitter=jitter)
    now = opacity.at(END)
    kept = keep_visible(field, rays, every, now)
    assert 0 < len(kept.t_starts) < (0.5 if isinstance(opacity, NeuralUDF) else 0.95) * len(every.t_starts)

    def shown(samples: Samples) -> Tensor:
        t = 0.5 * (samples.t_starts + samples.t_ends)
        points = origins[samples.ray_indices] + t[:, None] * directions[samples.ray_indices]
        asked = field.query(points)
        assert asked.gradient is not None
        alpha, _ = now.of_sections(asked.sdf, asked.gradient, rays, samples)
        weight = render_weights_from_alpha(alpha, packed_info=samples.packed_info)
        return torch.zeros(300).index_add(0, samples.ray_indices, weight)

    through = (aim[:, :2].abs() < 0.45).all(dim=1) & (directions[:, 2].abs() > 0.3)
    beside = (aim[:, :2].abs() > 0.6).any(dim=1) & (directions[:, 2].abs() > 0.5)
    whole, part = shown(every), shown(kept)
    assert float(whole[through].min()) > 0.95 and float(whole[beside].max()) < 0.6
    assert float((whole - part).abs().mean()) < 1e-2
