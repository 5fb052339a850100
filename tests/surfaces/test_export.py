"""Files hold the mesh as it is: frame, units, colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.surfaces import save_mesh


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


@pytest.mark.parametrize("suffix", ["ply", "obj", "glb"])
def test_vertex_colours_travel(ball: trimesh.Trimesh, suffix: str, tmp_path: Path) -> None:
    back = trimesh.load(save_mesh(ball, tmp_path / f"ball.{suffix}"), force="mesh", process=False)
    np.testing.assert_allclose(back.vertices, ball.vertices, atol=1e-5)
    assert np.abs(back.visual.vertex_colors[:, :3].astype(int) - ball.visual.vertex_colors[:, :3]).max() <= 1


def test_mistakes_are_named_and_leave_nothing(ball: trimesh.Trimesh, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.abc; use \.ply"):
        save_mesh(ball, tmp_path / "ball.abc")
    with pytest.raises(UserError, match="without suffix"):
        save_mesh(ball, tmp_path / "ball")
    with pytest.raises(UserError, match="empty"):
        save_mesh(trimesh.Trimesh(), tmp_path / "ball.ply")
    assert not list(tmp_path.iterdir())
