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


def write_segmentation(
    path: Path,
    frames: Sequence[tuple[int, np.ndarray, np.ndarray]],
    names: Mapping[int, str],
    along: np.ndarray,
    spacing: tuple[float, float, float],
) -> None:
    """A SEG of frames (segment's number, origin [3], mask [rows, columns]), whatever way they are turned.

    Args:
        path: of the file.
        frames: in any order.
        names: of segments.
        along: [2, 3] directions of columns and of rows that follow each other.
        spacing: of rows, of columns, of planes.
    """
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.sequence import Sequence as Items

    data, shared = Dataset(), Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    data.file_meta.MediaStorageSOPInstanceUID = "1.2.4"
    data.Modality, data.SegmentationType = "SEG", "BINARY"
    data.Rows, data.Columns = frames[0][2].shape
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 1, 1, 0
    data.NumberOfFrames = len(frames)
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient = [f"{value:.10f}" for value in along.reshape(-1)]
    measures.PixelSpacing, measures.SpacingBetweenSlices = [*spacing[:2]], spacing[2]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Items([orientation]), Items([measures])
    segments, groups = [], []
    for number, name in names.items():
        segment = Dataset()
        segment.SegmentNumber, segment.SegmentLabel = number, name
        segments.append(segment)
    for number, origin, _ in frames:
        group, position, which = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [f"{value:.8f}" for value in origin]
        which.ReferencedSegmentNumber = number
        group.PlanePositionSequence, group.SegmentIdentificationSequence = Items([position]), Items([which])
        groups.append(group)
    data.SegmentSequence, data.SharedFunctionalGroupsSequence = Items(segments), Items([shared])
    data.PerFrameFunctionalGroupsSequence = Items(groups)
    bits = np.packbits(np.concatenate([mask.reshape(-1) for _, _, mask in frames]), bitorder="little")
    data.PixelData = bits.tobytes() + b"\0" * (len(bits) % 2)
    data.save_as(path, enforce_file_format=True)
