"""Meshes of other people, fetched by package name and kept under the data folder."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import trimesh

from benchmarks.common import say
from benchmarks.object_assets import Unavailable
from benchmarks.photos.downloads import archive_within, debian_package, keep
from neurfield.scenes.builtin import data_root

PACKAGE = "libcgal-demo"  # of Debian; 24 MB
INSIDE = "./usr/share/doc/libcgal-dev/data.tar.gz"
FURNITURE = "sweethome3d-furniture"  # of Debian; 120 MB, libraries of models, each a zip archive
CLOSED = ("bunny00", "fandisk_large", "knot2", "hand")
LIMBS = ("armadillo",)  # closed, and cut into slices alone
MODELS = ("VW-new-beetle", "tableWithTablecloth")
OPEN = ("lion-head", "mask_cone", *MODELS)
_Y = (0.0, 1.0, 0.0)
UP = {"bunny00": _Y, "hand": _Y, "lion-head": _Y, **dict.fromkeys(MODELS, _Y)}  # z where nothing is said


def mesh_file(name: str) -> Path:
    """The file of a mesh: .off of those that CGAL's examples use, .obj of Sweet Home 3D's models.

    Raises:
        Unavailable: the package cannot be downloaded, or has no such mesh.
    """
    folder = data_root() / "downloads"
    path = folder / "furniture" / f"{name}.obj" if name in MODELS else folder / "cgal" / f"{name}.off"
    if not path.exists():
        _fetch_models(path.parent) if name in MODELS else _fetch_cgal(path.parent)
    if not path.exists():
        raise Unavailable(f"package {FURNITURE if name in MODELS else PACKAGE} has no mesh {name}")
    return path


def _fetch_cgal(folder: Path) -> None:
    say(f"downloading Debian's {PACKAGE} (24 MB)")
    with debian_package(PACKAGE) as package, archive_within(package, PACKAGE, INSIDE) as data:
        for member in data.getmembers():
            wanted = Path(member.name)
            if wanted.suffix == ".off" and wanted.stem in (*CLOSED, *LIMBS, *OPEN):
                content = data.extractfile(member)
                assert content is not None
                keep(folder / wanted.name, content.read())


def _fetch_models(folder: Path) -> None:
    say(f"downloading Debian's {FURNITURE} (120 MB)")
    with debian_package(FURNITURE) as package:
        for member in package.getmembers():
            content = package.extractfile(member) if member.isfile() else None
            if content is not None and member.name.endswith(".sh3f"):
                with zipfile.ZipFile(io.BytesIO(content.read())) as library:
                    for entry in library.namelist():
                        if Path(entry).suffix == ".obj" and Path(entry).stem in MODELS:
                            keep(folder / Path(entry).name, library.read(entry))
            elif content is not None and Path(member.name).name == "copyright":
                keep(folder / "copyright", content.read())  # whose they are, and on what terms


def half_ball() -> trimesh.Trimesh:
    """The upper half of a ball, open below: an open surface whose border is known."""
    rise = np.linspace(0.0, 0.5 * np.pi, 129)
    profile = np.stack([np.cos(rise), np.sin(rise)], axis=1)
    profile[-1, 0] = 0.0
    half = trimesh.creation.revolve(profile, sections=512)
    half.update_faces(half.nondegenerate_faces())
    half.remove_unreferenced_vertices()
    return half


def load(name: str) -> trimesh.Trimesh:
    """A mesh by name, vertices that repeat others welded; "half ball" needs no download.

    Raises:
        Unavailable: as `mesh_file`.
    """
    from neurfield.shapes import read_shape

    if name == "half ball":
        return half_ball()
    shape = read_shape(mesh_file(name))
    return trimesh.Trimesh(np.asarray(shape.vertices), np.asarray(shape.faces), process=False)
