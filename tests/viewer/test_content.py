"""What is shown of a mesh, a run, a scene."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.report.viewpoints import look_at
from neurfield.scenes import Cameras
from neurfield.viewer.content import box_edges, content_of
from neurfield.viewer.layers import NAMES, Layer, Lines, Pictures, Points, Triangles
from neurfield.viewer.seen import camera_pyramids, picture_quads
from tests.scenes.tiny_scenes import grey, ring_cameras, write_transforms
from tests.slices.structure_set import write_structure_set


def two_cameras() -> Cameras:
    up = np.array([0.0, 0.0, 1.0])
    poses = [look_at(np.array(eye, float), np.zeros(3), up).world_from_cam for eye in ([3, 0, 1], [0, 4, 0])]
    n = np.ones(2)
    return Cameras(
        np.stack(poses), 100 * n, 120 * n, 50 * n, 30 * n, np.array([100, 100]), np.array([60, 60])
    )


def test_pyramids_are_what_the_cameras_see() -> None:
    cameras = two_cameras()
    lines = camera_pyramids(cameras, 0.2).reshape(2, 8, 2, 3)
    for i in range(2):
        assert lines[i, :4, 0] == pytest.approx(np.tile(cameras.centers[i], (4, 1)))
        corners, depth = cameras.project(i, lines[i, :4, 1])
        assert depth == pytest.approx(np.full(4, 0.2))
        assert corners == pytest.approx(np.array([[0, 0], [100, 0], [100, 60], [0, 60]]), abs=1e-6)
        assert lines[i, 4:, 0] == pytest.approx(lines[i, :4, 1])  # around the picture


def test_box_has_twelve_edges_along_the_axes() -> None:
    box = np.array([[0.0, 1, 2], [3, 5, 9]])
    edges = box_edges(box)
    lengths = np.abs(edges[:, 1] - edges[:, 0])
    assert sorted(lengths.sum(axis=1)) == [3] * 4 + [4] * 4 + [7] * 4
    assert ((lengths > 0).sum(axis=1) == 1).all()
    assert edges.min(axis=(0, 1)) == pytest.approx(box[0]) and edges.max(axis=(0, 1)) == pytest.approx(box[1])


@pytest.fixture
def ball_file(tmp_path: Path) -> Path:
    path = tmp_path / "ball.ply"
    trimesh.creation.icosphere().export(path)
    return path


def test_mesh_file(ball_file: Path) -> None:
    content = content_of(ball_file)
    assert content.surface is not None and len(content.surface.faces) == 1280
    assert content.kind == "outside" and [layer.name for layer in content.layers] == ["surface"]


def test_a_layer_is_made_once_when_it_is_asked_for() -> None:
    calls = []
    layer = Layer("points", lambda: calls.append(1) or Points(np.zeros((1, 3)), np.zeros((1, 3), np.uint8)))
    assert not layer.made and not calls
    assert layer.geometry is layer.geometry and layer.made and calls == [1]
    assert [Layer(name, lambda: layer.geometry).key for name in NAMES] == list("123456789g")


def test_points_are_shown_as_points_with_their_colours(tmp_path: Path) -> None:
    path = tmp_path / "cloud.ply"
    colors = np.tile(np.uint8([10, 200, 30, 255]), (50, 1))
    trimesh.PointCloud(np.random.default_rng(0).normal(size=(50, 3)), colors=colors).export(path)
    (layer,) = content_of(path).layers
    assert layer.name == "points" and isinstance(layer.geometry, Points)
    assert len(layer.geometry.places) == 50 and (layer.geometry.colors == [10, 200, 30]).all()


def test_pictures_lie_in_the_rims_of_their_cameras() -> None:
    cameras = two_cameras()
    images = [np.full((60, 100, 3), value, np.uint8) for value in (10, 200)]
    pictures = picture_quads(cameras, 0.2, np.array([0, 1]), lambda i: images[i])
    assert isinstance(pictures, Pictures) and [int(image.mean()) for image in pictures.images] == [10, 200]
    for i in range(2):
        corners, _ = cameras.project(i, pictures.quads[i])
        assert corners == pytest.approx(np.array([[0, 0], [100, 0], [100, 60], [0, 60]]), abs=1e-3)


def test_a_room_s_file_alone_is_looked_into(ball_file: Path) -> None:
    ball = trimesh.load(ball_file, process=False)
    ball.invert()
    ball.export(ball_file)
    assert content_of(ball_file).kind == "inside"


def test_a_mesh_that_is_nowhere_or_a_point(tmp_path: Path) -> None:
    for name, vertices, said in (
        ("nan.ply", np.full((3, 3), np.nan), "finite"),
        ("point.ply", np.ones((3, 3)), "one place"),
    ):
        trimesh.Trimesh(vertices, [[0, 1, 2]], process=False).export(tmp_path / name)
        with pytest.raises(UserError, match=said):
            content_of(tmp_path / name)


def test_normals_of_the_file_are_those_that_are_lit(ball_file: Path) -> None:
    """A PLY of ours holds the field's, which are smoother than those of its triangles."""
    ball = trimesh.load(ball_file, process=False)
    turned = np.roll(ball.vertex_normals, 1, axis=1)
    written = trimesh.Trimesh(ball.vertices, ball.faces, vertex_normals=turned, process=False)
    ball_file.write_bytes(trimesh.exchange.ply.export_ply(written, vertex_normal=True))
    surface = content_of(ball_file).surface
    assert isinstance(surface, Triangles)
    np.testing.assert_allclose(surface.normals, turned, atol=1e-5)


