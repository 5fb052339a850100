"""Distances and winding numbers of meshes: native against every triangle, and against known shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor

from neurfield.ops import TriangleTree, native
from neurfield.ops.reference import triangle_tree as reference

NATIVE = pytest.mark.skipif(not hasattr(native.module, "TriangleTree"), reason="no native kernels")


def corners_of(mesh: trimesh.Trimesh) -> Tensor:
    return torch.from_numpy(np.array(mesh.triangles)).float()


def soup(count: int, seed: int = 0) -> Tensor:
    """Triangles anywhere, some of them lines and points."""
    generator = torch.Generator().manual_seed(seed)
    middle = torch.rand(count, 1, 3, generator=generator) * 2.0 - 1.0
    corners = middle + 0.2 * torch.randn(count, 3, 3, generator=generator)
    corners[: count // 10, 2] = 0.5 * (corners[: count // 10, 0] + corners[: count // 10, 1])
    corners[: count // 20] = corners[: count // 20, :1]
    return corners


def around(count: int, seed: int = 1) -> Tensor:
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(seed)) * 4.0 - 2.0


@NATIVE
@pytest.mark.parametrize("faces", [1, 2, 6, 7, 63, 1000])
@pytest.mark.parametrize("points", [0, 1, 513])
def test_native_is_the_reference(faces: int, points: int) -> None:
    corners, x = soup(faces), around(points)
    tree = TriangleTree(corners)
    found = tree.nearest(x)
    expected = reference.nearest(corners.double(), x.double())
    torch.testing.assert_close(found.distance.double(), expected[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close((found.point - x).norm(dim=1), found.distance, rtol=1e-4, atol=1e-6)
    if points:  # the point lies on the triangle that is named
        own = torch.stack([reference.nearest(corners[f : f + 1], p[None])[0] for f, p in zip(found.face, x)])
        torch.testing.assert_close(own[:, 0], found.distance, rtol=1e-4, atol=1e-5)
    exact = reference.winding(corners.double(), x.double())
    torch.testing.assert_close(tree.winding(x, beta=1e9).double(), exact, rtol=0, atol=1e-6)


@NATIVE
def test_nodes_seen_from_afar_err_little_and_less_the_farther() -> None:
    corners, x = corners_of(trimesh.creation.torus(0.7, 0.25, 48, 24)), around(2000)
    exact = reference.winding(corners.double(), x.double())
    tree = TriangleTree(corners)
    errors = [float((tree.winding(x, beta).double() - exact).abs().max()) for beta in (1.5, 2.0, 4.0)]
    assert errors[0] > errors[1] > 10.0 * errors[2] and errors[1] < 6e-3  # of third order: 2^4
    assert errors[0] > 1e-7  # afar is not exact


@NATIVE
def test_other_dtypes_and_rows_apart_are_taken() -> None:
    corners, x = soup(50), around(40)
    apart = torch.zeros(40, 5)
    apart[:, 1:4] = x
    whole, part = TriangleTree(corners).nearest(x), TriangleTree(corners).nearest(apart[:, 1:4])
    assert torch.equal(whole.distance, part.distance)
    in_double = TriangleTree(corners.double()).nearest(x.double())
    assert in_double.distance.dtype == torch.float64
    torch.testing.assert_close(in_double.distance.float(), whole.distance, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_ball_is_known(dtype: torch.dtype) -> None:
    tree = TriangleTree(corners_of(trimesh.creation.icosphere(3, 0.8)).to(dtype))
    x = around(300).to(dtype)
    radius = x.norm(dim=1)
    found = tree.nearest(x)
    torch.testing.assert_close(found.distance, (radius - 0.8).abs(), rtol=0, atol=0.01)
    clear = (radius - 0.8).abs() > 0.02
    inside = tree.winding(x)[clear]
    torch.testing.assert_close(inside, (radius[clear] < 0.8).to(dtype), rtol=0, atol=6e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_on_the_mesh_is_at_no_distance(dtype: torch.dtype) -> None:
    corners = soup(30).to(dtype)
    weights = torch.rand(30, 3, 1, generator=torch.Generator().manual_seed(3)).to(dtype)
    on = (corners * weights / weights.sum(dim=1, keepdim=True)).sum(dim=1)
    assert float(TriangleTree(corners).nearest(on).distance.max()) < 1e-6
    assert float(TriangleTree(corners).nearest(corners[:, 1]).distance.max()) < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_turned_mesh_winds_the_other_way_and_half_a_ball_half_way(dtype: torch.dtype) -> None:
    corners = corners_of(trimesh.creation.icosphere(3)).to(dtype)
    middle = torch.zeros(1, 3, dtype=dtype)
    assert float(TriangleTree(corners.flip(1)).winding(middle)) == pytest.approx(-1.0, abs=6e-3)
    half = corners[corners.mean(dim=1)[:, 2] > 0.0]
    assert float(TriangleTree(half).winding(middle)) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_points_that_are_no_numbers_have_no_nearest(dtype: torch.dtype) -> None:
    x = torch.tensor([[torch.nan, 0, 0], [0.0, 0, 0], [0, torch.inf, 0]], dtype=dtype)
    found = TriangleTree(soup(20).to(dtype)).nearest(x)
    assert found.distance.isnan().tolist() == [True, False, True]
    assert found.point.isnan().all(dim=1).tolist() == [True, False, True] and int(found.face[0]) == 0


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"corners must be \[F, 3, 3\]"):
        TriangleTree(torch.zeros(0, 3, 3))
    with pytest.raises(ValueError, match="not finite"):
        TriangleTree(torch.full((1, 3, 3), torch.nan))
    with pytest.raises(ValueError, match=r"points must be \[N, 3\]"):
        TriangleTree(soup(3)).nearest(torch.zeros(4, 2))
