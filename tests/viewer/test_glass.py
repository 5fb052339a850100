"""What is seen through: files that say so, how it is parted, and that what lies behind it is drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual.material import PBRMaterial

from neurfield.report.mesh_file import read_mesh
from neurfield.surfaces import save_mesh, save_scene
from neurfield.viewer.content import content_of_mesh, content_of_run
from neurfield.viewer.glass import by_opacity, face_steps, parted
from neurfield.viewer.layers import Triangles
from neurfield.viewer.offscreen import screenshot
from neurfield.viewer.pieces import Pieces
from neurfield.viewer.shell import fewer
from neurfield.viewer.web.packed import glb_of
from tests.viewer.test_offscreen import needs_open3d

RED, GREEN = (200, 30, 30), (30, 160, 60)


def ball(radius: float, color: tuple[int, ...] | None, at: float = 0.0) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(3, radius)
    mesh.apply_translation((at, 0.0, 0.0))
    if color is not None:
        mesh.visual.vertex_colors = np.tile(np.uint8([*color, 255]), (len(mesh.vertices), 1))
    return mesh


def nested(path: Path) -> Path:
    """A red ball in one of green glass, as labels that nest are written."""
    return save_scene({"around": ball(1.0, GREEN), "within": ball(0.4, RED)}, path, see_through=["around"])


def alphas(path: Path) -> list[int]:
    return sorted(set(np.asarray(read_mesh(path).visual.vertex_colors)[:, 3].tolist()))


def test_glass_of_ours_is_a_layer_of_its_own(tmp_path: Path) -> None:
    content = content_of_mesh(nested(tmp_path / "scene.glb"))
    surface, glass = content.layer("surface"), content.layer("glass")
    assert surface is not None and glass is not None and surface.on and glass.on and glass.key == "g"
    within, around = surface.geometry, glass.geometry
    assert isinstance(within, Triangles) and isinstance(around, Triangles)
    assert within.opacity is None and np.abs(within.vertices).max() <= 0.41
    assert around.opacity is not None and np.allclose(around.opacity, 0.25, atol=0.003)
    assert len(around.faces) == len(ball(1.0, GREEN).faces) and np.abs(around.vertices).max() > 0.99
    assert content.surface is within


def test_a_run_shows_labels_that_lie_in_others(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "objects").mkdir(parents=True)
    box = [[-1.5] * 3, [1.5] * 3]
    facts = {"schema": 2, "input": "shape", "name": "balls", "shape": "gone.ply", "box": box}
    (folder / "run.json").write_text(json.dumps(facts))
    save_mesh(ball(1.0, GREEN), folder / "mesh.ply")
    labels = folder / "objects" / "scene.glb"
    names = []
    for see_through in (None, (), ("around",)):
        if see_through is not None:
            parts = {"around": ball(1.0, GREEN), "within": ball(0.4, RED)}
            save_scene(parts, labels, see_through=see_through)
        names.append({layer.name for layer in content_of_run(folder).layers})
    assert "glass" not in names[0] and names[1] == names[0] and names[2] == names[0] | {"glass"}
    labels.write_bytes(b"glTF, or not")
    assert {layer.name for layer in content_of_run(folder).layers} == names[0]


def test_a_file_that_is_glass_alone_can_be_clicked_at(tmp_path: Path) -> None:
    content = content_of_mesh(
        save_scene({"one": ball(1.0, GREEN)}, tmp_path / "one.glb", see_through=["one"])
    )
    assert [layer.name for layer in content.layers] == ["glass"] and content.surface is not None


def test_materials_of_others(tmp_path: Path) -> None:
    parts = {}
    for name, mode, at in (("glass", "BLEND", 0.0), ("whole", "OPAQUE", 3.0)):
        parts[name] = ball(1.0, None, at)
        material = PBRMaterial(baseColorFactor=[50, 50, 200, 102], alphaMode=mode)
        parts[name].visual = trimesh.visual.TextureVisuals(material=material)
    for ending in ("glb", "gltf"):
        path = tmp_path / f"theirs.{ending}"
        trimesh.Scene(parts).export(path)
        assert alphas(path) == [102, 255]
    # One of two has colours at its vertices, the other those of its material.
    parts["whole"].visual = ball(1.0, RED, 3.0).visual
    trimesh.Scene(parts).export(tmp_path / "mixed.glb")
    assert alphas(tmp_path / "mixed.glb") == [102, 255]
    colors = np.asarray(read_mesh(tmp_path / "mixed.glb").visual.vertex_colors)
    assert (colors[colors[:, 3] == 102, 2] > colors[colors[:, 3] == 102, 0]).all()
    assert (colors[colors[:, 3] == 255, 0] > colors[colors[:, 3] == 255, 2]).all()


def test_alpha_that_no_material_asks_for_is_none(tmp_path: Path) -> None:
    faint = ball(1.0, None)
    faint.visual.vertex_colors = np.tile(np.uint8([200, 30, 30, 0]), (len(faint.vertices), 1))
    faint.export(tmp_path / "faint.glb")
    faint.export(tmp_path / "faint.ply")
    assert alphas(tmp_path / "faint.glb") == alphas(tmp_path / "faint.ply") == [255]


@pytest.mark.parametrize(("line", "alpha"), [("d 0.3", 76), ("Tr 0.3", 178), ("d", 255), ("d -1", 0)])
def test_an_obj_says_it_by_d_or_tr(line: str, alpha: int, tmp_path: Path) -> None:
    (tmp_path / "m.mtl").write_text(f"newmtl pane\nKd 0.1 0.1 0.8\n{line}\n")
    (tmp_path / "pane.obj").write_text("mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl pane\nf 1 2 3\n")
    assert alphas(tmp_path / "pane.obj") == [alpha]


def test_parts_hold_all_that_is_seen() -> None:
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 60, (200, 3)).astype(np.int32)
    opacity = rng.choice([0.0, 0.01, 0.5, 0.99, 1.0], 60).astype(np.float32)
    given = Triangles(
        rng.normal(size=(60, 3)).astype(np.float32), faces, np.ones((60, 3), np.float32), opacity=opacity
    )
    whole, glass = parted(given)
    assert whole is not None and glass is not None and whole.opacity is None
    corners = opacity[faces]
    assert len(whole.faces) == (corners == 1).all(axis=1).sum()
    assert (
        len(glass.faces) == len(faces) - (corners == 1).all(axis=1).sum() - (corners == 0).all(axis=1).sum()
    )
    assert (face_steps(glass) > 0).all() and (face_steps(glass) < face_steps(whole).min()).all()
    parts = by_opacity(glass)
    assert sum(len(part.faces) for _, part in parts) == len(glass.faces)
    assert all(0 < share < 1 for share, _ in parts)
    for pieces in (Pieces(glass, False).pieces, Pieces(whole, False).pieces):
        assert {piece.opacity for piece in pieces} <= {share for share, _ in parts} | {1.0}
    assert sum(len(piece.faces) for piece in Pieces(glass, False).pieces) == len(glass.faces)
    assert parted(whole) == (whole, None)


def test_a_stand_in_is_as_opaque() -> None:
    mesh = trimesh.creation.icosphere(5)
    vertices, faces = mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32)
    given = Triangles(vertices, faces, vertices, opacity=np.full(len(vertices), 0.3, np.float32))
    smaller = fewer(given, 2000)
    assert len(smaller.faces) <= 2000 and smaller.opacity is not None
    np.testing.assert_allclose(smaller.opacity, 0.3, atol=1e-6)


def test_a_page_is_told(tmp_path: Path) -> None:
    glass = content_of_mesh(nested(tmp_path / "scene.glb")).layer("glass")
    assert glass is not None and isinstance(glass.geometry, Triangles)
    ((opacity, part),) = by_opacity(glass.geometry)
    sent = glb_of(part, True, opacity)
    material = json.loads(sent[20 : 20 + int.from_bytes(sent[12:16], "little")])["materials"][0]
    assert material["alphaMode"] == "BLEND" and material["doubleSided"]
    assert material["pbrMetallicRoughness"]["baseColorFactor"][3] == opacity == 0.25
    whole = glb_of(part)
    assert b"BLEND" not in whole


@needs_open3d
def test_what_lies_in_glass_is_in_the_picture(tmp_path: Path) -> None:
    def shown(path: Path, name: str) -> np.ndarray:
        picture = screenshot(content_of_mesh(path), tmp_path / f"{name}.png", width=160, height=120)
        return np.asarray(Image.open(picture)).astype(int)

    seen = shown(nested(tmp_path / "scene.glb"), "nested")
    hidden = shown(save_mesh(ball(1.0, GREEN), tmp_path / "whole.glb"), "whole")
    middle, beside = seen[60, 80], seen[60, 60]
    assert middle[0] > 1.5 * middle[1]  # red, through green
    assert hidden[60, 80][1] > 1.5 * hidden[60, 80][0]
    # Beside it white is seen through two panes that hold a quarter of the light back, or through one.
    one, two = (0.75**k * 255 + (1 - 0.75**k) * hidden[60, 60] for k in (1, 2))
    assert (np.minimum(np.abs(beside - one).max(), np.abs(beside - two).max())) < 12
    assert (seen[2, 2] == 255).all()
