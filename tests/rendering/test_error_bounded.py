"""VolSDF's bound of the opacity's error is never violated, and its sampler asks each ray until it holds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.moment import END
from neurfield.rays import Rays
from neurfield.rendering.error_bound import (
    clearance,
    error_bound,
    greatest_error,
    laplace_density,
    narrowed,
    safe_width,
)
from neurfield.rendering.error_bounded import Bounded, ErrorBounded
from neurfield.rendering.inverse import places_by_weight
from neurfield.rendering.opacity import NeuS, VolSDF
from neurfield.rendering.volume import section_midpoints

FINE = 20_000


class Balls:
    """The distance to a union of random balls; it counts how often each was asked."""

    def __init__(self, seed: int, count: int = 6, least: float = 0.02) -> None:
        random = torch.Generator().manual_seed(seed)
        self.centres = torch.rand(count, 3, generator=random, dtype=torch.float64) * 1.6 - 0.8
        self.radii = torch.rand(count, generator=random, dtype=torch.float64) * 0.3 + least
        self.asked = 0

    def sdf(self, points: Tensor) -> Tensor:
        self.asked += len(points)
        apart = (points.double()[:, None] - self.centres).norm(dim=2) - self.radii
        return apart.amin(dim=1).to(points.dtype)


def some_rays(count: int, seed: int, dtype: torch.dtype = torch.float32) -> Rays:
    random = torch.Generator().manual_seed(seed)
    direction = torch.nn.functional.normalize(torch.randn(count, 3, generator=random, dtype=dtype), dim=1)
    origin = -direction + 0.3 * torch.randn(count, 3, generator=random, dtype=dtype)
    ones = torch.ones(count, dtype=dtype)
    return Rays(origin, direction, 0.0 * ones, 2.5 * ones, ones)


def along(field: Balls, rays: Rays, t: Tensor) -> Tensor:
    return field.sdf((rays.origins[:, None] + t[..., None] * rays.directions[:, None]).reshape(-1, 3)).view(
        t.shape
    )


def true_opacity(field: Balls, rays: Rays, t: Tensor, width: Tensor) -> Tensor:
    """Up to each of places t [R, N], by a fine quadrature; width [R, 1]."""
    fine = torch.linspace(0.0, 2.5, FINE, dtype=torch.float64).expand(len(rays), -1)
    middle = 0.5 * (fine[:, 1:] + fine[:, :-1])
    density = laplace_density(along(field, rays, middle), width) * (2.5 / (FINE - 1))
    integral = torch.nn.functional.pad(density.cumsum(dim=1), (1, 0))
    at = (t / 2.5 * (FINE - 1)).clamp(0, FINE - 1)
    low = at.long().clamp_max(FINE - 2)
    return 1.0 - torch.exp(-torch.lerp(integral.gather(1, low), integral.gather(1, low + 1), at - low))


def left_riemann(t: Tensor, sdf: Tensor, width: Tensor) -> Tensor:
    """The opacity up to each place but the first [R, N - 1]."""
    return 1.0 - torch.exp(-((t[:, 1:] - t[:, :-1]) * laplace_density(sdf[:, :-1], width)).cumsum(dim=1))


@pytest.mark.parametrize("seed", range(4))
def test_no_section_comes_nearer_to_a_surface_than_its_clearance(seed: int) -> None:
    field, rays = Balls(seed), some_rays(64, seed, torch.float64)
    t = (
        torch.rand(64, 12, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).sort().values
        * 2.5
    )
    sdf = along(field, rays, t)
    least = clearance(t[:, 1:] - t[:, :-1], sdf[:, :-1], sdf[:, 1:])
    for share in torch.linspace(0.0, 1.0, 21, dtype=torch.float64):
        there = along(field, rays, torch.lerp(t[:, :-1], t[:, 1:], share)).abs()
        assert (there >= least - 1e-9).all()
    assert (least > 0.01).any() and (least == 0).any()


def test_there_is_no_clearance_across_a_surface_of_a_field_that_is_too_steep() -> None:
    length, before, after = (
        torch.full((3,), 0.1),
        torch.tensor([0.3, 0.3, 0.0]),
        torch.tensor([-0.3, 0.3, 0.3]),
    )
    assert clearance(length, before, after).tolist() == pytest.approx([0.0, (0.3**2 - 0.05**2) ** 0.5, 0.0])


@pytest.mark.parametrize("seed", range(6))
def test_the_opacity_is_never_further_off_than_the_bound(seed: int) -> None:
    field, rays = Balls(seed, least=0.005), some_rays(48, seed, torch.float64)
    random = torch.Generator().manual_seed(seed)
    # Few or many places, even or not, and widths from sharp to soft.
    for count, exponent in ((8, 1.0), (60, 1.0), (60, 2.0), (400, 1.0)):
        t = torch.rand(48, count, generator=random, dtype=torch.float64).sort().values ** exponent * 2.5
        t[:, 0] = 0.0
        width = 10.0 ** (-2.5 + 2.0 * torch.rand(48, 1, generator=random, dtype=torch.float64))
        sdf = along(field, rays, t)
        error = (true_opacity(field, rays, t, width)[:, 1:] - left_riemann(t, sdf, width)).abs()
        grown, transmittance = error_bound(t, sdf, width)
        assert (error <= grown * transmittance + 2e-3).all() and error.max() > 0.01


@pytest.mark.parametrize("seed", range(3))
def test_the_safe_width_is_safe_and_the_narrowed_one_as_narrow_as_the_bound_allows(seed: int) -> None:
    field, rays = Balls(seed), some_rays(64, seed, torch.float64)
    t = torch.linspace(0.0, 2.5, 128, dtype=torch.float64).expand(64, -1)
    sdf, wide = along(field, rays, t), safe_width(t, 0.1)
    assert (greatest_error(t, sdf, wide) <= 0.1).all()
    narrow = narrowed(t, sdf, 1e-3, wide, 0.1, 10)
    assert (narrow <= wide).all() and (greatest_error(t, sdf, narrow) <= 0.1 + 1e-9).all()
    stopped = narrow > 1e-3
    little_less = greatest_error(t, sdf, narrow - (wide - 1e-3) / 2**9)
    assert stopped.any() and (little_less > 0.1)[stopped[:, 0]].all()


def bounded(sampler: ErrorBounded, field: Balls, rays: Rays, width: float) -> list[Bounded]:
    return sampler.bounded(rays, field, width, torch.Generator().manual_seed(0), random=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [0.1, 0.01, 0.003])
def test_each_ray_is_asked_until_its_own_bound_holds(width: float) -> None:
    field, rays = Balls(1), some_rays(256, 1)
    sampler = ErrorBounded(torch.device("cpu"))
    groups = bounded(sampler, field, rays, width)
    assert torch.cat([group.ray for group in groups]).sort().values.tolist() == list(range(256))
    assert [group.t.shape[1] for group in groups] == sorted({group.t.shape[1] for group in groups})
    assert field.asked == sum(group.t.numel() for group in groups)  # nobody pays for the hardest ray
    for group in groups:
        assert (group.t[:, 1:] >= group.t[:, :-1]).all()
        assert (greatest_error(group.t, group.sdf, group.width) <= 0.1 + 1e-4).all()
        if group.t.shape[1] < 5 * 128:
            assert (group.width <= width).all()
            fine = true_opacity(field, rays.take(group.ray), group.t.double(), group.width.double())
            error = (fine[:, 1:] - left_riemann(group.t, group.sdf, group.width)).abs()
            assert error.max() < 0.1 + 2e-3


def test_an_easy_ray_is_asked_once_and_a_hard_one_oftener() -> None:
    field = Balls(1)
    field.centres, field.radii = (
        torch.zeros(1, 3, dtype=torch.float64),
        torch.full((1,), 0.3, dtype=torch.float64),
    )
    rays = Rays(
        torch.tensor([[-1.2, 0.0, 0.0], [-1.2, 0.9, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]]).repeat(2, 1),
        torch.zeros(2), torch.full((2,), 2.4), torch.ones(2),
    )  # fmt: skip
    easy, hard = bounded(ErrorBounded(torch.device("cpu")), field, rays, 0.004)
    assert easy.ray.tolist() == [1] and easy.t.shape[1] == 128
    assert hard.ray.tolist() == [0] and hard.t.shape[1] > 128
    assert (hard.sdf.abs() < 0.05).float().mean() > 2.5 * 0.2 / 2.4  # added where the bound is large


def samples_of(
    rays: Rays, opacity: VolSDF | NeuS | None = None, **numbers: int
) -> tuple[ErrorBounded, object]:
    sampler = ErrorBounded(torch.device("cpu"), **numbers)  # type: ignore[arg-type]
    now = (opacity or VolSDF(width_end=0.01)).at(END)
    return sampler, sampler.for_picture(rays, Balls(1), now)  # type: ignore[arg-type]


def test_sections_cover_each_ray_once_and_rays_past_the_box_have_none() -> None:
    rays = some_rays(9, 2)
    rays.t_max[[0, 4, 8]] = 0.0
    _, samples = samples_of(rays, samples=16, extra=8)
    counts = samples.packed_info[:, 1].tolist()  # type: ignore[attr-defined]
    assert counts == [0 if ray in (0, 4, 8) else 25 for ray in range(9)]
    length = torch.zeros(9).index_add_(0, samples.ray_indices, samples.t_ends - samples.t_starts)  # type: ignore[attr-defined]
    assert torch.allclose(length, rays.t_max - rays.t_min, atol=1e-5)
    starts = samples.packed_info[:, 0].tolist()  # type: ignore[attr-defined]
    assert all(samples.ray_indices[start] == ray for ray, start in enumerate(starts) if counts[ray])  # type: ignore[attr-defined]
    assert (samples.t_ends >= samples.t_starts).all()  # type: ignore[attr-defined]


def test_no_rays_and_none_that_meets_the_box() -> None:
    for rays in (some_rays(0, 0), some_rays(3, 0)):
        rays.t_max[:] = 0.0
        _, samples = samples_of(rays)
        assert samples.ray_indices.numel() == 0 and samples.packed_info.shape == (len(rays), 2)  # type: ignore[attr-defined]


def test_pictures_are_sampled_alike_each_time_and_a_field_is_rendered_as_it_is() -> None:
    rays, field = some_rays(64, 3), Balls(1)
    _, first = samples_of(rays)
    _, again = samples_of(rays)
    assert torch.equal(first.t_starts, again.t_starts)  # type: ignore[attr-defined]
    points, _ = section_midpoints(
        rays.origins, rays.directions, first.ray_indices, first.t_starts, first.t_ends  # type: ignore[attr-defined]
    )  # fmt: skip
    integral = laplace_density(field.sdf(points), 0.01) * (first.t_ends - first.t_starts)  # type: ignore[attr-defined]
    opacity = 1.0 - torch.exp(-torch.zeros(64).index_add_(0, first.ray_indices, integral))  # type: ignore[attr-defined]
    exact = true_opacity(
        field, rays, torch.full((64, 1), 2.5, dtype=torch.float64), torch.full((64, 1), 0.01).double()
    )
    assert (opacity - exact[:, 0]).abs().max() < 0.1 and (opacity - exact[:, 0]).abs().mean() < 0.01


def test_another_density_has_another_bound() -> None:
    with pytest.raises(UserError, match=r"volsdf.*NeuS.*sampler=marched"):
        samples_of(some_rays(2, 0), NeuS())


def test_more_cannot_be_drawn_of_what_was_asked_than_that() -> None:
    assert "extra 40" in str(ErrorBounded.wrong_numbers(extra=40, evaluated=32))
    assert ErrorBounded.wrong_numbers(extra=32, evaluated=32) is None


def test_places_by_weight_hold_equal_shares_and_go_anywhere_without_weight() -> None:
    edges, weights = (
        torch.tensor([[0.0, 1.0, 3.0, 4.0]]).repeat(2, 1),
        torch.tensor([[1.0, 0.0, 3.0], [0.0, 0.0, 0.0]]),
    )
    wanted = torch.tensor([[0.0, 0.125, 0.25, 0.625, 1.0]]).repeat(2, 1)
    found = places_by_weight(edges, weights, wanted)
    assert torch.allclose(found[0, [0, 1, 3, 4]], torch.tensor([0.0, 0.5, 3.5, 4.0]))
    assert 1.0 <= found[0, 2] <= 3.0  # a quarter lies before any of them
    assert torch.allclose(found[1], torch.tensor([0.0, 0.375, 0.75, 2.75, 4.0]), atol=1e-6)
