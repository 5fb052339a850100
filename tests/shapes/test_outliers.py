"""Points off any surface are found; what is sparse, thin, uneven or small is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from neurfield.shapes import Shape, mend, mesh_of_cloud, outliers, read_shape
from tests.shapes.known_clouds import SHAPES, noisy, plate, sphere, torus


def spoiled(points: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Points with others anywhere in a somewhat larger box, and which these are."""
    random = np.random.default_rng(8)
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.maximum(high - low, 0.5 * (high - low).max())
    count = int(len(points) * share)
    stray = 0.5 * (low + high) + 1.2 * size * random.uniform(-0.5, 0.5, (count, 3))
    order = random.permutation(len(points) + count)
    return np.concatenate([points, stray])[order], (np.arange(len(points) + count) >= len(points))[order]


def floor(count: int, size: float) -> np.ndarray:
    """Points on a square of that size."""
    return np.random.default_rng(9).uniform([0.0, 0.0, 0.0], [size, size, 0.0], (count, 3))


def leaves() -> np.ndarray:
    """A floor, and a crown that fills some space above it, three times as far apart."""
    crown = np.random.default_rng(10).normal(size=(200, 3)) * 1.5 + [20.0, 20.0, 6.0]
    return np.concatenate([floor(20_000, 40.0), crown])


def wire() -> np.ndarray:
    """A floor, and few points along a wire above it."""
    along = np.linspace(0.0, 40.0, 120)
    return np.concatenate([floor(20_000, 40.0), np.stack([along, 20.0 + 0.0 * along, 8.0 + 0.0 * along], 1)])


def scanned_from_one_place() -> np.ndarray:
    """A floor whose points lie a hundred times as dense near its middle as at its end."""
    random = np.random.default_rng(11)
    radius, turn = 10.0 ** random.uniform(0.0, 2.0, 20_000), random.uniform(0.0, 2.0 * np.pi, 20_000)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), 0.1 * np.sin(radius)], axis=1)


def two_densities() -> np.ndarray:
    """A ball, and one beside it with a hundredth of its points."""
    return np.concatenate([sphere(20_000, 1)[0], sphere(200, 2, (4.0, 0.0, 0.0))[0]])


def scan_lines() -> np.ndarray:
    """A half ball by lines, along which points lie fifty times as dense as across."""
    turn, rise = np.meshgrid(np.linspace(0.0, 2.0 * np.pi, 2_000), np.linspace(0.0, 1.4, 15))
    axes = (np.cos(turn) * np.cos(rise), np.sin(turn) * np.cos(rise), np.sin(rise))
    return np.unique(np.stack(axes, axis=-1).reshape(-1, 3), axis=0)


UNUSUAL: dict[str, Callable[[], np.ndarray]] = {
    "leaves": leaves, "wire": wire, "one place": scanned_from_one_place, "two densities": two_densities,
    "thin": lambda: plate(20_000, 0.01)[0], "few": lambda: sphere(60)[0],
    "border": lambda: floor(5_000, 1.0), "lines": scan_lines,
}  # fmt: skip


@pytest.mark.parametrize("share", [0.0, 0.0025])
@pytest.mark.parametrize("name", sorted(SHAPES))
def test_of_a_surface_next_to_nothing_is_left_out(name: str, share: float) -> None:
    for count in (1_000, 10_000):
        assert outliers(noisy(SHAPES[name](count)[0], share)[0]).mean() < 1e-3


@pytest.mark.parametrize("name", sorted(UNUSUAL))
def test_what_is_sparse_thin_or_uneven_is_kept(name: str) -> None:
    assert outliers(UNUSUAL[name]()).mean() < 1e-3


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("name", ["torus", "two spheres", "plate"])
def test_what_lies_anywhere_is_found(name: str, share: float) -> None:
    true = SHAPES[name](10_000)[0]
    points, stray = spoiled(true, share)
    found = outliers(points)
    assert found[~stray].mean() < 2e-3
    tree = cKDTree(true)
    apart = float(np.median(tree.query(true[:500], 9)[0][:, 8]))
    far = stray & (tree.query(points)[0] > 4.0 * apart)
    assert found[far].mean() > 0.95


def test_neither_unit_nor_place_nor_order_matters() -> None:
    points, _ = spoiled(torus(5_000)[0], 0.05)
    found = outliers(points)
    assert found.any()
    np.testing.assert_array_equal(outliers(points * 1e-6), found)
    moved = outliers(points * 1e3 + [5e5, 5e6, 100.0])
    assert (moved != found).mean() < 1e-3  # the last digits of UTM coordinates
    order = np.random.default_rng(1).permutation(len(points))
    np.testing.assert_array_equal(outliers(points[order]), found[order])


def test_without_a_surface_nothing_is_left_out() -> None:
    fog = np.random.default_rng(2).uniform(size=(5_000, 3))
    assert not outliers(fog).any() and not outliers(np.zeros((0, 3))).any()
    assert not outliers(spoiled(sphere(5_000)[0], 2.0)[0]).any()


def test_they_are_left_out_with_what_belongs_to_them_and_said(tmp_path: Path) -> None:
    points, stray = spoiled(torus(5_000)[0], 0.05)
    colors = np.repeat(np.where(stray, 255, 7).astype(np.uint8)[:, None], 3, axis=1)
    np.savez(tmp_path / "cloud.npz", points=points, colors=colors)
    shape = read_shape(tmp_path / "cloud.npz")
    gone = len(points) - len(shape.vertices)
    assert 0 < gone == outliers(points).sum()
    assert shape.colors is not None and (shape.colors == 255).all(axis=1).sum() == stray.sum() - gone
    (note,) = shape.notes
    assert note.startswith(f"{gone:,} outliers left out") and "--keep-outliers" in note
    kept = read_shape(tmp_path / "cloud.npz", keep_outliers=True)
    assert len(kept.vertices) == len(points) and not kept.notes


def test_a_single_point_far_off_does_not_spoil_the_rest() -> None:
    shape = mend(Shape("c", np.concatenate([torus(2_000)[0], [[1e7, 0.0, 0.0]]])))
    assert len(shape.vertices) == 2_000 and shape.diagonal < 5.0 and "1 outliers" in shape.notes[0]


def test_a_mesh_of_a_spoiled_cloud_is_one_piece_where_its_points_lie() -> None:
    points, _ = spoiled(torus(10_000)[0], 0.05)
    made = mesh_of_cloud(mend(Shape("c", points)).vertices)
    assert made.mesh.euler_number == 0 and made.crumbs > 0
    off = np.hypot(np.hypot(*made.mesh.vertices.T[:2]) - 1.0, made.mesh.vertices[:, 2]) - 0.35
    assert np.abs(off).mean() < 0.1 * made.voxel
    few = mesh_of_cloud(sphere(40)[0])
    assert few.crumbs == 0 and len(few.mesh.faces)
