"""Fields of colour: what they are told of a mesh's colours, what they give back, what cannot be fitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.shapes import UnitShape, read_shape
from neurfield.triplanes.build import build, fields_of
from neurfield.triplanes.fit_fields import fit_fields
from neurfield.triplanes.paint import Paint, barycentric
from neurfield.triplanes.quality import mesh_of, quality_of
from neurfield.triplanes.recipe import RECIPES
from neurfield.triplanes.shards import read_index, read_shard
from neurfield.triplanes.targets import targets_of
from tests.triplanes.conftest import TINY

UP, SIDE = (250, 40, 20), (30, 90, 240)


def painted_box(path: Path, inwards: bool = False) -> Path:
    """Red above and below, blue around, as colours of faces: its corners' means are neither."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mesh = trimesh.creation.box((1.0, 0.8, 1.2))
    upright = np.abs(mesh.face_normals[:, 2]) > 0.5
    mesh.visual = trimesh.visual.ColorVisuals(
        mesh, face_colors=np.where(upright[:, None], [*UP, 255], [*SIDE, 255]).astype(np.uint8)
    )
    if inwards:
        mesh.faces = mesh.faces[:, ::-1]
    mesh.export(path)
    return path


def test_weights_of_corners_give_their_points_back() -> None:
    generator = torch.Generator().manual_seed(0)
    corners = torch.randn(50, 3, 3, generator=generator, dtype=torch.float64)
    true = torch.rand(50, 3, generator=generator, dtype=torch.float64)
    true = true / true.sum(dim=1, keepdim=True)
    points = (true[:, :, None] * corners).sum(dim=1)
    assert torch.allclose(barycentric(corners, points), true, atol=1e-9)
    assert torch.allclose(barycentric(torch.zeros(1, 3, 3), torch.zeros(1, 3)), torch.tensor([[1 / 3] * 3]))


def test_colours_between_vertices_are_theirs_by_distance(tmp_path: Path) -> None:
    """Of a ball whose vertices have the colour of their place, also where its faces turn inwards."""
    for inwards in (False, True):
        ball = trimesh.creation.icosphere(3)
        shades = np.round(127.5 * (ball.vertices + 1.0)).astype(np.uint8)
        faces = ball.faces[:, ::-1] if inwards else ball.faces
        path = tmp_path / f"{inwards}.ply"
        trimesh.Trimesh(ball.vertices, faces, vertex_colors=shades, process=False).export(path)
        unit = UnitShape(read_shape(path))
        points = unit.sample(500, torch.Generator().manual_seed(0))[0]
        place = torch.from_numpy(unit.frame.world_from_unit(points.double().numpy())).float()
        assert torch.allclose(Paint(unit)(1.3 * points), 0.5 * (place + 1.0), atol=0.02)


@pytest.mark.parametrize("inwards", [False, True])
def test_colours_of_faces_stay_sharp(inwards: bool, tmp_path: Path) -> None:
    unit = UnitShape(read_shape(painted_box(tmp_path / "box.ply", inwards)))
    points, normals = unit.sample(400, torch.Generator().manual_seed(0))
    expected = torch.where(normals[:, 2:].abs() > 0.5, torch.tensor(UP), torch.tensor(SIDE)) / 255.0
    assert torch.allclose(Paint(unit)(points + 0.01 * normals), expected, atol=1e-4)


@pytest.mark.slow
def test_a_field_has_the_colours_of_its_mesh(tmp_path: Path) -> None:
    recipe = replace(RECIPES["quick"], points=30_000, batch=1000, steps=250)
    targets = [targets_of(read_shape(painted_box(tmp_path / "box.ply")), "radiance", recipe, 0)]
    fields = fit_fields(targets, "radiance", recipe)
    (found,) = quality_of(fields, targets, "radiance", recipe, 48)
    assert found["psnr"] > 20.0 and found["iou"] > 0.93 and found["f_score"] > 0.9
    mesh = mesh_of(fields, 0, "radiance", recipe, 48)
    away = np.abs(np.asarray(mesh.vertices)).max(axis=1) < 2.0
    inner = away & (np.abs(mesh.vertex_normals).max(axis=1) > 0.99)
    upright = np.abs(mesh.vertex_normals[inner, 2]) > 0.5
    expected = np.where(upright[:, None], UP, SIDE)
    assert np.median(np.abs(mesh.visual.vertex_colors[inner, :3].astype(float) - expected)) < 8.0


def test_built_written_trained_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two classes of coloured boxes and balls, one box without colours, which is left out and said."""
    shapes, fields = tmp_path / "shapes", tmp_path / "fields"
    for k, split in enumerate(("train", "train", "val", "test")):
        painted_box(shapes / "box" / split / f"box_{k}.ply")
        ball = trimesh.creation.icosphere(2)
        ball.visual.vertex_colors = np.full((len(ball.vertices), 3), 60 * k, np.uint8)
        (shapes / "ball" / split).mkdir(parents=True, exist_ok=True)
        ball.export(shapes / "ball" / split / f"ball_{k}.ply")
    trimesh.creation.box((1, 1, 1)).export(shapes / "box" / "train" / "grey.ply")
    build(shapes, fields, "radiance", replace(TINY, steps=120), cells=0)
    index = read_index(fields)
    assert len(index["shapes"]) == 8 and "has no colours" in index["left_out"]["box/grey"]
    assert all({"iou", "error", "psnr"} <= one["quality"].keys() for one in index["shapes"])
    made, recipe = fields_of(read_shard(fields / "shard-00000.safetensors"))
    assert made.answers == 4 and made.weights[-1].shape[1:] == (recipe.hidden, 4)
    assert made(torch.zeros(len(made), 5, 3)).shape == (len(made), 5, 4)
    out = tmp_path / "ball.ply"
    name = next(one["name"] for one in index["shapes"] if one["label"] == "ball")
    assert main(["triplane", "mesh", str(fields), name, "--cells", "24", "--out", str(out)]) == 0
    assert trimesh.load(out).visual.kind == "vertex"
    for model in ("triplane", "weights"):
        words = ["--model", model, "--epochs", "1", "--out", str(tmp_path / model)]
        assert main(["triplane", "train", str(fields), *words]) == 0
    grey = shapes / "box" / "train" / "grey.ply"
    assert main(["triplane", "predict", str(tmp_path / "triplane"), str(grey)]) == 2
    assert "has no colours, which --field radiance learns" in capsys.readouterr().err


def test_points_and_open_meshes_have_no_radiance(tmp_path: Path) -> None:
    sheet = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], vertex_colors=[[9, 9, 9]] * 3)
    sheet.export(tmp_path / "sheet.ply")
    with pytest.raises(UserError, match="--field radiance needs an inside"):
        targets_of(read_shape(tmp_path / "sheet.ply"), "radiance", TINY, 0)
