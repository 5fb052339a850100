"""Truths in another frame, unit or precision than the mesh are told; those that may be right are not."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.inputs.placement import placement_troubles

ROOM = np.array([5.6, 4.3, 2.8])
UTM = np.array([448251.3, 5411932.7, 310.2])


def room(scale: float = 1.0, at: object = (0, 0, 0)) -> trimesh.Trimesh:
    box = trimesh.creation.box(ROOM)
    box.apply_scale(scale)
    box.apply_translation(at)
    return box


@pytest.mark.parametrize(
    ("scale", "at", "says"),
    [
        (1000.0, (0, 0, 0), "1e+03 times as long as the mesh"),
        (0.001, (0, 0, 0), "1e+03 times shorter than the mesh"),
        (1.0, (100, 0, 0), "lie apart, around [0.0, 0.0, 0.0] and [100.0, 0.0, 0.0]"),
        (1.0, UTM, "is the truth in the scene's frame?"),
    ],
)
def test_another_unit_or_frame(scale: float, at: object, says: str) -> None:
    (trouble,) = placement_troubles(room(), room(scale, at))
    assert says in trouble and "\n" not in trouble


def test_single_precision_far_from_zero() -> None:
    rounded = room(at=UTM)
    rounded.vertices = rounded.vertices.astype(np.float32)
    (trouble,) = placement_troubles(room(at=UTM), rounded)
    assert "0.5 apart: save it in double precision" in trouble


@pytest.mark.parametrize(("scale", "at"), [(1.0, (0, 0, 0)), (6.0, (10, 3, 0)), (0.3, (1, 1, 1))])
def test_a_part_or_a_larger_scan_is_right(scale: float, at: object) -> None:
    assert placement_troubles(room(), room(scale, at)) == []
    assert placement_troubles(room(at=UTM), room(scale, UTM + at)) == []
    points = trimesh.PointCloud(room(scale, at).vertices)
    assert placement_troubles(room(), points) == []
