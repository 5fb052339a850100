"""Files hold the mesh as it is: frame, units, colours."""

from __future__ import annotations

import json
import resource
import signal
from pathlib import Path

import numpy as np
import pytest
import trimesh
from trimesh.exchange.gltf import load_glb

from neurfield.cli.main import disk_trouble
from neurfield.errors import UserError
from neurfield.far import read_shift
from neurfield.report.mesh_file import read_mesh
from neurfield.surfaces import linear_of_srgb, place_in_words, save_mesh, save_scene

UTM = np.array([552345.25, 5412345.5, 312.0])


@pytest.fixture
def ball() -> trimesh.Trimesh:
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.5)
    ball.apply_translation([1.0, -2.0, 3.0])
    ball.visual.vertex_colors = np.random.default_rng(0).integers(
        0, 256, (len(ball.vertices), 4), dtype=np.uint8
    ) | [0, 0, 0, 255]
    return ball


@pytest.mark.parametrize("suffix", ["ply", "obj", "glb", "stl", "PLY"])
def test_reads_back_in_the_same_frame(ball: trimesh.Trimesh, suffix: str, tmp_path: Path) -> None:
    path = save_mesh(ball, tmp_path / "sub" / f"ball.{suffix}")
    back = trimesh.load(path, file_type=suffix.lower(), force="mesh")
    np.testing.assert_allclose(back.bounds, ball.bounds, atol=1e-5)
    assert back.volume == pytest.approx(ball.volume, rel=1e-4)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("suffix", ["ply", "obj", "glb"])
def test_vertex_colours_travel(ball: trimesh.Trimesh, suffix: str, far: bool, tmp_path: Path) -> None:
    ball.vertices = ball.vertices + (UTM if far else 0.0)
    back = read_mesh(save_mesh(ball, tmp_path / f"ball.{suffix}"))
    np.testing.assert_allclose(back.vertices, ball.vertices, atol=1e-6)
    np.testing.assert_array_equal(back.faces, ball.faces)
    assert np.abs(back.visual.vertex_colors.astype(int) - ball.visual.vertex_colors).max() == 0


def test_colours_of_a_glb_are_linear(ball: trimesh.Trimesh, tmp_path: Path) -> None:
    """What glTF asks for; the values are those of the sRGB standard's formula, by hand."""
    ball.visual.vertex_colors = np.tile(np.array([134, 81, 10, 255], np.uint8), (len(ball.vertices), 1))
    with save_mesh(ball, tmp_path / "ball.glb").open("rb") as file:
        (mesh,) = load_glb(file, skip_materials=True)["geometry"].values()
    np.testing.assert_allclose(mesh["vertex_colors"][0][:3], [0.238398, 0.082283, 0.003035], atol=1e-6)


def test_colours_of_anothers_glb_are_read_as_linear_whatever_their_type(
    ball: trimesh.Trimesh, tmp_path: Path
) -> None:
    ball.visual.vertex_colors = np.tile(np.array([61, 21, 255, 255], np.uint8), (len(ball.vertices), 1))
    ball.export(tmp_path / "bytes.glb")  # trimesh writes these bytes as they are
    back = read_mesh(tmp_path / "bytes.glb")
    np.testing.assert_array_equal(back.visual.vertex_colors[0], [134, 81, 255, 255])


@pytest.mark.parametrize("suffix", ["ply", "obj", "glb", "stl"])
def test_far_from_zero_the_shape_is_kept_and_said(ball: trimesh.Trimesh, suffix: str, tmp_path: Path) -> None:
    near = tmp_path / f"near.{suffix}"
    assert place_in_words(ball, near) is None
    ball.vertices = ball.vertices + UTM
    path = save_mesh(ball, tmp_path / f"far.{suffix}")
    said = place_in_words(ball, path)
    assert said is not None and "far from zero" in said
    plain = trimesh.load(path, force="mesh", process=False)
    shift = read_shift(path)
    assert shift.any() == (suffix == "stl")
    np.testing.assert_allclose(np.sort(plain.triangles.ravel() + np.tile(shift, 3 * len(plain.faces))),
                               np.sort(ball.triangles.ravel()), atol=1e-6)  # fmt: skip
    save_mesh(ball.apply_translation(-UTM), path)
    assert not read_shift(path).any()


