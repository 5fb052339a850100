"""Contours of DICOM's RT structure sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.slices.contours import Slices
from neurfield.slices.loops import slices_of_loops

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")


def slices_of_structures(data: Any, path: Path) -> Slices:
    """Closed contours of all regions of an RT structure set, in the patient's millimetres (LPS).

    Labels are the regions' numbers, with their names (DICOM PS3.3, C.8.8.5 and C.8.8.6).

    Args:
        data: of pydicom.
        path: of the file, for messages.

    Raises:
        UserError: it has no closed contours.
    """
    names = {int(item.ROINumber): str(item.ROIName) for item in getattr(data, "StructureSetROISequence", ())}
    loops, labels, left = [], [], 0
    for roi in getattr(data, "ROIContourSequence", ()):
        for item in getattr(roi, "ContourSequence", ()):
            if str(item.ContourGeometricType) not in _CLOSED:
                left += 1
                continue
            loops.append(np.array(item.ContourData, np.float64).reshape(-1, 3))
            labels.append(int(roi.ReferencedROINumber))
    slices, off = slices_of_loops(loops, labels)
    if not slices:
        raise UserError(f"{path}: has no closed contours in planes")
    notes = []
    if left:
        notes.append(f"{left} contours are points or open lines: left out")
    if off > 0.01:
        notes.append(f"corners lie up to {off:.3g} mm off their planes: they are put onto them")
    there = {label: names.get(label, str(label)) for label in sorted(set(labels))}
    return Slices(path.stem, tuple(slices), there, "mm", "LPS", path, tuple(notes))
