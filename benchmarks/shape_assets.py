"""Meshes of other people, fetched by package name and kept under the data folder."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import trimesh

from benchmarks.common import say
from benchmarks.object_assets import Unavailable
from benchmarks.photos.downloads import debian_package, keep
from neurfield.scenes.builtin import data_root

PACKAGE = "libcgal-demo"  # of Debian; 24 MB
INSIDE = "./usr/share/doc/libcgal-dev/data.tar.gz"
CLOSED = ("bunny00", "fandisk_large", "knot2", "hand")
OPEN = ("lion-head", "mask_cone")


def mesh_file(name: str) -> Path:
    """The .off file of a mesh that CGAL's examples use.

    Raises:
        Unavailable: the package cannot be downloaded, or has no such mesh.
    """
    path = data_root() / "downloads" / "cgal" / f"{name}.off"
    if path.exists():
        return path
    say(f"{name}: downloading Debian's {PACKAGE} (24 MB)")
    with debian_package(PACKAGE) as package:
        inner = package.extractfile(INSIDE)
        if inner is None:
            raise Unavailable(f"package {PACKAGE} has no {INSIDE}")
        with tarfile.open(fileobj=io.BytesIO(inner.read())) as data:
            for member in data.getmembers():
                wanted = Path(member.name)
                if wanted.suffix == ".off" and wanted.stem in (*CLOSED, *OPEN):
                    content = data.extractfile(member)
                    assert content is not None
                    keep(path.with_name(wanted.name), content.read())
    if not path.exists():
        raise Unavailable(f"package {PACKAGE} has no mesh {name}")
    return path


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
    """A mesh by name; "half ball" needs no download.

    Raises:
        Unavailable: as `mesh_file`.
    """
    from neurfield.shapes import read_shape

    if name == "half ball":
        return half_ball()
    shape = read_shape(mesh_file(name))
    return trimesh.Trimesh(np.asarray(shape.vertices), np.asarray(shape.faces), process=False)
