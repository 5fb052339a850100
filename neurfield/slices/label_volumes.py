"""Volumes of labels, NIfTI and NRRD, cut at their own slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.optional import require
from neurfield.slices.contours import Contour, Plane, Slice, Slices

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr")
_MOST_LABELS = 1000
_FEW_LABELS = 32  # of so many, neighbours tell whether they are labels


@dataclass(frozen=True)
class LabelVolume:
    """Labels of voxels.

    Attributes:
        name: for people.
        labels: [I, J, K] whole numbers, 0 where nothing is.
        world_from_index: [4, 4], of the voxels' middles.
        axes: of the world, "RAS", "LPS", or "" where nobody says.
        unit: of its lengths, "" where nobody says.
        names: of labels.
        path: of the file.
    """

    name: str
    labels: np.ndarray
    world_from_index: np.ndarray
    axes: str = ""
    unit: str = ""
    names: Mapping[int, str] = field(default_factory=dict)
    path: Path | None = None

    @property
    def spacing(self) -> np.ndarray:
        """[3] distances of neighbouring voxels along each axis of the array, world lengths."""
        return np.linalg.norm(self.world_from_index[:3, :3], axis=0)


def read_label_volume(path: Path) -> LabelVolume:
    """A .nii, .nii.gz, .nrrd or .nhdr file of labels.

    NIfTI's world is RAS, NRRD's what its header says; both stay as they are.

    Raises:
        UserError: the library that reads it is missing, it is unreadable, not of three axes, has no whole
            numbers, or nothing but zeros.
    """
    read = _read_nifti if path.name.lower().endswith((".nii", ".nii.gz")) else _read_nrrd
    try:
        values, world_from_index, axes, unit, names = read(path)
    except UserError:
        raise
    except Exception as reason:  # readers of files raise whatever their parsers meet
        raise UserError(f"{path}: not a readable volume ({type(reason).__name__}): copy it again") from reason
    values = np.squeeze(values, axis=tuple(range(3, values.ndim))) if values.ndim > 3 else values
    if values.ndim != 3:
        raise UserError(f"{path}: has {values.ndim} axes: give a volume of labels, of three")
    return LabelVolume(
        path.name.partition(".")[0], whole_labels(values, path), world_from_index, axes, unit, names, path
    )


def whole_labels(values: np.ndarray, path: Path) -> np.ndarray:
    """Values as int64 labels.

    Raises:
        UserError: they are not whole, too many, those of an image, or all zero.
    """
    labels = np.rint(values).astype(np.int64)
    if values.dtype.kind == "f" and not np.allclose(labels, values, atol=1e-3):
        raise UserError(f"{path}: holds values between whole numbers: give labels, not an image")
    there = np.unique(labels)
    if len(there) > _MOST_LABELS:
        raise UserError(f"{path}: holds {len(there)} values: give labels, not an image")
    if not there.any():
        raise UserError(f"{path}: all of its voxels are 0: there is no label in it")
    if len(there) > _FEW_LABELS and _shared_by_neighbours(labels) < 0.5:
        raise UserError(
            f"{path}: holds {len(there)} values, and most voxels have another than their neighbours: "
            "give labels, not an image"
        )
    return labels


def _shared_by_neighbours(labels: np.ndarray) -> float:
    """The share of neighbours, neither of them 0, of one label, along the axis where it is greatest."""
    most = 0.0
    for axis in range(labels.ndim):
        moved = np.moveaxis(labels, axis, 0)
        both = (moved[1:] != 0) & (moved[:-1] != 0)
        if both.any():
            most = max(most, float((moved[1:] == moved[:-1])[both].mean()))
    return most


def slices_of_volume(volume: LabelVolume, axis: int | None = None, every: int = 1) -> Slices:
    """The contours of all labels at the volume's own slices.

    Lines run halfway between the middles of voxels of different labels.

    Args:
        volume: to be cut.
        axis: of the array, along which slices follow each other; None: that of the widest spacing, the last
            of those that are alike.
        every: how many slices apart.

    Raises:
        UserError: contourpy is missing.
    """
    if axis is None:
        widest = volume.spacing.max()
        axis = int(np.flatnonzero(volume.spacing > widest * (1.0 - 1e-6))[-1])
    labels, names = np.moveaxis(volume.labels, axis, 2), [k for k in range(3) if k != axis]
    to_world = volume.world_from_index
    first, second, along = (to_world[:3, k] for k in (*names, axis))
    unit = first / np.linalg.norm(first)
    other = second - (second @ unit) * unit
    plane_axes = np.stack([unit, other / np.linalg.norm(other)])
    into_plane = plane_axes @ np.stack([first, second], axis=1)
    slices = []
    for k in range(0, labels.shape[2], every):
        plane = Plane(to_world[:3, 3] + k * along, plane_axes)
        contours = contours_of_labels(labels[:, :, k], into_plane)
        slices.append(Slice(plane, tuple(contours), k + 1))
    there = [int(label) for label in np.unique(volume.labels) if label]
    kept = {label: volume.names[label] for label in there if label in volume.names}
    apart = f"{volume.spacing[axis] * every:.4g} {volume.unit}".strip()
    note = f"cut along axis {axis} of the volume, slices {apart} apart"
    return Slices(volume.name, tuple(slices), kept, volume.unit, volume.axes, volume.path, (note,))


def contours_of_labels(labels: np.ndarray, into_plane: np.ndarray) -> list[Contour]:
    """Lines around each label of a slice.

    Args:
        labels: [I, J] of its voxels, 0 where nothing is.
        into_plane: [2, 2] makes places of the plane of indices.

    Raises:
        UserError: contourpy is missing.
    """
    contourpy = require("contourpy", extra="slices")
    padded = np.pad(labels, 1)
    found: list[Contour] = []
    for label in np.unique(labels):
        if label == 0:
            continue
        lines = contourpy.contour_generator(z=(padded == label).astype(np.float64)).lines(0.5)
        for line in lines:
            # contourpy has columns first, and lines that end where they begin; read backwards, outer ones
            # turn left here as they do there.
            corners = line[:0:-1, ::-1] - 1.0
            found.append(Contour(without_straight(corners) @ into_plane.T, int(label)))
    return found


def without_straight(corners: np.ndarray) -> np.ndarray:
    """Corners [n, 2] of a closed line without those in the middle of a straight piece."""
    before, after = corners - np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0) - corners
    turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    bent = np.abs(turn) > 1e-12
    return corners[bent] if bent.sum() > 2 else corners


def _read_nifti(path: Path) -> tuple[np.ndarray, np.ndarray, str, str, dict[int, str]]:
    nibabel: Any = require("nibabel", extra="slices")
    image = nibabel.load(path)
    unit = {"meter": "m", "mm": "mm", "micron": "um"}.get(image.header.get_xyzt_units()[0], "")
    return np.asanyarray(image.dataobj), np.asarray(image.affine, np.float64), "RAS", unit, {}


def _read_nrrd(path: Path) -> tuple[np.ndarray, np.ndarray, str, str, dict[int, str]]:
    nrrd: Any = require("nrrd", extra="slices")
    values, header = nrrd.read(str(path))
    world = np.eye(4)
    directions = header.get("space directions")
    if directions is None:
        spacings = np.asarray(header.get("spacings", [1.0, 1.0, 1.0]), np.float64)
        world[:3, :3] = np.diag(np.where(np.isfinite(spacings), spacings, 1.0)[:3])
    else:
        world[:3, :3] = np.asarray(directions, np.float64)[:3].T
    world[:3, 3] = np.asarray(header.get("space origin", [0.0, 0.0, 0.0]), np.float64)
    space = str(header.get("space", "")).lower().replace(" ", "-")
    axes = {"left-posterior-superior": "LPS", "lps": "LPS", "right-anterior-superior": "RAS", "ras": "RAS",
            "left-anterior-superior": "LAS", "las": "LAS"}.get(space, "")  # fmt: skip
    units = header.get("space units") or [""]
    return values, world, axes, str(units[0]), _names_of_slicer(header)


def _names_of_slicer(header: Mapping[str, Any]) -> dict[int, str]:
    """Names of segments, as 3D Slicer writes them beside a volume of labels (Segment0_Name, ...)."""
    found = {}
    for key, name in header.items():
        if key.startswith("Segment") and key.endswith("_Name"):
            value = header.get(key.replace("_Name", "_LabelValue"))
            if value is not None and str(value).isdigit():
                found[int(value)] = str(name)
    return found
