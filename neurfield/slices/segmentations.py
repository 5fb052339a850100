"""Labels of DICOM's segmentations (SEG)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.slices.contours import Contour, Plane, Slice, Slices
from neurfield.slices.label_volumes import contours_of_labels

_ONE_PLANE = 0.01  # of the pixels' size: frames nearer than that are of one plane
_MOST_EMPTY = 10  # times as many planes as have labels: more between them is another spacing


def slices_of_segmentation(data: Any, path: Path) -> Slices:
    """Lines around all segments of a segmentation, LPS, millimetres.

    Frames without a label are mostly left out of such files. Where planes lie a whole number of spacings
    apart, those between are there without contours: a segment is not made up across them.

    DICOM PS3.3, A.51 and C.8.20; places of pixels by C.7.6.2.1.1.

    Args:
        data: of pydicom.
        path: of the file, for messages.

    Raises:
        UserError: it does not say where frames lie, has no pixels, or nothing in them; contourpy is missing.
    """
    names = {int(item.SegmentNumber): str(getattr(item, "SegmentLabel", "") or item.SegmentNumber)
             for item in getattr(data, "SegmentSequence", ())}  # fmt: skip
    frames = _frames(data, path)
    shared = _first(getattr(data, "SharedFunctionalGroupsSequence", ()))
    each = list(getattr(data, "PerFrameFunctionalGroupsSequence", ()))
    if len(each) < len(frames):
        raise UserError(
            f"{path}: says of {len(each)} of its {len(frames)} frames where they lie: export it again"
        )
    planes: list[Plane] = []
    inside: list[list[Contour]] = []
    pixel, step = np.inf, 0.0
    for frame, group in zip(frames, each):
        try:
            plane, into_plane, step = _place(group, shared, step)
            labels = _labels(frame, group, shared, data)
        except (AttributeError, IndexError, ValueError, TypeError) as reason:
            raise UserError(f"{path}: a frame does not say where it lies, or of which segment it is: "
                            "export it again") from reason  # fmt: skip
        pixel = min(pixel, float(np.abs(into_plane).max()))
        found = contours_of_labels(labels, into_plane)
        same = next((k for k, one in enumerate(planes) if _same(one, plane, pixel)), None)
        if same is None:
            same = len(planes)
            planes.append(plane)
            inside.append([])
        moved = [Contour(planes[same].flat(plane.world(one.corners)), one.label) for one in found]
        inside[same] += moved
    if not any(inside):
        raise UserError(f"{path}: all of its frames are empty: there is no label in it")
    along = planes[0].normal
    order = sorted(range(len(planes)), key=lambda k: float(planes[k].origin @ along))
    slices = [Slice(planes[k], tuple(inside[k])) for k in order]
    filled, empty = _with_empty(slices, step)
    numbered = tuple(Slice(one.plane, one.contours, k + 1) for k, one in enumerate(filled))
    notes = (f"{empty} planes between others have no frame: nothing is in them",) if empty else ()
    return Slices(path.stem, numbered, names, "mm", "LPS", path, notes)


def _first(items: Any) -> Any:
    return items[0] if len(items) else None


def _frames(data: Any, path: Path) -> np.ndarray:
    """[F, rows, columns] values of pixels."""
    try:
        values = np.asarray(data.pixel_array)
    except Exception as reason:  # decoders raise whatever they meet
        raise UserError(f"{path}: its pixels are not readable ({type(reason).__name__}): export it again, "
                        "uncompressed") from reason  # fmt: skip
    return values if values.ndim == 3 else values[None]


def _group(name: str, group: Any, shared: Any) -> Any:
    """The first item of a frame's own functional group, or else of the one that all share."""
    own = getattr(group, name, None)
    return own[0] if own else getattr(shared, name)[0]


def _place(group: Any, shared: Any, step: float) -> tuple[Plane, np.ndarray, float]:
    """The plane of a frame, what makes places in it of (column, row), and how far apart frames are."""
    axes = _group("PlaneOrientationSequence", group, shared).ImageOrientationPatient
    measures = _group("PixelMeasuresSequence", group, shared)
    origin = _group("PlanePositionSequence", group, shared).ImagePositionPatient
    along_row, along_column = np.asarray(axes, np.float64).reshape(2, 3)
    along_row = along_row / np.linalg.norm(along_row)
    along_column = along_column - (along_column @ along_row) * along_row
    between_rows, between_columns = (float(value) for value in measures.PixelSpacing)
    step = float(getattr(measures, "SpacingBetweenSlices", 0.0) or step)
    plane = Plane(np.asarray(origin, np.float64),
                  np.stack([along_row, along_column / np.linalg.norm(along_column)]))  # fmt: skip
    return plane, np.diag([between_columns, between_rows]), step


def _labels(frame: np.ndarray, group: Any, shared: Any, data: Any) -> np.ndarray:
    """[columns, rows] labels of a frame's pixels."""
    if str(getattr(data, "SegmentationType", "")) == "LABELMAP":
        return frame.T.astype(np.int64)
    number = int(_group("SegmentIdentificationSequence", group, shared).ReferencedSegmentNumber)
    whole = int(getattr(data, "MaximumFractionalValue", 1) or 1)
    return np.where(2 * frame.T.astype(np.int64) > whole, number, 0)


def _same(one: Plane, other: Plane, pixel: float) -> bool:
    return (
        abs(float(one.normal @ other.normal)) > 1.0 - 1e-6
        and abs(float(one.heights(other.origin[None])[0])) <= _ONE_PLANE * pixel
    )


def _with_empty(slices: list[Slice], step: float) -> tuple[list[Slice], int]:
    """Parallel slices in order with those that have no frame between them, and how many these are."""
    normal = slices[0].plane.normal
    if any(abs(float(one.plane.normal @ normal)) < 1.0 - 1e-6 for one in slices):
        return slices, 0
    gaps = np.diff([float(one.plane.origin @ normal) for one in slices])
    step = step or float(gaps.min(initial=np.inf))
    missing = np.zeros(len(gaps), np.int64)
    if len(gaps) and np.isfinite(step):
        whole = np.rint(gaps / step).astype(np.int64)
        missing = np.where(np.abs(gaps - whole * step) < 0.1 * step, whole - 1, 0)
    if missing.min(initial=0) < 0 or missing.sum() > _MOST_EMPTY * len(slices):
        return slices, 0
    filled = [slices[0]]
    for one, count, gap in zip(slices[1:], missing, gaps):
        before = filled[-1].plane
        for k in range(1, int(count) + 1):
            filled.append(Slice(Plane(before.origin + k * gap / (count + 1) * normal, before.axes)))
        filled.append(one)
    return filled, int(missing.sum())
