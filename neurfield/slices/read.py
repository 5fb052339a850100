"""Slices from files: which reader serves."""

from __future__ import annotations

from pathlib import Path

from neurfield.errors import UserError
from neurfield.slices.contours import Slices
from neurfield.slices.csl import read_csl
from neurfield.slices.curve_networks import read_contour
from neurfield.slices.dicom import dicom_in, is_dicom, read_dicom
from neurfield.slices.label_volumes import SUFFIXES as VOLUMES
from neurfield.slices.label_volumes import read_label_volume, slices_of_volume
from neurfield.slices.mend import mend

ENDINGS = (".csl", ".contour", *VOLUMES, ".dcm")


def read_slices(path: str | Path) -> Slices:
    """Slices of a file, mended.

    There are .csl, .contour, labels (.nii, .nii.gz, .nrrd, .nhdr), and DICOM's contours or labels (RTSTRUCT,
    SEG), of which the folder of a series may be given.

    Coordinates stay the file's own; a volume's slices are those along its widest spacing.

    Raises:
        UserError: the file is missing, no slices, or has nothing to fit; see `mend`.
    """
    return mend(as_they_are(readable(Path(path).expanduser())))


def readable(path: Path) -> Path:
    """The path, if it is a file with something in it; of a folder of DICOM the file with contours or labels.

    Raises:
        UserError: it is none.
    """
    if path.is_dir():
        found = dicom_in(path)
        if found is not None:
            return found
        raise UserError(
            f"{path}: a folder: make one file of a stack of pictures or drawings first, "
            "neurfield slices import FOLDER --spacing X,Y,Z"
        )
    if not path.is_file():
        raise UserError(f"{path}: there is no such file of slices")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty: copy it again")
    return path


def as_they_are(path: Path) -> Slices:
    """The same, with nothing mended.

    Raises:
        UserError: as of `read_slices`.
    """
    name = path.name.lower()
    if name.endswith(".csl"):
        return read_csl(path)
    if name.endswith(".contour"):
        return read_contour(path)
    if name.endswith(VOLUMES):
        return slices_of_volume(read_label_volume(path))
    if name.endswith(".dcm") or is_dicom(path):
        return read_dicom(path)
    there_are = ", ".join(ending.removeprefix(".") for ending in ENDINGS)
    raise UserError(f"{path}: not a kind of file that is read as slices; there are: {there_are}")
