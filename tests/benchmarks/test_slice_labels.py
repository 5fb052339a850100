"""Rows of patients' labels: volumes by prisms, and packages that cannot be had."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import slice_assets, slice_labels
from benchmarks.object_assets import Unavailable
from neurfield.slices import Contour, Plane, Slice, Slices, regions

SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])


def test_prisms_reach_halfway_to_their_neighbours_and_have_holes() -> None:
    ring = (Contour(SQUARE), Contour(0.5 * SQUARE + 1.0))  # 16 less 4
    heights = (7.0, 0.0, 1.0, 3.0)
    slices = Slices("s", tuple(Slice(Plane.of([0, 0, -2.0], -z), ring, k) for k, z in enumerate(heights)))
    assert slice_labels.prisms(slices) == pytest.approx(12.0 * (1.0 + 1.5 + 3.0 + 4.0))
    of_two = Slice(Plane.of([0, 0, 1.0], 5.0), (Contour(SQUARE, 1), Contour(0.5 * SQUARE + 1.0, 2)), 9)
    parts = regions(Slices("t", (of_two, Slice(Plane.of([0, 0, 1.0], 8.0), (), 10))), {1: (2,)})
    assert slice_labels.prisms(parts[1]) == pytest.approx(48.0)
    assert slice_labels.prisms(parts[2]) == pytest.approx(12.0)


def test_what_cannot_be_downloaded_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURFIELD_DATA", str(tmp_path))
    monkeypatch.setattr(slice_assets, "this_pip", lambda verb: ["false"])
    for ask in (lambda: slice_assets.labels_of("lung"), slice_assets.brain_surface):
        with pytest.raises(Unavailable, match="cannot be had"):
            ask()
