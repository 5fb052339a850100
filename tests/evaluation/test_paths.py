"""Surfaces from files, clouds on either side, and what is told of what cannot be measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.evaluation import evaluate_mesh

FEW: dict[str, Any] = {"samples": 2_000}
BALL = trimesh.creation.icosphere(subdivisions=3, radius=0.5)
LARGER = trimesh.creation.icosphere(subdivisions=3, radius=0.52)
CLOUD = trimesh.PointCloud(np.asarray(BALL.vertices))


@pytest.mark.parametrize("ending", ["ply", "obj", "off", "stl", "glb"])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_its_mesh(tmp_path: Path, ending: str, kind: Any) -> None:
    mine, true = tmp_path / f"mine.{ending}", tmp_path / f"true.{ending}"
    BALL.export(mine)
    LARGER.export(true)
    found, expected = evaluate_mesh(kind(mine), kind(true), **FEW), evaluate_mesh(BALL, LARGER, **FEW)
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, abs=2e-3)  # stl has its triangles apart, obj fewer digits


def test_a_cloud_may_stand_on_either_side(tmp_path: Path) -> None:
    CLOUD.export(tmp_path / "cloud.ply")
    there, back = evaluate_mesh(CLOUD, LARGER, **FEW), evaluate_mesh(LARGER, CLOUD, **FEW)
    assert there["accuracy"] == pytest.approx(0.02, rel=0.1) and "normal_consistency" not in there
    assert there["accuracy"] == pytest.approx(back["completeness"], rel=1e-3)
    assert evaluate_mesh(tmp_path / "cloud.ply", LARGER, **FEW) == pytest.approx(there, abs=1e-6)
    assert evaluate_mesh(CLOUD, CLOUD, **FEW)["chamfer_l1"] == 0.0


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    empty, words, faceless = (tmp_path / name for name in ("empty.ply", "words.obj", "none.ply"))
    empty.write_bytes(b"")
    words.write_text("nothing of a mesh")
    for path, told in (
        (tmp_path / "nowhere.ply", "there is no such mesh file"),
        (tmp_path, "there is no such mesh file"),
        (empty, "not a readable mesh|neither triangles nor points"),
        (words, "not a readable mesh|neither triangles nor points"),
    ):
        for pair in ((path, BALL), (BALL, str(path))):
            with pytest.raises(UserError, match=told) as caught:
                evaluate_mesh(*pair, **FEW)
            assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    flat = trimesh.Trimesh(np.zeros((3, 3)), [[0, 1, 2]], process=False)
    flat.export(faceless)
    with pytest.raises(UserError, match=r"none\.ply has no area"):
        evaluate_mesh(faceless, BALL, **FEW)


def test_other_things_are_named() -> None:
    with pytest.raises(UserError, match="the ground truth is a NoneType: give a mesh or cloud of trimesh"):
        evaluate_mesh(BALL, None, **FEW)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="the mesh is a ndarray"):
        evaluate_mesh(np.zeros((3, 3)), BALL, **FEW)  # type: ignore[arg-type]
