"""Planes swept through pictures: the kernels against their specification, and both where depth is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.plane_sweep import SweptDepth, path_costs, plane_sweep, sweep_depth
from neurfield.ops.reference import plane_sweep as specification
from neurfield.ops.reference import stereo_pictures
from neurfield.ops.stereo_pictures import StereoPictures
from tests.ops.test_stereo_pictures import turned

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels here")
FOCAL = 60.0
Paint = Callable[[Tensor], Tensor]  # points [..., 3] in the world to grey, 0 to 255


def by_reference(run: Callable[[], object]) -> object:
    """What `run` gives without native kernels."""
    before, native.module = native.module, None
    try:
        return run()
    finally:
        native.module = before


def textured(points: Tensor) -> Tensor:
    waves = torch.tensor([[14.0, 3.0, 2.0], [-6.0, 17.0, 5.0], [25.0, -19.0, 3.0], [9.0, 31.0, -4.0]])
    return 120 + 25 * torch.sin(points @ waves.double().T + torch.arange(4)).sum(dim=-1)


def poses(centers: list[tuple[float, float, float]], turn: float = 0.04) -> Tensor:
    """cam_from_world of cameras that look along z, each a little turned."""
    pose = torch.eye(4, dtype=torch.float64).repeat(len(centers), 1, 1)
    for i, center in enumerate(centers):
        pose[i, :3, :3] = turned(1, turn * i) @ turned(2, -turn * i)
        pose[i, :3, 3] = -pose[i, :3, :3] @ torch.tensor(center, dtype=torch.float64)
    return pose


CENTERS = [(0.0, 0.0, 0.0), (0.25, 0.02, 0.0), (-0.25, 0.0, 0.02), (0.0, 0.25, 0.0), (0.02, -0.25, 0.0)]


def photographed(
    surface: Callable[[Tensor, Tensor], Tensor],
    paint: Paint,
    h: int = 40,
    w: int = 56,
    pose: Tensor | None = None,
) -> tuple[StereoPictures, Tensor]:
    """Pictures and depths [n, h, w] of a surface: t [...] along rays (origin, direction), inf = nothing."""
    pose = poses(CENTERS) if pose is None else pose
    lens = torch.tensor([FOCAL, FOCAL, w / 2, h / 2])
    v, u = torch.meshgrid(torch.arange(h).double() + 0.5, torch.arange(w).double() + 0.5, indexing="ij")
    rays = torch.stack([(u - w / 2) / FOCAL, (v - h / 2) / FOCAL, torch.ones_like(u)], dim=-1)
    directions = rays @ pose[:, None, :3, :3]
    centers = -(pose[:, :3, :3].mT @ pose[:, :3, 3:])[..., 0]
    depth = surface(
        centers[:, None, None].expand_as(directions), directions
    )  # rays have unit z: t is the depth
    hit = depth.isfinite()
    points = centers[:, None, None] + depth.where(hit, 1.0)[..., None] * directions
    grey = paint(points).clamp(1, 254).round().where(hit, 0).to(torch.uint8)
    inside = None if bool(hit.all()) else hit
    return StereoPictures(grey, lens.repeat(len(pose), 1), pose, inside), depth.where(hit, 0.0)


def two_walls(origin: Tensor, direction: Tensor) -> Tensor:
    """A wall at z = 2, and before it, left of x = 0, one at z = 1.4."""
    near, far = (1.4 - origin[..., 2]) / direction[..., 2], (2.0 - origin[..., 2]) / direction[..., 2]
    return torch.where(origin[..., 0] + near * direction[..., 0] < 0, near, far)


def cylinder(origin: Tensor, direction: Tensor) -> Tensor:
    """Upright, radius 0.5 about (0, 2), between y = -0.5 and 0.5; nothing around it."""
    ox, oz, dx, dz = origin[..., 0], origin[..., 2] - 2.0, direction[..., 0], direction[..., 2]
    a, b, c = dx * dx + dz * dz, ox * dx + oz * dz, ox * ox + oz * oz - 0.25
    root = b * b - a * c
    t = (-b - root.clamp_min(0).sqrt()) / a
    y = origin[..., 1] + t * direction[..., 1]
    return torch.where((root > 0) & (y.abs() < 0.5), t, torch.inf)


def shaded(points: Tensor) -> Tensor:
    """What a plain cylinder looks like under light from one side."""
    return 110 + 180 * points[..., 0] + 10 * points[..., 1]


def planes(near: float, far: float, count: int, references: int = 1) -> Tensor:
    return torch.linspace(1 / near, 1 / far, count).repeat(references, 1)


def in_pixels(found: SweptDepth, depth: Tensor, baseline: float = 0.25) -> Tensor:
    """How far from its true place each pixel lies in a source across `baseline`; NaN where none was found."""
    known = (found.inverse_depth > 0) & (depth > 0)
    return (FOCAL * baseline * (found.inverse_depth - 1 / depth).abs()).where(known, torch.nan)


REFERENCE, SOURCES = torch.tensor([0]), torch.tensor([[1, 2, 3, 4]])


def test_two_textured_walls_are_found_to_a_third_of_a_pixel() -> None:
    pictures, depth = photographed(two_walls, textured)
    found = sweep_depth(pictures, REFERENCE, SOURCES, planes(1.2, 2.4, 24))
    error = in_pixels(found, depth[:1])[0]
    edge = (depth[0, :, 1:] != depth[0, :, :-1]).nonzero()[:, 1].float().mean()
    within = ((torch.arange(error.shape[1]) - edge).abs() > 3).expand_as(error)
    assert error[within].max() < 0.3  # to the borders, where some sources see a part of the window
    assert error[within].median() < 0.1 and (error > 1).float().mean() < 0.02
    assert found.cost[0][within].mean() < 0.1 and found.ratio[0][within].mean() > 1.5
    assert found.texture[0].median() > 0.5


def test_brightness_finds_a_plain_shaded_surface_that_correlation_cannot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pictures, depth = photographed(cylinder, shaded)
    inverse_depth = planes(1.35, 2.2, 16)
    found = sweep_depth(pictures, REFERENCE, SOURCES, inverse_depth)
    known = depth[0] > 0
    assert found.texture[0][known].quantile(0.9) < 0.2
    error = in_pixels(found, depth[:1])[0]
    assert error[known].nanmedian() < 0.5 and (error[known] < 1).float().mean() > 0.9
    # The lowest cost alone, without paths: brightness says where, for most pixels.
    cost = plane_sweep(pictures, REFERENCE, SOURCES, inverse_depth)[0]
    lowest = inverse_depth[0][cost.int().argmin(dim=-1)]
    alone = (FOCAL * 0.25 * (lowest - 1 / depth[0]).abs())[known]
    assert (alone < 1).float().mean() > 0.6
    monkeypatch.setattr(stereo_pictures, "NOISE", 1e-3)  # correlation for all
    correlated = by_reference(lambda: plane_sweep(pictures, REFERENCE, SOURCES, inverse_depth))
    assert isinstance(correlated, Tensor)
    lowest = inverse_depth[0][correlated[0].int().argmin(dim=-1)]
    assert ((FOCAL * 0.25 * (lowest - 1 / depth[0]).abs())[known] < 1).float().mean() < 0.4
    monkeypatch.undo()
    # A gain that differs between pictures takes that away, and telling it brings it back.
    dimmer = torch.tensor([1.0, 0.8, 0.8, 0.8, 0.8])
    grey = (pictures.grey.float() * dimmer[:, None, None]).round().to(torch.uint8)
    wrong = dataclasses.replace(pictures, grey=grey)
    told = dataclasses.replace(wrong, gain=1 / dimmer)
    shares = [
        (in_pixels(sweep_depth(p, REFERENCE, SOURCES, inverse_depth), depth[:1])[0][known] < 1).float().mean()
        for p in (wrong, told)
    ]
    assert shares[0] < 0.6 and shares[1] > 0.9


def test_the_background_of_a_source_matches_nothing() -> None:
    pictures, depth = photographed(cylinder, lambda points: torch.full_like(points[..., 0], 1.0))
    assert pictures.inside is not None  # a black cylinder on black: the masks alone say where it ends
    inverse_depth = planes(0.3, 2.2, 40)
    cost = plane_sweep(pictures, REFERENCE, SOURCES, inverse_depth)[0].float()
    known = depth[0] > 0
    assert (cost[~known] == 255).all()
    right = (inverse_depth[0] - 1 / depth[0][..., None].clamp_min(0.1)).abs().argmin(dim=-1, keepdim=True)
    assert cost.gather(-1, right)[known].mean() < 5
    assert cost[..., 0][known].median() > 36  # the nearest plane carries it off the cylinder
    whole = dataclasses.replace(pictures, inside=None)
    assert plane_sweep(whole, REFERENCE, SOURCES, inverse_depth[:, 8:])[0][known].max() <= 38


def test_a_window_outside_the_source_costs_the_same_whatever_it_shows() -> None:
    pictures, _ = photographed(two_walls, textured)
    cost = plane_sweep(pictures, REFERENCE, SOURCES[:, :1], torch.tensor([[1e-3, 100.0]]))[0, ..., 1]
    assert (cost == round(0.6 * 64)).all()


def test_what_lies_behind_a_source_is_not_seen_by_it() -> None:
    pictures, _ = photographed(two_walls, textured)
    pose = pictures.cam_from_world.clone()
    pose[1] = torch.eye(4)
    pose[1, 2, 3] = -4.0  # beyond the walls, which would be seen upside down in its middle
    pictures = dataclasses.replace(pictures, cam_from_world=pose)
    assert (plane_sweep(pictures, REFERENCE, SOURCES[:, :1], planes(1.2, 2.4, 6)) == round(0.6 * 64)).all()


def cut(pictures: StereoPictures, h: int, w: int) -> StereoPictures:
    inside = None if pictures.inside is None else pictures.inside[:, :h, :w]
    return dataclasses.replace(pictures, grey=pictures.grey[:, :h, :w], inside=inside)


@pytest.fixture(params=[False, True], ids=["whole", "masked"])
def some_pictures(request: pytest.FixtureRequest) -> StereoPictures:
    """Hard ones: noise, cameras turned far, gains, and masks with holes."""
    pictures, _ = photographed(two_walls, textured, 19, 27, poses(CENTERS, 0.15))
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(pictures.grey.shape, generator=generator) * 8
    inside = torch.rand(pictures.grey.shape, generator=generator) < 0.9
    return dataclasses.replace(
        pictures,
        grey=(pictures.grey + noise).clamp(0, 255).to(torch.uint8),
        inside=inside if request.param else None,
        gain=torch.tensor([1.0, 1.25, 0.75, 1.0, 1.1]),
        tolerance=3.5,
    )


@needs_native
@pytest.mark.parametrize(
    ("count", "radius", "limited"), [(1, 3, False), (7, 1, True), (33, 3, True), (16, 5, False)]
)
def test_the_sweep_is_its_specification(
    some_pictures: StereoPictures, count: int, radius: int, limited: bool
) -> None:
    pictures = some_pictures
    if radius > 3:
        pictures = cut(pictures, 9, 14)
    reference, sources = torch.tensor([2, 0]), torch.tensor([[0, 1, -1, 3], [4, 3, 2, 1]])
    inverse_depth = planes(0.9, 8.0, count + 1, 2)[:, 1:]
    first = last = None
    if limited:
        generator = torch.Generator().manual_seed(count)
        first = torch.randint(-2, count + 2, (2, *pictures.grey.shape[1:]), generator=generator).short()
        last = first + torch.randint(-1, 9, first.shape, generator=generator).short()

    def run() -> Tensor:
        return plane_sweep(pictures, reference, sources, inverse_depth, first, last, radius=radius)

    found, expected = run().int(), by_reference(run)
    assert isinstance(expected, Tensor)
    expected = expected.int()
    assert torch.equal(found == 255, expected == 255) and (expected < 255).any()
    # But for samples that are rounded to another quarter of a grey level, which two or three pixels turn on.
    assert ((found - expected).abs() <= 1).float().mean() > (0.9999 if pictures.inside is None else 0.998)
    assert (found == expected).float().mean() > 0.99


def test_two_sources_make_a_cost_or_half_of_fewer(some_pictures: StereoPictures) -> None:
    """However many others look elsewhere: two of eight that see into a hollow are enough."""
    inverse_depth = planes(1.0, 4.0, 9)

    def cost(sources: list[int]) -> Tensor:
        return plane_sweep(some_pictures, torch.tensor([0]), torch.tensor([sources]), inverse_depth)[0].int()

    each = torch.stack([cost([s]) for s in (1, 2, 3, 4)]).sort(dim=0).values.float()
    for sources, kept in (([1, 2], 1), ([1, 2, 3, 4], 2), ([1, 2, 3, 4] * 2, 2)):
        repeats = max(1, len(sources) // 4)
        some = each if len(sources) > 2 else torch.stack([cost([1]), cost([2])]).sort(dim=0).values.float()
        some = some.repeat_interleave(repeats, dim=0)
        assert (cost(sources) - some[:kept].mean(dim=0)).abs().max() <= 1.0  # each is rounded
        assert (cost(sources) - some[: 2 * kept].mean(dim=0)).abs().max() > 2  # nor do more


@pytest.mark.parametrize("part", ["below", "between", "leaning", "one pixel"])
def test_a_pixel_costs_the_same_whatever_other_pixels_look_at(
    some_pictures: StereoPictures, part: str
) -> None:
    pictures = some_pictures
    h, w = pictures.grey.shape[1:]
    row, column = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    wanted = {
        "below": row >= h // 2, "between": (row > h // 3) & (row < h // 2) & (column > w // 3),
        "leaning": (column - row).abs() < 4, "one pixel": (row == h // 2) & (column == w // 2),
    }[part]  # fmt: skip
    reference, sources, inverse_depth = torch.tensor([0]), torch.tensor([[1, 2, 3, 4]]), planes(0.9, 8.0, 33)
    first = torch.where(wanted, 2, 1)[None].short()
    last = torch.where(wanted, 30, 0)[None].short()
    part_of = plane_sweep(pictures, reference, sources, inverse_depth, first, last)
    whole = plane_sweep(pictures, reference, sources, inverse_depth)
    asked = wanted[None, ..., None] & (torch.arange(33) >= 2) & (torch.arange(33) <= 30)
    assert torch.equal(part_of[asked], whole[asked]) and bool((part_of[~asked] == 255).all())


@needs_native
@pytest.mark.parametrize(
    "shape", [(2, 4, 5, 9), (1, 1, 6, 40), (1, 6, 1, 3), (1, 4, 5, 1), (1, 3, 4, 64), (0, 3, 3, 4)]
)
def test_path_costs_are_their_specification(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(sum(shape))
    cost = torch.randint(0, 65, shape, generator=generator).to(torch.uint8)
    cost[torch.rand(shape, generator=generator) < 0.2] = 255
    cost[torch.rand(shape[:3], generator=generator) < 0.15] = 255
    grey = torch.randint(0, 40, shape[:3], generator=generator).to(torch.uint8)
    for steps in ({}, {"next_step": 0, "jump": 2000, "flat_jump": 1000, "grey_sigma": 1.0}):

        def run(steps: dict[str, Any] = steps) -> Tensor:
            return path_costs(cost, grey, **steps)

        found, expected = run(), by_reference(run)
        assert isinstance(expected, Tensor) and found.dtype == torch.uint16
        assert torch.equal(found.int(), expected.int())


@needs_native
def test_depth_is_that_of_the_sweep_and_the_paths(some_pictures: StereoPictures) -> None:
    reference, sources = torch.tensor([0, 3]), torch.tensor([[1, 2, 3], [0, -1, 2]])
    inverse_depth = planes(1.1, 3.0, 21, 2)
    generator = torch.Generator().manual_seed(5)
    first = torch.randint(0, 10, (2, *some_pictures.grey.shape[1:]), generator=generator).short()
    last = first + torch.randint(-1, 14, first.shape, generator=generator).short()
    found = sweep_depth(some_pictures, reference, sources, inverse_depth, first, last)
    cost = plane_sweep(some_pictures, reference, sources, inverse_depth, first, last)
    sums = path_costs(cost, some_pictures.grey[reference]).int()
    expected = specification.chosen(cost, sums, inverse_depth)
    for name, theirs in zip(("inverse_depth", "cost", "ratio"), expected):
        assert torch.allclose(getattr(found, name), theirs, atol=1e-6, rtol=1e-5), name
    kappa = torch.stack([specification.textures(some_pictures.quads[r], 2) for r in reference])
    assert torch.allclose(found.texture, kappa, atol=2e-3)
    assert torch.equal(found.inverse_depth > 0, (cost < 255).any(dim=-1))


def test_the_reference_alone_finds_depth_too(some_pictures: StereoPictures) -> None:
    small = cut(some_pictures, 6, 8)

    def run() -> SweptDepth:
        return sweep_depth(small, REFERENCE, SOURCES, planes(1.1, 3.0, 5))

    expected, found = by_reference(run), run()
    assert isinstance(expected, SweptDepth)
    assert torch.equal(expected.inverse_depth > 0, found.inverse_depth > 0)
    assert ((expected.inverse_depth - found.inverse_depth).abs() < 1e-3).float().mean() > 0.9


@needs_native
def test_the_number_of_threads_does_not_matter() -> None:
    pictures, _ = photographed(two_walls, textured)
    reference = torch.tensor([0, 1, 2, 3, 4, 2, 0])
    sources = torch.stack([(reference + i) % 5 for i in (1, 2, 3)], dim=1)
    inverse_depth = planes(1.2, 2.4, 20, len(reference))
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(dataclasses.astuple(sweep_depth(pictures, reference, sources, inverse_depth)))
    finally:
        torch.set_num_threads(before)
    for result in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], result))
    assert torch.equal(results[0][0][2], results[0][0][2]) and torch.equal(results[0][0][0], results[0][0][6])


def test_nothing_to_do_and_nothing_to_see() -> None:
    pictures, _ = photographed(two_walls, textured, 6, 9)
    empty = torch.zeros(0, dtype=torch.int64)
    found = sweep_depth(pictures, empty, empty[:, None], torch.zeros(0, 4))
    assert found.inverse_depth.shape == found.texture.shape == (0, 6, 9)
    assert plane_sweep(pictures, empty, empty[:, None], torch.zeros(0, 4)).shape == (0, 6, 9, 4)
    for nobody in (torch.tensor([[-1, -1]]), torch.zeros(1, 0, dtype=torch.int64)):
        alone = sweep_depth(pictures, REFERENCE, nobody, planes(1, 2, 4))
        assert (alone.inverse_depth == 0).all() and (alone.cost == 1).all() and (alone.ratio == 1).all()
        assert alone.texture.max() > 0.5


@pytest.mark.parametrize("size", [(1, 40), (40, 1), (1, 1)])
def test_pictures_of_one_row_or_column(size: tuple[int, int]) -> None:
    pictures, _ = photographed(two_walls, textured, *size, pose=poses(CENTERS, 0.0))
    sideways = torch.tensor([[1, 2]]) if size[0] == 1 else torch.tensor([[3, 4]])
    found = sweep_depth(pictures, REFERENCE, sideways, planes(1.2, 2.4, 24), radius=2)
    assert found.inverse_depth.shape == (1, *size) and (found.inverse_depth > 0).all()


def test_inputs_may_lie_anyhow_in_memory() -> None:
    pictures, _ = photographed(two_walls, textured, 12, 15)
    first = torch.full((1, 12, 15), 3, dtype=torch.int16)
    expected = sweep_depth(pictures, REFERENCE, SOURCES, planes(1.2, 2.4, 12), first)
    turned_round = dataclasses.replace(pictures, grey=pictures.grey.mT.contiguous().mT)
    twice = torch.stack([planes(1.2, 2.4, 12), planes(1.2, 2.4, 12)], dim=-1)[..., 0]
    found = sweep_depth(turned_round, REFERENCE, SOURCES.T.contiguous().T, twice, first.mT.contiguous().mT)
    assert all(torch.equal(a, b) for a, b in zip(dataclasses.astuple(expected), dataclasses.astuple(found)))


def test_planes_may_come_in_either_order() -> None:
    pictures, _ = photographed(two_walls, textured, 16, 20)
    down = sweep_depth(pictures, REFERENCE, SOURCES, planes(1.2, 2.4, 12))
    up = sweep_depth(pictures, REFERENCE, SOURCES, planes(1.2, 2.4, 12).flip(1))
    apart = (down.inverse_depth - up.inverse_depth).abs()
    assert (apart < 1e-5).float().mean() > 0.98  # where two planes are equally good, the first is taken


def test_what_does_not_fit_is_named() -> None:
    pictures, _ = photographed(two_walls, textured, 6, 9)
    one = planes(1, 2, 4)
    wrong_size = torch.zeros(1, 6, 8, dtype=torch.int16)
    for match, arguments in (
        ("reference names a picture", (REFERENCE + 5, SOURCES, one)),
        ("reference names a picture", (REFERENCE - 1, SOURCES, one)),
        ("sources names a picture", (REFERENCE, SOURCES + 1, one)),
        ("sources must be", (REFERENCE, SOURCES[0], one)),
        ("inverse_depth must be", (REFERENCE, SOURCES, one.double())),
        ("inverse_depth must hold", (REFERENCE, SOURCES, one[:, :0])),
        ("inverse_depth must rise", (REFERENCE, SOURCES, torch.tensor([[0.1, 0.3, 0.2]]))),
        ("first must be", (REFERENCE, SOURCES, one, wrong_size)),
        ("last must be", (REFERENCE, SOURCES, one, None, wrong_size)),
    ):  # fmt: skip
        for operation in (plane_sweep, sweep_depth):
            with pytest.raises(ValueError, match=f"{operation.__name__}: {match}"):
                operation(pictures, *arguments)
    with pytest.raises(ValueError, match="radius must be 1 to 5, got 6"):
        sweep_depth(pictures, REFERENCE, SOURCES, one, radius=6)
    cost, grey = torch.zeros(1, 2, 3, 4, dtype=torch.uint8), torch.zeros(1, 2, 3, dtype=torch.uint8)
    for match, wrong in (("cost must be", (cost[0], grey)), ("grey must be", (cost, grey.int()))):
        with pytest.raises(ValueError, match=match):
            path_costs(*wrong)
    with pytest.raises(ValueError, match="must be 0 to 3000"):
        path_costs(cost, grey, flat_jump=2993)
    with pytest.raises(ValueError, match="grey_sigma must be above 0"):
        path_costs(cost, grey, grey_sigma=0.0)
