"""DICOM: which file has contours or labels, and which reader serves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurfield.errors import UserError
from neurfield.optional import require
from neurfield.slices.contours import Slices
from neurfield.slices.rtstruct import slices_of_structures
from neurfield.slices.segmentations import slices_of_segmentation

_TOLD = ("RTSTRUCT", "SEG")
_MOST_NAMED = 4


def read_dicom(path: Path) -> Slices:
    """An RT structure set or a segmentation, in the patient's millimetres (LPS).

    Raises:
        UserError: pydicom is missing, the file is neither, or has nothing in it.
    """
    data = _opened(path)
    kind = _modality(data)
    if kind == "RTSTRUCT":
        return slices_of_structures(data, path)
    if kind == "SEG":
        return slices_of_segmentation(data, path)
    raise UserError(
        f"{path}: a DICOM file of modality {kind or 'unknown'}: give the RTSTRUCT file of the series, "
        "or its SEG file"
    )


def is_dicom(path: Path) -> bool:
    """Whether a file says so itself; many have no ending, or one of their own."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def dicom_in(folder: Path) -> Path | None:
    """The one file of a folder, and of those in it, that has contours or labels; None: there is no DICOM.

    Raises:
        UserError: pydicom is missing, there are images alone, or several files to choose from.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    files = [path for path in files if path.suffix.lower() == ".dcm" or is_dicom(path)]
    if not files:
        return None
    kinds = {path: _modality(_opened(path, ["Modality"])) for path in files}
    told = [path for path, kind in kinds.items() if kind in _TOLD]
    if len(told) == 1:
        return told[0]
    if not told:
        there = ", ".join(sorted({kind or "unknown" for kind in kinds.values()}))
        raise UserError(
            f"{folder}: {len(files)} DICOM files ({there}) and no contours or labels beside them: "
            "give a folder with an RTSTRUCT or SEG file, or draw what is meant as labels first (3D Slicer)"
        )
    names = ", ".join(str(path.relative_to(folder)) for path in told[:_MOST_NAMED])
    names += ", ..." if len(told) > _MOST_NAMED else ""
    raise UserError(f"{folder}: {len(told)} files have contours or labels: give one of them: {names}")


def _opened(path: Path, only: list[str] | None = None) -> Any:
    """The content of a file, or no more than some of its head; also of one that does not say what it is."""
    pydicom: Any = require("pydicom", extra="slices")
    try:
        data = pydicom.dcmread(path, force=True, stop_before_pixels=only is not None, specific_tags=only)
    except Exception as reason:  # its parser raises whatever it meets
        raise _unreadable(path, type(reason).__name__) from reason
    if only is None and not len(data):
        raise _unreadable(path, "nothing is in it")
    return data


def _modality(data: Any) -> str:
    return str(getattr(data, "Modality", "") or "")


def _unreadable(path: Path, reason: str) -> UserError:
    return UserError(f"{path}: not a readable DICOM file ({reason}): copy it again")
