"""Depth in Replica's layout is rendered, or a sensor's that only lies as Replica's does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from neurfield.inputs.scene.words import taken_as_exact


def scene_at(path: Path, *sources: str) -> Any:
    return SimpleNamespace(path=path, sources=set(sources))


def test_depth_beside_pictures_is_said_to_be_taken_as_exact(tmp_path: Path) -> None:
    assert taken_as_exact(scene_at(tmp_path, "image", "depth")) == []  # another layout
    (tmp_path / "results").mkdir()
    (tmp_path / "traj.txt").touch()
    (line,) = taken_as_exact(scene_at(tmp_path, "image", "depth"))
    assert "taken as exact" in line and "sensor_depth/" in line
    assert taken_as_exact(scene_at(tmp_path, "image", "sensor_depth")) == []
    (tmp_path / "scene.json").touch()  # a built-in room, whose depth is rendered
    assert taken_as_exact(scene_at(tmp_path, "image", "depth")) == []
