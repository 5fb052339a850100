"""What a .glb says to viewers that take glTF at its word."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from neurfield.errors import UserError
from neurfield.report.mesh_file import read_mesh
from neurfield.report.shade import vertex_colors_of
from neurfield.shapes import read_shape
from neurfield.surface_file import read_surface
from neurfield.surfaces import save_mesh
from neurfield.surfaces.glb import upright

UTM = np.array([552345.25, 5412345.5, 312.0])


def tree_of(path: Path) -> dict:
    content = path.read_bytes()
    return json.loads(content[20 : 20 + int.from_bytes(content[12:16], "little")])


@pytest.fixture
def ball() -> trimesh.Trimesh:
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.5).apply_translation([1.0, -2.0, 3.0])
    ball.visual.vertex_colors = np.random.default_rng(0).integers(0, 256, (len(ball.vertices), 4), np.uint8)
    return ball


@pytest.fixture
def painted() -> trimesh.Trimesh:
    sheet = trimesh.Trimesh(
        [[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]], process=False
    )
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:32, :32], picture[32:, 32:] = (200, 30, 30), (30, 30, 200)
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(picture))
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=float)
    sheet.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    return sheet


@pytest.mark.parametrize("up", [[0, 0, 1], [0, 1, 0], [0, -1, 0], [1, 0, 0], [0.3, -0.5, 0.81]])
@pytest.mark.parametrize("shift", [np.zeros(3), UTM])
def test_up_becomes_y_without_a_mirror(up: list[float], shift: np.ndarray) -> None:
    matrix = upright(shift, np.array(up, float))
    turn = matrix[:3, :3]
    np.testing.assert_allclose(turn @ (np.array(up) / np.linalg.norm(up)), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)
    np.testing.assert_allclose(matrix[:3, 3], turn @ shift, atol=1e-6)


@pytest.mark.parametrize("far", [False, True])
def test_it_stands_upright_for_others_and_in_its_world_for_us(
    ball: trimesh.Trimesh, far: bool, tmp_path: Path
) -> None:
    ball.vertices = np.asarray(ball.vertices) + (UTM if far else 0.0)
    path = save_mesh(ball, tmp_path / "ball.glb", up=np.array([0.0, 0.0, 1.0]))
    others = trimesh.load(path, force="mesh", process=False)
    x, y, z = np.asarray(ball.vertices).T
    np.testing.assert_allclose(others.vertices, np.stack([x, z, -y], axis=1), atol=1e-4)
    np.testing.assert_allclose(read_mesh(path).vertices, ball.vertices, atol=1e-4)


@pytest.mark.parametrize("far", [False, True])
def test_all_who_read_it_find_its_world_and_its_colours(
    ball: trimesh.Trimesh, far: bool, tmp_path: Path
) -> None:
    ball.vertices = np.asarray(ball.vertices) + (UTM if far else 0.0)
    path = save_mesh(ball, tmp_path / "ball.glb", up=np.array([0.0, 0.0, 1.0]))
    shape = read_shape(path)
    np.testing.assert_allclose(shape.vertices, ball.vertices, atol=1e-4)
    assert shape.colors is not None
    np.testing.assert_array_equal(shape.colors, np.asarray(ball.visual.vertex_colors)[:, :3])
    np.testing.assert_allclose(read_surface(path).vertices, ball.vertices, atol=1e-4)


def test_a_textured_one_is_read_as_a_shape_in_its_world(painted: trimesh.Trimesh, tmp_path: Path) -> None:
    path = save_mesh(painted, tmp_path / "sheet.glb", up=np.array([0.0, 0.0, 1.0]))
    shape = read_shape(path)
    np.testing.assert_allclose(shape.vertices, painted.vertices, atol=1e-6)
    assert shape.colors is not None and shape.colors.std() > 10.0


def test_the_viewer_sees_a_textures_colours(painted: trimesh.Trimesh, tmp_path: Path) -> None:
    colors = vertex_colors_of(read_mesh(save_mesh(painted, tmp_path / "sheet.glb")))
    truth = np.array([[0, 0, 0], [30, 30, 200], [0, 0, 0], [200, 30, 30]]) / 255.0
    assert colors is not None and np.abs(colors - truth).max() < 0.03
    bare = trimesh.Trimesh(painted.vertices, painted.faces, process=False)
    assert vertex_colors_of(bare) is None


def test_what_is_no_glb_is_one_line(tmp_path: Path) -> None:
    for content in (b"", b"glTF", b"glTF\x02\x00\x00\x00\x20\x00\x00\x00\xff\x00\x00\x00JSON{", b"x" * 64):
        (tmp_path / "a.glb").write_bytes(content)
        for read in (read_mesh, read_shape, read_surface):
            with pytest.raises(UserError, match=r"a\.glb"):
                read(tmp_path / "a.glb")


def test_anothers_glb_keeps_its_axes(ball: trimesh.Trimesh, tmp_path: Path) -> None:
    ball.export(tmp_path / "theirs.glb")
    np.testing.assert_allclose(read_mesh(tmp_path / "theirs.glb").vertices, ball.vertices, atol=1e-5)


def test_viewers_get_normals_a_plain_material_and_targets(ball: trimesh.Trimesh, tmp_path: Path) -> None:
    tree = tree_of(save_mesh(ball, tmp_path / "ball.glb"))
    (primitive,) = tree["meshes"][0]["primitives"]
    assert {"POSITION", "NORMAL", "COLOR_0"} <= set(primitive["attributes"])
    material = tree["materials"][primitive["material"]]
    assert material["doubleSided"] and material["pbrMetallicRoughness"]["metallicFactor"] == 0.0
    views = {tree["accessors"][a]["bufferView"] for a in primitive["attributes"].values()}
    assert all(tree["bufferViews"][view]["target"] == 34962 for view in views)
    assert tree["bufferViews"][tree["accessors"][primitive["indices"]]["bufferView"]]["target"] == 34963


@pytest.mark.parametrize("suffix", ["glb", "obj", "ply"])
def test_textures_travel(painted: trimesh.Trimesh, suffix: str, tmp_path: Path) -> None:
    path = save_mesh(painted, tmp_path / f"sheet.{suffix}", up=np.array([0.0, 0.0, 1.0]))
    beside = {"glb": set(), "obj": {"sheet.mtl", "sheet.png"}, "ply": {"sheet.png"}}[suffix]
    assert {p.name for p in tmp_path.iterdir()} == {path.name, *beside}
    back = read_mesh(path)
    np.testing.assert_allclose(back.bounds, painted.bounds, atol=1e-6)
    material = back.visual.material
    image = getattr(material, "baseColorTexture", None) or material.image
    picture = np.asarray(image.convert("RGB")).astype(int)
    assert (
        np.abs(picture[8, 8] - [200, 30, 30]).max() < 6 and np.abs(picture[56, 56] - [30, 30, 200]).max() < 6
    )
    if suffix == "obj":  # renderers multiply its picture by this colour
        assert "Kd 1.0" in (tmp_path / "sheet.mtl").read_text()
    corner = np.argmin(np.linalg.norm(np.asarray(back.vertices) - [2, 1, 0], axis=1))
    np.testing.assert_allclose(np.asarray(back.visual.uv)[corner], [1, 1], atol=1e-6)


def test_no_texture_goes_into_an_stl(painted: trimesh.Trimesh, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no texture"):
        save_mesh(painted, tmp_path / "sheet.stl")
    assert not list(tmp_path.iterdir())
