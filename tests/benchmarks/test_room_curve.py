"""The curve's picture and its points, without fitting anything."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import room_curve
from benchmarks.pictures import can_draw, save_curves

POINT = {"run": "x", "steps": 5, "seconds": 7.0, "F@5cm": 0.9, "F@1cm": 0.5, "normals": 0.8, "psnr": None}


@pytest.mark.skipif(not can_draw(), reason="matplotlib is not installed")
@pytest.mark.parametrize("rows", [1, 3])
def test_a_picture_is_drawn_with_and_without_a_peer(tmp_path: Path, rows: int) -> None:
    rooms = {"room0": [POINT, {**POINT, "seconds": 60.0}], "room1": [POINT]}
    curves = {
        str(i): {room: {"ours": points, "peer": [POINT] * i} for room, points in rooms.items()}
        for i in range(rows)
    }
    path = save_curves(tmp_path / "curve.png", curves)
    assert path is not None and path.read_bytes().startswith(b"\x89PNG")


def test_measured_points_are_taken_again(tmp_path: Path) -> None:
    folder = tmp_path / "room1" / "noisy-5"
    folder.mkdir(parents=True)
    (folder / "point.json").write_text(json.dumps(POINT))
    args = argparse.Namespace(out=tmp_path, resume=True)
    scene = SimpleNamespace(name="room1")
    assert room_curve.fits("noisy", scene, [5], args) == [POINT]  # type: ignore[arg-type]


def test_fusion_is_left_out_where_only_ours_is_asked(tmp_path: Path) -> None:
    scene = SimpleNamespace(name="room1")
    args = argparse.Namespace(out=tmp_path, resume=True, quick=False, ours=True)
    assert room_curve.fusions("noisy", scene, args) == []  # type: ignore[arg-type]