def test_neither_run_nor_mesh_nor_scene(tmp_path: Path) -> None:
    for target in (tmp_path / "none.ply", tmp_path, "no-such-scene"):
        with pytest.raises(UserError):
            content_of(target)


def test_run_without_a_mesh_says_how_to_get_one(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(
        json.dumps({"schema": 1, "scene": "x", "kind": "inside", "box": [[0] * 3, [1] * 3]})
    )
    with pytest.raises(UserError, match="neurfield mesh"):
        content_of(tmp_path)


def test_damaged_run(tmp_path: Path, ball_file: Path) -> None:
    ball_file.rename(tmp_path / "mesh.ply")
    (tmp_path / "run.json").write_text('{"scene": ')
    with pytest.raises(UserError, match=r"run\.json"):
        content_of(tmp_path)


def test_what_lies_far_from_zero_is_drawn_near_it(ball_file: Path) -> None:
    """Screens count in float32: at UTM a ball would be drawn as slices."""
    utm = np.array([552345.25, 5412345.5, 312.0])
    ball = trimesh.load(ball_file, process=False).apply_translation(utm)
    ball.export(ball_file.with_suffix(".obj"))
    near, far = content_of(ball_file), content_of(ball_file.with_suffix(".obj"))
    assert near.surface is not None and far.surface is not None
    assert np.abs(far.surface.vertices).max() < 10.0 and np.abs(far.box).max() < 10.0
    sides = [np.ptp(triangles.vertices, axis=0) for triangles in (near.surface, far.surface)]
    np.testing.assert_allclose(sides[1], sides[0], atol=1e-6)
    world = far.surface.vertices + far.origin
    np.testing.assert_allclose(world.min(axis=0), ball.vertices.min(axis=0), atol=1e-6)


def test_a_scene_stands_as_it_says(tmp_path: Path) -> None:
    cameras = ring_cameras(np.zeros(3), count=6)
    write_transforms(tmp_path / "scene", cameras, {"fl_x": 40.0, "up": [0.0, 0.6, 0.8]}, grey)
    content = content_of(str(tmp_path / "scene"))
    np.testing.assert_allclose(content.up, [0.0, 0.6, 0.8])
    assert [layer.name for layer in content.layers] == ["cameras", "pictures", "box"]
    pictures = content.layer("pictures")
    assert pictures is not None and isinstance(pictures.geometry, Pictures)
    assert len(pictures.geometry.images) == 6


def test_contours_are_lines_in_their_box(tmp_path: Path) -> None:
    from neurfield.slices import Contour, Plane, Slice, Slices, write_csl

    square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    slices = [Slice(Plane.of([0, 0, 1.0], 5e6 + z), (Contour(square),), int(z)) for z in (1.0, 2.0)]
    write_csl(Slices("two", tuple(slices)), tmp_path / "two.csl")
    content = content_of(tmp_path / "two.csl")
    layer = content.layer("points")
    assert layer is not None and layer.on and layer.words == "contours"
    assert isinstance(layer.geometry, Lines) and layer.geometry.ends.shape == (8, 2, 3)
    assert np.abs(layer.geometry.ends).max() < 10.0 and "2 parallel planes" in content.notes[0]


def test_dicom_needs_no_ending(tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    lines = [np.column_stack([square, np.full(4, z)]) for z in (0.0, 3.0)]
    write_structure_set(tmp_path / "structures.dcm", {"Liver": lines})
    content = content_of((tmp_path / "structures.dcm").rename(tmp_path / "RS0001"))
    layer = content.layer("points")
    assert layer is not None and isinstance(layer.geometry, Lines) and len(layer.geometry.ends) == 8


def test_cameras_that_are_not_shown_need_no_room(tmp_path: Path) -> None:
    """An object is small among its cameras, and fills the picture without them."""
    write_transforms(tmp_path / "scene", ring_cameras(np.zeros(3)), {"fl_x": 40.0}, grey)
    content = content_of(tmp_path / "scene")
    near, far = content.viewpoint(1.6, alone=True), content.viewpoint(1.6)
    middle = content.box.mean(axis=0)
    assert content.kind == "outside"
    assert np.linalg.norm(near.eye - middle) < 0.9 * np.linalg.norm(far.eye - middle)
