"""Contours and cuts of planes on the page: all lines, one scale, the worst marked, nothing for none."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.inputs.page import Outline, Outlines
from neurfield.inputs.slices.results import in_planes, numbers_of, read_planes, write_planes
from neurfield.report.outlines import outlines
from neurfield.slices import cut, parallel_planes
from neurfield.slices.unit_slices import UnitSlices

SQUARE = [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]]


def sides(drawing: str) -> list[float]:
    """The larger side of each path of a drawing."""
    found = []
    for path in re.findall(r' d="([^"]*)"', drawing):
        places = np.array(re.findall(r"-?[\d.]+", path), float).reshape(-1, 2)
        found.append(float(np.ptp(places, axis=0).max()))
    return found


def test_planes_are_drawn_at_one_scale_and_the_worst_is_marked() -> None:
    half = (0.5 * np.array(SQUARE) + 7.0).tolist()
    planes = [
        Outline("plane 1", "1.0", [SQUARE], [SQUARE], 1.0),
        Outline("plane <2>", "0.5", [half], [], 0.5),
    ]
    drawn = outlines(Outlines("In each plane", planes))
    assert drawn.count("<svg") == 2 and drawn.count('class="worst"') == 1 and "plane &lt;2&gt;" in drawn
    assert sides(drawn) == pytest.approx([1000.0, 1000.0, 500.0])
    assert outlines(Outlines("In each plane", [])) == ""


def test_of_many_planes_those_that_agree_least_are_drawn() -> None:
    planes = [Outline(f"plane {k}", "", [SQUARE], [SQUARE], 1.0 if k % 2 else 0.5) for k in range(100)]
    drawn = outlines(Outlines("In each plane", planes))
    assert drawn.count("<svg") == 60 and "40 planes more" in drawn
    assert all(f">plane {k}<" in drawn for k in range(0, 100, 2))


def test_lines_of_a_run_are_kept_with_what_they_share(tmp_path: Path) -> None:
    ball = trimesh.creation.icosphere(3, 2.0)
    unit = UnitSlices(cut(ball, parallel_planes(np.asarray(ball.bounds), 5)))
    planes = in_planes(ball.copy().apply_scale(0.9), unit)
    write_planes(planes, tmp_path)
    read = read_planes(tmp_path)
    assert [one.share for one in read] == pytest.approx([one.iou for one in planes])
    for one, of in zip(read, planes):
        assert len(one.given) == len(of.given) == 1
        corners = np.asarray(one.given[0])
        assert np.allclose(np.ptp(corners, axis=0), np.ptp(of.given[0], axis=0), atol=1e-3)
    assert numbers_of(planes)["contour_iou_least"] == min(one.iou for one in planes)
    assert read_planes(tmp_path / "nowhere") == []
