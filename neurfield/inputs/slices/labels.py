"""What a fit to several labels leaves: a mesh of each, all of them as one scene, and numbers of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from neurfield.fitting.object_meshes import ObjectMesh
from neurfield.gltf import has_glass
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.slices.results import InPlane, in_planes, numbers_of
from neurfield.inputs.slices.supported import UNSUPPORTED
from neurfield.slices import inner_labels, regions
from neurfield.slices.unit_slices import UnitSlices
from neurfield.surfaces import manifoldness, save_mesh, save_scene

FOLDER = "objects"
_FORMATS = ("stl", "glb")


def write_labels(found: list[ObjectMesh], folder: Path, up: np.ndarray | None) -> None:
    """Write objects/ of a run: an .stl and a .glb of each label, and scene.glb with a node for each.

    Labels that others lie in are glass in the scene. Files of an earlier call go.
    """
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    for one in found:
        for ending in _FORMATS:
            path = place / f"{one.stem}.{ending}"
            path.unlink(missing_ok=True)
            if one.mesh is not None:
                save_mesh(one.mesh, path, up)
    there = {one.label: one.mesh for one in found if one.mesh is not None}
    if there:
        glass = [one.label for one in found if one.around]
        save_scene(there, place / "scene.glb", up, glass)


def shown_file(folder: Path) -> Path:
    """The file of a run that shows most: the scene of all labels where some lie in others, else mesh.ply."""
    return scene if has_glass(scene := folder / FOLDER / "scene.glb") else folder / "mesh.ply"


def measure_labels(found: list[ObjectMesh], slices: UnitSlices, outcome: Outcome) -> list[InPlane]:
    """How well each label's mesh meets what it and those in it have of the planes, its volume; in "labels".

    Returns:
        The planes with the contours and the cuts of all labels.
    """
    parts = regions(slices.slices, inner_labels(slices.slices))
    each: dict[str, dict[str, Any]] = {}
    planes: list[list[InPlane]] = []
    for one in found:
        if one.mesh is None:
            nothing = {"contour_iou": 0.0, "contour_iou_least": 0.0, "volume": 0.0}
            each[one.label] = {**nothing, "closed": "no surface", UNSUPPORTED: 0}
            continue
        planes.append(in_planes(one.mesh, UnitSlices(parts[int(one.id or 0)], slices.box)))
        numbers = numbers_of(planes[-1])
        each[one.label] = {
            "contour_iou": numbers["contour_iou"], "contour_iou_least": numbers["contour_iou_least"],
            "volume": volume(one.mesh), "closed": "yes" if _closed(one.mesh) else "no",
            UNSUPPORTED: one.mesh.metadata.get(UNSUPPORTED, 0),
        }  # fmt: skip
    outcome.metrics["labels"] = {
        "count": len(found), "contour_iou": float(np.mean([of["contour_iou"] for of in each.values()])),
        "each": each,
    }  # fmt: skip
    return [_together(of) for of in zip(*planes)]


def _together(planes: Sequence[InPlane]) -> InPlane:
    """One plane of several labels."""
    given = [line for one in planes for line in one.given]
    made = [line for one in planes for line in one.made]
    shared, either = sum(one.shared for one in planes), sum(one.either for one in planes)
    return InPlane(planes[0].number, given, made, shared, either)


def _closed(mesh: trimesh.Trimesh) -> bool:
    found = manifoldness(mesh)
    return not found.border_edges and not found.crowded_edges


def volume(mesh: trimesh.Trimesh) -> float:
    """What a closed mesh goes around, world lengths cubed; exact far from zero, too."""
    corners = np.asarray(mesh.triangles, np.float64) - np.asarray(mesh.bounds, np.float64).mean(axis=0)
    return float(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6.0)
