"""Where Open3D is installed: voxels, ICP, crop and depth volumes are its own, as the benchmarks use them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from neurfield.evaluation.dense import voxel_means
from neurfield.evaluation.depth_volume import DepthVolume
from neurfield.evaluation.registration import icp, moved
from neurfield.evaluation.rendered_depth import DepthRenderer
from neurfield.evaluation.truth_files import read_crop
from neurfield.scenes import Cameras
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


def test_fused_depth_has_the_vertices_of_open3d(open3d: ModuleType) -> None:
    ball = trimesh.creation.icosphere(4, 0.3).apply_translation([0.1, 0.2, 1.0])
    wall = trimesh.creation.box((2.0, 2.0, 0.1)).apply_translation([0.0, 0.0, 1.6])
    mesh = trimesh.util.concatenate([ball, wall])
    poses = np.repeat(np.eye(4)[None], 3, axis=0)
    for k, pose in enumerate(poses):
        pose[:3, :3] = trimesh.transformations.rotation_matrix(0.2 * (k - 1), [0, 1, 0.3])[:3, :3]
        pose[:3, 3] = [0.4 * (1 - k), 0.05 * k, -0.1 * k]
    cameras = Cameras(poses, 150.0, 160.0, 99.0, 81.0, 200, 160)
    renderer = DepthRenderer(mesh, cameras)
    ours = DepthVolume(np.asarray(mesh.bounds), 0.01, 0.03)
    integration = open3d.pipelines.integration
    theirs = integration.ScalableTSDFVolume(
        voxel_length=0.01, sdf_trunc=0.03, color_type=integration.TSDFVolumeColorType.NoColor
    )
    for i, pose in enumerate(poses):
        depth = renderer.depth(i)
        ours.add(depth, pose, np.array([150.0, 160.0, 99.0, 81.0]))
        # Its first pixel's middle is at (0, 0).
        lens = open3d.camera.PinholeCameraIntrinsic(200, 160, 150.0, 160.0, 98.5, 80.5)
        grey = open3d.geometry.Image(np.zeros((160, 200, 3), np.uint8))
        image = open3d.geometry.RGBDImage.create_from_color_and_depth(
            grey,
            open3d.geometry.Image(depth),
            depth_scale=1.0,
            depth_trunc=5.0,
            convert_rgb_to_intensity=False,
        )
        theirs.integrate(image, lens, np.linalg.inv(pose))
    expected = np.asarray(theirs.extract_triangle_mesh().vertices)
    found = ours.vertices()
    # A depth between two pixels may round to either: single voxels differ.
    assert len(expected) > 10_000 and abs(len(found) - len(expected)) < 0.002 * len(expected)
    for one, other in ((found, expected), (expected, found)):
        away = cKDTree(one).query(other)[0]
        assert np.percentile(away, 99.5) < 1e-5
