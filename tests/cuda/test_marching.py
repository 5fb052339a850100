"""Marching, sections and compositing against their references in float64, with all gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.ops import compositing, native, sections
from neurfield.ops.occupancy_grid import conservative_occupancy
from neurfield.ops.ray_march import march_rays
from neurfield.ops.reference import compositing as compositing_reference
from neurfield.ops.reference import ray_march as march_reference
from neurfield.ops.reference import sections as sections_reference

# Rays without samples, with one, and with more than a warp's 32.
COUNTS = {"none": [], "empty": [0, 0], "mixed": [3, 0, 1, 70, 32, 0, 33, 5], "many": [4] * 50}


@pytest.fixture(params=COUNTS)
def packed(request: pytest.FixtureRequest) -> Tensor:
    counts = torch.tensor(COUNTS[request.param], dtype=torch.int64)
    return torch.stack([counts.cumsum(0) - counts, counts], dim=1)


def opacities(count: int, random: torch.Generator) -> Tensor:
    """In [0, 1], some of them exactly at the ends."""
    alpha = torch.rand(count, generator=random) ** 3
    alpha[torch.rand(count, generator=random) < 0.05] = 1.0
    alpha[torch.rand(count, generator=random) < 0.05] = 0.0
    return alpha


def compare(
    device: torch.device,
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    inputs: list[Tensor],
    packed: Tensor,
    tolerance: float = 2e-5,
) -> None:
    """Results and gradients of a random sum of all results."""
    random, grads, results = torch.Generator().manual_seed(5), [], []
    by: list[Tensor] = []
    for run, kind, where in ((theirs, torch.float64, "cpu"), (ours, torch.float32, device)):
        leaves = [t.to(where, kind, copy=True).requires_grad_() for t in inputs]
        found = run(*leaves, packed.to(where))
        found = list(found) if isinstance(found, tuple) else [found]
        if not by:
            by = [torch.randn(f.shape, generator=random) for f in found]
        total = sum((f * b.to(where, kind)).sum() for f, b in zip(found, by) if f.requires_grad or f.grad_fn)
        total.backward()  # type: ignore[union-attr]
        results.append([f.detach().cpu().double() for f in found])
        grads.append([t.grad.cpu().double() if t.grad is not None else None for t in leaves])
    for wanted, got in zip(*results):
        torch.testing.assert_close(got, wanted, rtol=tolerance, atol=tolerance)
    for wanted, got in zip(*grads):
        torch.testing.assert_close(got, wanted, rtol=tolerance, atol=tolerance)


def test_weights(device: torch.device, packed: Tensor) -> None:
    alpha = opacities(int(packed[:, 1].sum()), torch.Generator().manual_seed(1))

    def ours(a: Tensor, info: Tensor) -> tuple[Tensor, Tensor]:
        return (
            compositing.render_weights_from_alpha(a, packed_info=info),
            compositing.render_transmittance_from_alpha(a, packed_info=info),
        )

    compare(device, ours, compositing_reference.weights_and_transmittance, [alpha], packed)


@pytest.mark.parametrize("channels", [1, 3, 11])
def test_accumulated_and_composited(device: torch.device, packed: Tensor, channels: int) -> None:
    random = torch.Generator().manual_seed(2)
    alpha = opacities(int(packed[:, 1].sum()), random)
    values = torch.randn(len(alpha), channels, generator=random)

    def ours(a: Tensor, v: Tensor, info: Tensor) -> Tensor:
        return compositing.accumulate_along_rays(a, v, packed_info=info)

    compare(device, ours, compositing_reference.accumulate, [alpha, values], packed)
    compare(device, compositing.composite, compositing_reference.composite, [alpha, values], packed)


def test_surfaces_composited(device: torch.device, packed: Tensor) -> None:
    random = torch.Generator().manual_seed(3)
    alpha = opacities(int(packed[:, 1].sum()), random)
    t = torch.rand(len(alpha), generator=random)
    rgb, normal = (torch.randn(len(alpha), 3, generator=random) for _ in range(2))

    def of(op: Callable[..., Any]) -> Callable[..., Tensor]:
        return lambda a, c, n, info: op(a, c, n, t.to(a), info)[0]

    theirs = of(sections_reference.composite_surface)
    compare(device, of(sections.composite_surface), theirs, [alpha, rgb, normal], packed)


def test_weights_sum_to_one_at_most(device: torch.device) -> None:
    info = torch.tensor([[0, 300]], device=device)
    for value in (0.01, 0.5, 1.0):
        weights = compositing.render_weights_from_alpha(
            torch.full((300,), value, device=device), packed_info=info
        )
        assert float(weights.sum()) == pytest.approx(1.0 - (1.0 - value) ** 300, abs=1e-5)


def test_packing(device: torch.device, packed: Tensor) -> None:
    rays = torch.repeat_interleave(torch.arange(len(packed)), packed[:, 1])
    found = compositing.pack_info(rays.to(device), len(packed))
    assert torch.equal(found.cpu(), packed)


@pytest.mark.parametrize("kind", ["neus", "volsdf"])
@pytest.mark.parametrize("count", [0, 1, 300])
@pytest.mark.parametrize("learnt", [False, True])
def test_opacity_of_sections(device: torch.device, kind: str, count: int, learnt: bool) -> None:
    random = torch.Generator().manual_seed(count)
    sdf, gradient = 0.3 * torch.randn(count, generator=random), torch.randn(count, 3, generator=random)
    starts = torch.rand(count, generator=random)
    fixed = [
        starts,
        starts + 0.2 * torch.rand(count, generator=random),
        torch.nn.functional.normalize(torch.randn(7, 3, generator=random), dim=1),
        torch.randint(0, 7, (count,), generator=random),
    ]
    width = torch.tensor([0.07])

    def of(op: Callable[..., Any], kind_of: torch.dtype) -> Callable[..., Any]:
        def run(d: Tensor, g: Tensor, w: Tensor, info: Tensor) -> Any:
            there = [f.to(d.device, kind_of) if f.is_floating_point() else f.to(d.device) for f in fixed]
            return op(d, g, *there, kind=kind, width=w if learnt else 0.07, anneal=0.4)

        return run

    # A width that is not learnt gets no gradient on either side.
    ours, theirs = (
        of(sections.section_opacity, torch.float32),
        of(sections_reference.opacity, torch.float64),
    )
    compare(device, ours, theirs, [sdf, gradient, width], torch.empty(0, 2, dtype=torch.int64), 1e-4)


def test_midpoints(device: torch.device) -> None:
    random = torch.Generator().manual_seed(0)
    origins, directions = torch.randn(9, 3, generator=random), torch.randn(9, 3, generator=random)
    rays, starts = torch.randint(0, 9, (500,), generator=random), torch.rand(500, generator=random)
    extra = torch.randn(4, 3, generator=random)
    arguments = (origins, directions, rays, starts, starts + 0.1)
    wanted, wanted_t = sections_reference.midpoints(*arguments)
    points, t = sections.section_midpoints(*(a.to(device) for a in arguments), extra=extra.to(device))
    torch.testing.assert_close(points.cpu(), torch.cat([wanted, extra]))
    torch.testing.assert_close(t.cpu(), wanted_t)


@pytest.mark.parametrize("shape", [(5, 9, 16), (16, 16, 16), (1, 1, 1)])
@pytest.mark.parametrize("share", [0.0, 0.03, 1.0])
def test_marched_rays(device: torch.device, shape: tuple[int, int, int], share: float) -> None:
    random = torch.Generator().manual_seed(shape[0])
    occupancy = (torch.rand(shape, generator=random) < share).to(torch.uint8)
    origins = 3.0 * torch.randn(150, 3, generator=random)
    directions = torch.nn.functional.normalize(torch.randn(150, 3, generator=random) - origins, dim=1)
    directions[:6] = torch.eye(3).repeat(2, 1) * torch.tensor([1.0, -1.0]).repeat_interleave(3)[:, None]
    t_min = torch.rand(150, generator=random)
    t_max = torch.where(torch.rand(150, generator=random) < 0.2, t_min - 1.0, t_min + 8.0)
    jitter = torch.rand(150, generator=random)
    box = [-1.0, -0.8, -1.2, 1.1, 0.9, 1.0]
    rays = (origins, directions, t_min, t_max, occupancy)
    for most in (5, 1000):
        found = march_rays(*(t.to(device) for t in rays), box, 0.03, jitter.to(device), most)
        exact = [t.double() for t in rays[:4]]
        wanted = march_reference.march_rays(
            *exact, occupancy, torch.tensor(box).double(), 0.03, jitter.double(), most
        )
        # A midpoint on a cell's border may fall to either side: float32 and float64 agree on nearly all.
        ours = set(zip(found[0].tolist(), (found[1] / 0.03).round(decimals=3).tolist()))
        theirs = set(zip(wanted[0].tolist(), (wanted[1].float() / 0.03).round(decimals=3).tolist()))
        assert len(ours ^ theirs) <= 0.01 * len(theirs) + (2 if 0.0 < share < 1.0 else 0)
        assert torch.equal(found[0].cpu(), torch.repeat_interleave(torch.arange(150), found[3][:, 1].cpu()))
        assert int(found[3][:, 1].max()) <= most


@pytest.mark.parametrize(
    ("shape", "share"), [((20, 17, 24), 0.02), ((20, 17, 24), 0.3), ((5, 9, 16), 1.0), ((33, 8, 1), 0.5)]
)
@pytest.mark.parametrize("most", [3, 64])
def test_marched_rays_are_the_cpus(
    device: torch.device, shape: tuple[int, int, int], share: float, most: int
) -> None:
    """Same lattice, same arithmetic: the samples are the same bits wherever they are made.

    But for single rays on a GPU, whose compiler rounds products and sums together in other places: there a
    midpoint on a cell's border may fall to the other side.
    """
    if native.module is None:
        pytest.skip("no native kernels here")
    random = torch.Generator().manual_seed(1)
    occupancy = (torch.rand(shape, generator=random) < share).to(torch.uint8)
    origins = torch.randn(400, 3, generator=random)
    directions = torch.nn.functional.normalize(torch.randn(400, 3, generator=random), dim=1)
    rays = (origins, directions, torch.zeros(400), torch.full((400,), 5.0), occupancy)
    how = ([-1.0, -1.0, -1.0, 1.0, 1.0, 1.0], 0.011)
    jitter = torch.rand(400, generator=random)
    there = [t.cpu() for t in march_rays(*(t.to(device) for t in rays), *how, jitter.to(device), most)]
    with native.emulating(native.module):
        here = march_rays(*rays, *how, jitter, most)
    alike = there[3][:, 1] == here[3][:, 1]
    assert int((~alike).sum()) <= (2 if device.type == "cuda" else 0) and len(here[0]) > 100
    for mine, wanted in zip(there[:3], here[:3]):
        assert torch.equal(mine[alike[there[0]]], wanted[alike[here[0]]])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_ray_that_is_no_ray_has_no_sections(device: torch.device, value: float) -> None:
    random = torch.Generator().manual_seed(1)
    origins, directions = torch.randn(2, 8, 3, generator=random)
    t_min, t_max, jitter = torch.zeros(8), torch.full((8,), 5.0), torch.rand(8, generator=random)
    origins[0, 1] = directions[1, 2] = jitter[2] = t_min[3] = value
    origins[4] = directions[5] = value
    some = torch.ones(4, 4, 4, dtype=torch.uint8)
    rays = [t.to(device) for t in (origins, directions, t_min, t_max, some)]
    info = march_rays(*rays, [-2.0] * 3 + [2.0] * 3, 0.1, jitter.to(device), 90)[3].cpu()
    assert info[:6, 1].tolist() == [0] * 6 and (info[6:, 1] > 0).any()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("anneal", [1.0, 0.3])
def test_opacity_is_no_number_where_the_reference_says_so(
    device: torch.device, value: float, anneal: float
) -> None:
    random = torch.Generator().manual_seed(0)
    sdf, gradient = 0.1 * torch.randn(40, generator=random), torch.randn(40, 3, generator=random)
    sdf[3::11], gradient[5::11, 0] = value, value
    starts, rays = torch.rand(40, generator=random), torch.randint(0, 7, (40,), generator=random)
    directions = torch.nn.functional.normalize(torch.randn(7, 3, generator=random), dim=1)
    fixed = (starts, starts + 0.1, directions, rays)
    for kind in ("neus", "volsdf"):
        wanted = sections_reference.opacity(sdf, gradient, *fixed, kind, 0.05, anneal)
        there = (t.to(device) for t in (sdf, gradient, *fixed))
        found = sections.section_opacity(*there, kind=kind, width=0.05, anneal=anneal)
        for mine, theirs in zip(found, wanted):
            assert torch.equal(mine.cpu().isnan(), theirs.isnan())


def test_no_rays(device: torch.device) -> None:
    none, some = torch.empty(0, device=device), torch.ones(4, 4, 4, dtype=torch.uint8, device=device)
    found = march_rays(none.view(0, 3), none.view(0, 3), none, none, some, [0, 0, 0, 1, 1, 1], 0.1, none, 9)
    assert [len(f) for f in found] == [0, 0, 0, 0] and found[3].shape == (0, 2)


def test_conservative_occupancy(device: torch.device) -> None:
    sdf = torch.tensor([0.1, -0.1, 0.3, -0.3, float("nan"), float("inf")]).view(1, 2, 3).to(device)
    assert conservative_occupancy(sdf, 0.15, 0.05).flatten().tolist() == [1, 1, 0, 0, 1, 0]
