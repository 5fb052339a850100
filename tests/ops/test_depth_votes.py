"""Votes of depth maps on what is free: native against the plain torch specification, and the rule itself."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurfield.ops import depth_fusion as fusion
from neurfield.ops import native
from tests.ops.test_depth_fusion import sphere_views

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels in this installation")


@pytest.fixture
def native_too(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.setattr(native, "module", None)


def voting_views(frames: int, seed: int = 0) -> fusion.DepthViews:
    """A sphere's views with random errors and trust, and an outline that is not quite its own."""
    views = sphere_views(frames, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    sigma, trust = (torch.rand(views.depth.shape, generator=generator) for _ in range(2))
    outline = 6.0 * torch.rand(views.depth.shape, generator=generator) - 4.0
    more = {"sigma": 0.1 * sigma, "trust": 2.0 * trust - 0.5, "outline": outline}
    return fusion.DepthViews(*views.tensors(), **more)


@needs_native
@pytest.mark.parametrize("without", [(), ("sigma",), ("trust", "outline"), ("sigma", "trust", "outline")])
@pytest.mark.parametrize("count", [0, 1, 5001])
def test_native_votes_as_the_reference_does(
    without: tuple[str, ...], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = voting_views(7)
    for name in without:
        object.__setattr__(views, name, None)
    places = 2.4 * torch.rand(2 * count, 3, generator=torch.Generator().manual_seed(1))[::2] - 0.2
    found = fusion.depth_votes(views, places, 0.02, 0.07, reach=0.05)
    monkeypatch.setattr(native, "module", None)
    expected = fusion.depth_votes(views, places, 0.02, 0.07, reach=0.05)
    assert (found.outside is None) == (expected.outside is None) == ("outline" in without)
    for got, wanted in ((found.free, expected.free), (found.hits, expected.hits)):
        assert got.shape == (count,)  # places between two pixels may take either
        assert ((got - wanted).abs() > 1e-4).float().sum() <= 2e-3 * count
    if found.outside is not None and expected.outside is not None:
        torch.testing.assert_close(found.outside, expected.outside, rtol=1e-3, atol=1e-3)


@needs_native
def test_native_free_bricks_are_those_of_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    views, shape = sphere_views(24), (20, 22, 20)  # of which some look through the same place
    free = fusion.free_bricks(views, shape, 0.0125, 0.01)
    monkeypatch.setattr(native, "module", None)
    expected = fusion.free_bricks(views, shape, 0.0125, 0.01)
    assert free.sum() > 50 and (free != expected).float().mean() <= 0.02


@needs_native
def test_threads_do_not_change_a_vote() -> None:
    views, places = voting_views(9), 2.0 * torch.rand(9000, 3, generator=torch.Generator().manual_seed(2))
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(fusion.depth_votes(views, places, 0.02, 0.05))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found[0].free, found[1].free) and torch.equal(found[0].hits, found[1].hits)


def wall_views(depths: list[float], size: int = 16, **more: Tensor) -> fusion.DepthViews:
    """Cameras side by side at z = 0, each of which sees a wall at its own depth."""
    count = len(depths)
    pose = torch.eye(3, 4).repeat(count, 1, 1)
    pose[:, :, 3] = -torch.tensor([1.0, 1.0, 0.0]) + 0.02 * torch.rand(count, 3)
    depth = torch.tensor(depths)[:, None, None].expand(count, size, size).clone()
    lens = torch.tensor([size / 2.0, size / 2.0, size / 2.0, size / 2.0]).expand(count, 4).clone()
    return fusion.DepthViews(depth, None, None, pose, lens, **more)


@pytest.mark.usefixtures("native_too")
@pytest.mark.parametrize("native_too", [pytest.param(True, marks=needs_native), False], indirect=True)
@pytest.mark.parametrize(
    ("depths", "free"),
    [
        ([3.0], False),  # a single view may be wrong
        ([3.0, 0.0], False),  # a map that knows nothing there is no second one
        ([3.0, 0.6], False),  # nor is one that sees something in front
        ([3.0, 3.0], True),
        ([3.0, 3.0, 1.3], True),
        ([3.0, 3.0, 1.3, 1.3], False),  # as many see a surface there
        ([3.0, 3.0, 3.0, 1.3, 1.3], True),
    ],
)
def test_one_view_never_carves_and_hits_count(depths: list[float], free: bool) -> None:
    seen = fusion.free_bricks(wall_views(depths), (10, 10, 10), 0.025, 0.05)
    assert bool(seen[5, 5, 6]) == free  # its middle is 1.3 in front of the cameras


def of_maps(values: list[float], size: int = 16) -> Tensor:
    return torch.tensor(values)[:, None, None].expand(len(values), size, size).clone()


def votes_at(views: fusion.DepthViews, z: float, reach: float = 0.0) -> tuple[float, float, float | None]:
    """Sums of votes for free and for a surface, and how far outside, of a place at depth z before all."""
    votes = fusion.depth_votes(views, torch.tensor([[1.0, 1.0, z]]), voxel=0.1, margin=0.05, reach=reach)
    return float(votes.free), float(votes.hits), None if votes.outside is None else float(votes.outside)


@pytest.mark.usefixtures("native_too")
@pytest.mark.parametrize("native_too", [pytest.param(True, marks=needs_native), False], indirect=True)
class TestRule:
    def test_a_vote_counts_as_much_as_it_is_trusted_and_one_at_most(self) -> None:
        views = wall_views([3.0, 3.0, 3.0, 1.3, 1.3], trust=of_maps([0.25, 0.5, 7.0, 0.75, -2.0]))
        assert votes_at(views, 1.3)[:2] == (1.75, 0.75)

    def test_what_is_not_sure_sees_a_surface_farther_off(self) -> None:
        # 2 voxels of 0.1 and two sigma: 0.3 and 0.9; without sigma the margin of 0.05.
        views = wall_views([1.6, 1.6, 0.0], sigma=of_maps([0.05, 0.35, 0.01]))
        assert votes_at(views, 1.25)[:2] == (1.0, 1.0)
        assert votes_at(wall_views([1.6, 1.6, 0.0]), 1.25)[:2] == (2.0, 0.0)
        assert votes_at(wall_views([1.6, 1.6, 0.0]), 1.25, reach=0.31)[:2] == (0.0, 2.0)
        assert votes_at(wall_views([1.6, 1.6, 0.0]), 1.7)[:2] == (0.0, 0.0)  # behind it

    def test_a_mask_is_certain_where_the_whole_ball_lies_off_it(self) -> None:
        # 2 pixels off the outline are 0.5 at z = 2, for the lens has 8 pixels; depth there says nothing.
        views = wall_views([3.0, 0.0, 2.0], outline=of_maps([2.0, 2.0, -4.0]))
        assert votes_at(views, 2.0, reach=0.4) == (8.0, 1.0, pytest.approx(0.5, abs=0.01))
        assert votes_at(views, 2.0, reach=0.6) == (1.0, 1.0, pytest.approx(0.5, abs=0.01))

    def test_a_place_that_no_view_shows_is_neither_inside_nor_outside(self) -> None:
        views = wall_views([3.0, 3.0], outline=of_maps([2.0, -2.0]))
        votes = fusion.depth_votes(views, torch.tensor([[1.0, 1.0, -1.0], [90.0, 1.0, 1.0]]), 0.1, 0.1)
        assert votes.free.tolist() == votes.hits.tolist() == [0.0, 0.0]
        assert votes.outside is not None and votes.outside.tolist() == [-math.inf, -math.inf]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("what", ["sigma", "trust", "outline"])
def test_what_is_no_number_is_survived(value: float, what: str) -> None:
    views = voting_views(4)
    getattr(views, what)[1] = value
    votes = fusion.depth_votes(views, 2.0 * torch.rand(500, 3), 0.02, 0.05)
    assert torch.isfinite(votes.free).all() and torch.isfinite(votes.hits).all()


def test_shapes_and_lengths_are_checked() -> None:
    views = sphere_views(2)
    for name in ("sigma", "trust", "outline"):
        with pytest.raises(ValueError, match=name):
            fusion.DepthViews(*views.tensors(), **{name: views.depth[:1]})
    for name in ("margin", "reach"):
        with pytest.raises(ValueError, match=name):
            fusion.depth_votes(views, torch.zeros(1, 3), 0.1, **{"margin": 0.1, name: -1.0})
