"""Files of others: materials with a colour and no picture, and files that are damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from trimesh.visual.material import PBRMaterial

from neurfield.errors import UserError
from neurfield.report.mesh_file import read_mesh
from neurfield.shapes.read import read_shape
from neurfield.surface_file import read_surface, unreadable

RED, BLUE = (200, 20, 20, 255), (20, 20, 200, 255)


def coloured(color: tuple[int, ...] | None, at: float = 0.0) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(1)
    mesh.apply_translation((at, 0.0, 0.0))
    if color is not None:
        mesh.visual = trimesh.visual.TextureVisuals(material=PBRMaterial(baseColorFactor=list(color)))
    return mesh


def shades(path: Path) -> list[set[tuple[int, ...]]]:
    """The colours that a mesh is shown in, and those that a fit is told."""
    mesh, shape = read_mesh(path), read_shape(path)
    assert mesh.visual.kind == "vertex" and shape.colors is not None
    both = np.asarray(mesh.visual.vertex_colors)[:, :3], shape.colors
    return [set(map(tuple, colors.tolist())) for colors in both]


@pytest.mark.parametrize("ending", [".glb", ".gltf"])
@pytest.mark.parametrize("count", [1, 2])
def test_linear_factors_of_a_gltf(ending: str, count: int, tmp_path: Path) -> None:
    path = tmp_path / f"balls{ending}"
    trimesh.Scene([coloured(RED), coloured(BLUE, 3.0)][:count]).export(path)
    dark, bright = (round(255 * (1.055 * (v / 255) ** (1 / 2.4) - 0.055)) for v in (20, 200))
    assert (
        shades(path)
        == [{(bright, dark, dark), (dark, dark, bright)} if count == 2 else {(bright, dark, dark)}] * 2
    )


def test_materials_of_an_obj_are_srgb(tmp_path: Path) -> None:
    (tmp_path / "m.mtl").write_text("newmtl red\nKd 0.8 0.1 0.1\nnewmtl blue\nKd 0.1 0.1 0.8\n")
    lines = ["mtllib m.mtl"]
    for name, at in (("red", 0), ("blue", 3)):
        ball = coloured(None, at)
        lines += [f"o {name}", *("v {} {} {}".format(*v) for v in ball.vertices), f"usemtl {name}"]
        first = 1 if name == "red" else 1 + len(ball.vertices)
        lines += ["f {} {} {}".format(*face) for face in ball.faces + first]
    path = tmp_path / "balls.obj"
    path.write_text("\n".join(lines))
    assert shades(path) == [{(204, 26, 26), (26, 26, 204)}] * 2
    (tmp_path / "m.mtl").unlink()
    assert read_mesh(path).visual.kind != "vertex" and read_shape(path).colors is None  # clay


def test_vertices_that_have_colours_keep_them(tmp_path: Path) -> None:
    ball = coloured(None)
    ball.visual.vertex_colors = np.tile((255, 255, 0, 255), (len(ball.vertices), 1))
    ball.export(tmp_path / "ball.glb")
    assert shades(tmp_path / "ball.glb") == [{(255, 255, 0)}] * 2


@pytest.mark.parametrize("ending", [".glb", ".ply", ".obj", ".stl", ".off"])
@pytest.mark.parametrize("what", ["half", "noise", "words", "nothing"])
def test_what_is_damaged_is_told_in_our_words(ending: str, what: str, tmp_path: Path) -> None:
    if (ending, what) == (".obj", "half"):
        pytest.skip("half an .obj is one of fewer triangles, or of points")
    path = tmp_path / f"bad{ending}"
    coloured(None).export(path)
    noise = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    whole = path.read_bytes()
    path.write_bytes(
        {"half": whole[: len(whole) // 2], "noise": noise, "words": b"hello\n", "nothing": b""}[what]
    )
    for read in (read_mesh, read_shape, read_surface):
        with pytest.raises(UserError) as told:
            read(path)
        line = str(told.value)
        ours = "not a readable", "holds no", "holds neither", "the file is empty", "tells no surface"
        assert line.startswith(f"{path}: ") and any(words in line for words in ours) and "\n" not in line
        theirs = "Error", "codec", "Expecting", "unpack", "reshape", "index", "length!"
        assert not any(words in line.removeprefix(str(path)) for words in theirs), line


def test_what_is_too_large_is_told_as_that(tmp_path: Path) -> None:
    assert "memory" in str(unreadable(tmp_path / "large.ply", MemoryError()))
