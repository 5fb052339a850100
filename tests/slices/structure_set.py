"""RT structure sets written for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np


def write_structure_set(path: Path, regions: Mapping[str, Sequence[np.ndarray]]) -> None:
    """A file of closed contours [n, 3], millimetres LPS, of named regions, numbered from 1."""
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.sequence import Sequence as Items

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    data.Modality = "RTSTRUCT"
    named, drawn = [], []
    for number, (name, lines) in enumerate(regions.items(), 1):
        region, roi, contours = Dataset(), Dataset(), []
        region.ROINumber, region.ROIName, roi.ReferencedROINumber = number, name, number
        for line in lines:
            contour = Dataset()
            contour.ContourGeometricType = "CLOSED_PLANAR"
            contour.NumberOfContourPoints = len(line)
            contour.ContourData = [f"{value:.6f}" for value in np.asarray(line).reshape(-1)]
            contours.append(contour)
        roi.ContourSequence = Items(contours)
        named.append(region)
        drawn.append(roi)
    data.StructureSetROISequence, data.ROIContourSequence = Items(named), Items(drawn)
    data.save_as(path, enforce_file_format=True)
