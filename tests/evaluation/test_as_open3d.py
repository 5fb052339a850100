"""Where Open3D is installed: voxels, ICP and crop volumes are its own, as the benchmarks use them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from neurfield.evaluation.dense import voxel_means
from neurfield.evaluation.registration import icp, moved
from neurfield.evaluation.truth_files import read_crop
from tests.evaluation.test_registration import egg
from tests.evaluation.test_truth_files import crop_file

pytestmark = pytest.mark.slow  # seconds to import it


@pytest.fixture(scope="module")
def open3d() -> ModuleType:
    return pytest.importorskip("open3d")


def test_voxels_are_those_of_open3d(open3d: ModuleType) -> None:
    points = np.random.default_rng(0).random((5000, 3))
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
    theirs = np.asarray(cloud.voxel_down_sample(0.07).points)
    ours = voxel_means(points, 0.07)
    assert len(ours) == len(theirs)
    np.testing.assert_allclose(np.unique(ours, axis=0), np.unique(theirs, axis=0), atol=1e-12)


@pytest.mark.parametrize("reach", [12.0, 3.0, 1.0])
def test_icp_is_that_of_open3d_as_the_benchmarks_call_it(open3d: ModuleType, reach: float) -> None:
    target = np.asarray(trimesh.creation.icosphere(4, 50.0).vertices) * [1.0, 0.7, 0.4]
    away = trimesh.transformations.rotation_matrix(0.05, [0, 1, 1])
    away[:3, 3] = 1.0, 2.0, 0.5
    source = moved(egg(), away)
    registration = open3d.pipelines.registration
    clouds = [open3d.geometry.PointCloud(open3d.utility.Vector3dVector(p)) for p in (source, target)]
    theirs = registration.registration_icp(
        *clouds,
        reach,
        np.eye(4),
        registration.TransformationEstimationPointToPoint(True),
        registration.ICPConvergenceCriteria(1e-6, 50),
    )
    np.testing.assert_allclose(icp(source, cKDTree(target), reach), theirs.transformation, atol=1e-9)


@pytest.mark.parametrize("axis", ["X", "Y", "Z"])
def test_crops_are_those_of_open3d(open3d: ModuleType, tmp_path: Path, axis: str) -> None:
    rng = np.random.default_rng(ord(axis))
    points = rng.random((3000, 3))
    path = crop_file(
        tmp_path / "Barn.json", orthogonal_axis=axis, axis_min=0.2, axis_max=0.8,
        bounding_polygon=rng.random((8, 3)).tolist(), class_name="SelectionPolygonVolume",
        version_major=1, version_minor=0,
    )  # fmt: skip
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
    theirs = open3d.visualization.read_selection_polygon_volume(str(path)).crop_point_cloud(cloud)
    assert 0 < len(theirs.points) < len(points)
    np.testing.assert_array_equal(points[read_crop(path).holds(points)], np.asarray(theirs.points))
