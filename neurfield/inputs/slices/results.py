"""How well a mesh meets the slices that it was made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.inputs.page import Outline
from neurfield.slices import cut, inside
from neurfield.slices.label_volumes import without_straight
from neurfield.slices.unit_slices import UnitSlices

PLANES = "planes.json"
_SIDE = 400  # places along the longer side of what a plane shows, for the IoU


class InPlane(NamedTuple):
    """What a mesh's own cut by a plane has of the contours there.

    Attributes:
        number: of the plane, as people know it.
        given: corners [n, 2] of each contour, in the plane's axes.
        made: corners [n, 2] of each line of the cut.
        shared, either: areas inside both, and inside one of them, world lengths squared.
    """

    number: int
    given: list[np.ndarray]
    made: list[np.ndarray]
    shared: float
    either: float

    @property
    def iou(self) -> float:
        """The share of what is inside either that is inside both; 1 where nothing is in either."""
        return self.shared / self.either if self.either else 1.0


def in_planes(mesh: trimesh.Trimesh, slices: UnitSlices) -> list[InPlane]:
    """A mesh cut by the planes of slices, compared with their contours."""
    planes = [one.plane for one in slices.slices.slices]
    try:
        cuts = [one.of_label(1) for one in cut(mesh, planes).slices]
    except UserError:  # no plane meets it
        cuts = [[] for _ in planes]
    return [_compared(one.number, slices.loops(one), made) for one, made in zip(slices.slices.slices, cuts)]


def _compared(number: int, given: list[np.ndarray], made: list[np.ndarray]) -> InPlane:
    corners = [*given, *made]
    if not corners:
        return InPlane(number, given, made, 0.0, 0.0)
    places, area = _grid(np.concatenate(corners))
    a, b = inside(places, given), inside(places, made)
    return InPlane(number, given, made, area * float((a & b).sum()), area * float((a | b).sum()))


def numbers_in_planes(mesh: trimesh.Trimesh, slices: UnitSlices) -> dict[str, Any]:
    """IoU of what lies inside the mesh's own cuts and inside the contours, of all planes and the worst.

    Planes without contours count where the mesh reaches into them: their IoU is then zero.
    """
    return numbers_of(in_planes(mesh, slices))


def numbers_of(planes: Sequence[InPlane]) -> dict[str, Any]:
    """The same of planes that are compared already."""
    shared, either = sum(one.shared for one in planes), sum(one.either for one in planes)
    worst = min((one for one in planes if one.either), key=lambda one: one.iou, default=planes[0])
    least = worst.iou if worst.either else 0.0
    return {
        "contour_iou": shared / either if either else 0.0, "contour_iou_least": least,
        "worst_plane": worst.number,
    }  # fmt: skip


def write_planes(planes: Sequence[InPlane], folder: Path) -> None:
    """Write planes.json of a run: contours and cuts of each plane, for its report."""
    rows = [
        {"number": one.number, "iou": one.iou, "given": _rows(one.given), "made": _rows(one.made)}
        for one in planes
        if one.given or one.made
    ]
    with atomic_write(folder / PLANES) as temporary:
        temporary.write_text(json.dumps(rows, separators=(",", ":")))


def read_planes(folder: Path) -> list[Outline]:
    """The same for the page; none where there is no such file."""
    path = folder / PLANES
    rows = json.loads(path.read_text()) if path.is_file() else []
    return [
        Outline(f"plane {row['number']}", f"{row['iou']:.4f}", row["given"], row["made"], row["iou"])
        for row in rows
    ]


def _rows(lines: Sequence[np.ndarray]) -> list[list[list[float]]]:
    """Corners with as many digits as a picture shows, those on straight pieces left out."""
    if not lines:
        return []
    size = float(np.ptp(np.concatenate(lines), axis=0).max())
    digits = max(0, 4 - int(np.floor(np.log10(max(size, 1e-12)))))
    return [np.round(without_straight(line), digits).tolist() for line in lines]


def _grid(corners: np.ndarray) -> tuple[np.ndarray, float]:
    """Places [N, 2] in the middles of square cells over corners [n, 2], and the area of a cell."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    cell = float((high - low).max()) / _SIDE
    counts = np.maximum(1, np.ceil((high - low) / cell).astype(int))
    axes = [low[k] + (np.arange(counts[k]) + 0.5) * cell for k in (0, 1)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2), cell * cell
