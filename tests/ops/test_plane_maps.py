"""Maps of planes: from depth and back, to a finer picture, and which pictures agree."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.plane_maps import (
    consistent_views,
    depth_and_normal,
    fit_planes,
    planes_of,
    upsample_planes,
)
from neurfield.ops.stereo_pictures import StereoPictures
from tests.ops.stereo_planes import normals_of, plane_normal, true_planes, views_of_a_plane

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels here")
SOURCES = torch.tensor([[1, 2, -1, 3], [0, 2, 3, 4], [0, 1, -1, -1], [-1, -1, -1, -1], [0, 1, 2, 3]])


def rough_depth(depth: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(6)
    noisy = depth * (1.0 + 0.006 * torch.randn(depth.shape, generator=generator))
    return torch.where(torch.rand(depth.shape, generator=generator) < 0.15, torch.zeros_like(depth), noisy)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_depth_and_normals_of_planes_and_back(dtype: torch.dtype) -> None:
    focal, tilt = 60.0, 55.0
    pictures, depths = views_of_a_plane(tilt, (21, 33), focal)
    planes = true_planes(depths[0], tilt, focal)[None].to(dtype)
    planes[0, 2, 3] = 0.0
    depth, normal = depth_and_normal(planes, pictures.lens[:1])
    assert depth[0, 2, 3] == 0.0 and (normal[0, 2, 3] == 0.0).all()
    known = planes[..., 0] > 0
    torch.testing.assert_close(depth[known].double(), 1.0 / planes[..., 0][known].double())
    assert (normal[known].double() @ plane_normal(tilt) > 1.0 - 1e-5).all()
    assert (normal[0].double() - normals_of(planes[0], focal))[known[0]].abs().max() < 1e-3
    back = planes_of(depth, -normal, pictures.lens[:1])  # either sign
    torch.testing.assert_close(back[known], planes[known], rtol=1e-4, atol=1e-6)
    edge = planes_of(depth, torch.zeros_like(normal), pictures.lens[:1])
    assert torch.equal(edge[..., 0], back[..., 0]) and (edge[..., 1:] == 0.0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slopes_are_fitted_within_one_surface(dtype: torch.dtype) -> None:
    v, u = torch.meshgrid(torch.arange(19, dtype=dtype), torch.arange(37, dtype=dtype), indexing="ij")
    left, right = 0.5 + 0.004 * u - 0.003 * v, 1.0 - 0.002 * u + 0.006 * v
    w = torch.where(u < 18, left, right)[None]
    w[0, 5, 7], w[0, 9, 30] = 0.0, 0.0
    planes = fit_planes(w, radius=3)
    assert torch.equal(planes[..., 0], w)
    known = w[0] > 0
    slopes = torch.where((u < 18)[..., None], torch.tensor([0.004, -0.003]), torch.tensor([-0.002, 0.006]))
    torch.testing.assert_close(planes[0, ..., 1:][known], slopes[known].to(dtype), rtol=0, atol=1e-5)
    assert (planes[0, ~known] == 0.0).all()


@needs_native
@pytest.mark.parametrize("shape", [(0, 4, 4), (1, 1, 1), (2, 13, 35), (1, 3, 16)])
def test_kernels_fit_and_carry_planes_as_specified(shape: tuple[int, int, int]) -> None:
    n, h, w = shape
    generator = torch.Generator().manual_seed(h)
    inverse = 0.5 + 0.03 * torch.rand(n, h, w, generator=generator)
    inverse[torch.rand(n, h, w, generator=generator) < 0.2] = 0.0
    planes = fit_planes(inverse)
    torch.testing.assert_close(planes.double(), fit_planes(inverse.double()), rtol=1e-4, atol=1e-6)
    for odd in (0, 1):
        grey = torch.randint(0, 256, (n, h, w), generator=generator, dtype=torch.uint8)
        finer = torch.randint(0, 256, (n, 2 * h + odd, 2 * w + odd), generator=generator, dtype=torch.uint8)
        fine = upsample_planes(planes, grey, finer)
        assert fine.shape == (*finer.shape, 3)
        torch.testing.assert_close(
            fine.double(), upsample_planes(planes.double(), grey, finer), rtol=1e-5, atol=1e-6
        )


def test_a_finer_picture_keeps_planes_exact_and_edges_sharp() -> None:
    h, w = 12, 16
    v, u = torch.meshgrid(torch.arange(2 * h) + 0.5, torch.arange(2 * w) + 0.5, indexing="ij")
    bright = u > 15  # an edge through the middle of a coarse pixel
    fine = torch.where(bright, 1.0 - 0.003 * u + 0.002 * v, 0.4 + 0.001 * u)
    slopes = torch.where(bright[..., None], torch.tensor([-0.003, 0.002]), torch.tensor([0.001, 0.0]))
    finer = torch.where(bright, 200, 40).to(torch.uint8)[None]
    coarse = (v[:h, :w] * 2, u[:h, :w] * 2)
    on_right = coarse[1] > 15
    planes = torch.stack(
        [
            torch.where(on_right, 1.0 - 0.003 * coarse[1] + 0.002 * coarse[0], 0.4 + 0.001 * coarse[1]),
            torch.where(on_right, -0.006, 0.002),
            torch.where(on_right, 0.004, 0.0),
        ],
        dim=-1,
    )[None]
    grey = torch.where(on_right, 200, 40).to(torch.uint8)[None]
    found = upsample_planes(planes, grey, finer)
    torch.testing.assert_close(found[0, ..., 0], fine, rtol=1e-5, atol=0)
    torch.testing.assert_close(found[0, ..., 1:], slopes, rtol=0, atol=1e-7)
    planes[0, 4, 5] = 0.0  # a hole of one pixel is filled by its neighbours
    assert (upsample_planes(planes, grey, finer)[..., 0] > 0).all()


def by_hand(pictures: StereoPictures, depth: Tensor, r: int, row: int, column: int) -> tuple[int, float]:
    """Sources that agree with one pixel and the mean angle, one step after another."""
    h, w = depth.shape[1:]

    def point(i: int, u: float, v: float, z: float) -> Tensor:
        fx, fy, cx, cy = pictures.lens[i].tolist()
        in_camera = torch.tensor([(u - cx) / fx * z, (v - cy) / fy * z, z, 1.0], dtype=torch.float64)
        return torch.linalg.inv(pictures.cam_from_world[i]) @ in_camera

    def place(i: int, world: Tensor) -> tuple[float, float, float]:
        x, y, z, _ = (pictures.cam_from_world[i] @ world).tolist()
        fx, fy, cx, cy = pictures.lens[i].tolist()
        return fx * x / z + cx, fy * y / z + cy, z

    def centre(i: int) -> Tensor:
        return torch.linalg.inv(pictures.cam_from_world[i])[:3, 3]

    z = float(depth[r, row, column])
    angles = []
    for s in SOURCES[r].tolist():
        if s < 0 or z == 0:
            continue
        world = point(r, column + 0.5, row + 0.5, z)
        u, v, expected = place(s, world)
        if expected <= 0 or not (0 <= u < w and 0 <= v < h):
            continue
        x, y = min(max(u - 0.5, 0), w - 1), min(max(v - 0.5, 0), h - 1)
        j, i = int(x), int(y)
        j1, i1 = min(j + 1, w - 1), min(i + 1, h - 1)
        four = [float(depth[s, a, b]) for a, b in ((i, j), (i, j1), (i1, j), (i1, j1))]
        there = float(depth[s, int(v), int(u)])
        if min(four) > 0 and max(four) <= 1.03 * min(four):
            a, b = x - j, y - i
            shares = ((1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b)
            there = 1.0 / sum(share / d for share, d in zip(shares, four))
        if there == 0:
            continue
        back_u, back_v, back_z = place(r, point(s, u, v, there))
        error = math.hypot(back_u - column - 0.5, back_v - row - 0.5)
        if back_z > 0 and error <= 1.0 and abs(there - expected) <= 0.01 * expected:
            one, two = world[:3] - centre(r), world[:3] - centre(s)
            angles.append(math.degrees(math.acos(float(one @ two / one.norm() / two.norm()))))
    return len(angles), sum(angles) / max(len(angles), 1)


def test_views_agree_as_counted_by_hand() -> None:
    pictures, depth = views_of_a_plane(50.0, (15, 22), 22.0)
    depth = rough_depth(depth)
    count, angle = consistent_views(pictures, depth, SOURCES)
    different = 0
    for r in range(5):
        for row in range(15):
            for column in range(22):
                views, mean = by_hand(pictures, depth, r, row, column)
                if views == int(count[r, row, column]):
                    assert abs(mean - float(angle[r, row, column])) < 0.01
                else:
                    different += 1  # a point on the limit may round either way
    assert different <= 2
    assert count.max() == 4 and (count[3] == 0).all() and (count[2] <= 2).all() and (count == 0).any()


@needs_native
@pytest.mark.parametrize("size", [(1, 1), (5, 40), (23, 17)])
def test_the_kernel_counts_as_specified(size: tuple[int, int]) -> None:
    pictures, depth = views_of_a_plane(50.0, size, 30.0)
    depth = rough_depth(depth)
    count, angle = consistent_views(pictures, depth, SOURCES)
    expected, expected_angle = consistent_views(pictures, depth.double(), SOURCES)
    same = count == expected
    assert same.float().mean() > 0.995
    torch.testing.assert_close(angle[same].double(), expected_angle[same], rtol=0, atol=0.01)
    nothing = consistent_views(pictures, depth, SOURCES[:, :0])
    assert (nothing[0] == 0).all() and (nothing[1] == 0).all()


def test_wide_angles_are_measured_too() -> None:
    """Two cameras that face each other's side: 90 degrees and more between their rays."""
    for degrees in (30.0, 90.0, 150.0):
        turn = math.radians(degrees)
        pose = torch.eye(4, dtype=torch.float64).repeat(2, 1, 1)
        pose[:, 2, 3] = 2.0  # the origin lies 2 ahead of both
        pose[1, :3, :3] = torch.tensor(
            [[math.cos(turn), 0, -math.sin(turn)], [0, 1, 0], [math.sin(turn), 0, math.cos(turn)]]
        )
        lens = torch.tensor([[9.0, 9.0, 2.5, 1.5]]).repeat(2, 1)
        pictures = StereoPictures(torch.zeros(2, 3, 5, dtype=torch.uint8), lens, pose)
        depth = torch.zeros(2, 3, 5)
        depth[:, 1, 2] = 2.0
        count, angle = consistent_views(pictures, depth, torch.tensor([[1], [0]]))
        assert count[0, 1, 2] == 1 and abs(float(angle[0, 1, 2]) - degrees) < 0.01


def test_what_does_not_fit_is_named() -> None:
    pictures, depth = views_of_a_plane(50.0, (8, 10), 20.0)
    planes, grey = torch.zeros(5, 8, 10, 3), pictures.grey
    with pytest.raises(ValueError, match="depth must be float"):
        consistent_views(pictures, depth[1:], SOURCES)
    with pytest.raises(ValueError, match="sources names a picture that is not among the 5"):
        consistent_views(pictures, depth, SOURCES + 1)
    with pytest.raises(ValueError, match="sources must be int64"):
        consistent_views(pictures, depth, SOURCES[:2])
    with pytest.raises(ValueError, match=r"lens must be \[5, 4\]"):
        depth_and_normal(planes, pictures.lens[:2])
    with pytest.raises(ValueError, match="normal must be"):
        planes_of(depth, planes[:2], pictures.lens)
    with pytest.raises(ValueError, match="finer must be uint8"):
        upsample_planes(planes, grey, grey)
    with pytest.raises(ValueError, match="radius must be 1 to 10"):
        fit_planes(depth, radius=0)