def test_mistakes_are_named_and_leave_nothing(ball: trimesh.Trimesh, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.abc; use \.ply"):
        save_mesh(ball, tmp_path / "ball.abc")
    with pytest.raises(UserError, match="without suffix"):
        save_mesh(ball, tmp_path / "ball")
    with pytest.raises(UserError, match="empty"):
        save_mesh(trimesh.Trimesh(), tmp_path / "ball.ply")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("far", [False, True])
def test_a_scene_has_a_node_for_each_mesh_by_its_name(
    ball: trimesh.Trimesh, far: bool, tmp_path: Path
) -> None:
    ball.vertices = ball.vertices + (UTM if far else 0.0)
    other = trimesh.creation.box(bounds=ball.bounds + 2.0)
    nothing = trimesh.Trimesh()
    path = save_scene({"7 mug": ball, "background": other, "empty": nothing}, tmp_path / "scene.glb")
    back = trimesh.load(path, process=False)
    assert set(back.graph.nodes_geometry) == {"7 mug", "background"}
    matrix, _ = back.graph["7 mug"]
    placed = trimesh.transform_points(back.geometry["7 mug"].vertices, matrix)
    np.testing.assert_allclose(placed, ball.vertices, atol=1e-5)
    with path.open("rb") as file:
        colors = load_glb(file, skip_materials=True)["geometry"]["7 mug"]["vertex_colors"]
    np.testing.assert_allclose(
        colors[:, :3], linear_of_srgb(ball.visual.vertex_colors[:, :3] / 255.0), atol=1e-6
    )


def test_what_others_lie_in_is_glass(ball: trimesh.Trimesh, tmp_path: Path) -> None:
    outer = trimesh.creation.box(bounds=np.add(ball.bounds, [[-1.0], [1.0]]))
    path = save_scene({"body": outer, "organ": ball}, tmp_path / "scene.glb", see_through=["body"])
    content = path.read_bytes()
    tree = json.loads(content[20 : 20 + int.from_bytes(content[12:16], "little")])
    modes = {
        mesh["name"]: tree["materials"][mesh["primitives"][0]["material"]].get("alphaMode", "OPAQUE")
        for mesh in tree["meshes"]
    }
    assert modes == {"body": "BLEND", "organ": "OPAQUE"}
    back = trimesh.load(path)
    assert set(back.graph.nodes_geometry) == {"body", "organ"}


def test_a_scene_that_cannot_be_written_is_one_line(ball: trimesh.Trimesh, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"into a \.glb"):
        save_scene({"a": ball}, tmp_path / "scene.ply")
    with pytest.raises(UserError, match="all meshes are empty"):
        save_scene({"a": trimesh.Trimesh()}, tmp_path / "scene.glb")
    assert not list(tmp_path.iterdir())


def test_a_ply_says_what_it_is(ball: trimesh.Trimesh, tmp_path: Path) -> None:
    ball.metadata.update(source="a room\nof glaß by neus", unit="m")
    path = save_mesh(ball, tmp_path / "a.ply", np.array([0.0, 0.0, 1.0]))
    header = path.read_bytes().split(b"end_header")[0].decode("ascii").splitlines()
    assert header[:2] == ["ply", "format binary_little_endian 1.0"]
    assert header[2].startswith("comment neurfield 0.")
    assert header[3:6] == ["comment source a room of gla? by neus", "comment unit m", "comment up 0 0 1"]
    assert len(trimesh.load(path, process=False).faces) == len(ball.faces)


@pytest.mark.parametrize("name", ["a.ply", "a.obj", "a.glb", "a.stl"])
def test_a_disk_without_room_is_named(ball: trimesh.Trimesh, tmp_path: Path, name: str) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, limit[1]))
    try:
        with pytest.raises(OSError) as caught:
            save_mesh(ball, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert (
        disk_trouble(caught.value)
        == f"{tmp_path / name}: File too large; free some space or choose another folder"
    )
    assert not list(tmp_path.iterdir())
