"""What is done to a whole mesh once it is welded, and what it then is."""

from __future__ import annotations

from typing import Literal

import trimesh

from neurfield.errors import UserError
from neurfield.ops import native
from neurfield.surfaces.decimation import decimate, thin_out
from neurfield.surfaces.holes import HoleLimit, fill_holes

Faces = int | Literal["auto", "all"] | None  # how many triangles: so many, as many as are needed, or all
# How far a mesh that is told to have as many triangles as it needs may be off. See docs/textures.md.
OFF = 0.1  # cells, root mean square
_COLOR_ERROR = 0.1  # of the way from black to white
_SLOW = 20_000  # triangles: more take minutes without native kernels


def check_clean_up(faces: Faces, holes: str | float | None) -> None:
    """Tell what is wrong with the wishes before anything takes long.

    Raises:
        UserError: `faces` is no positive number, or `holes` is neither a length nor a number of edges.
    """
    if isinstance(faces, int) and faces < 1:
        raise UserError(f"faces {faces}: at least 1 is needed")
    if holes is not None:
        HoleLimit.read(holes)


def clean_up(
    mesh: trimesh.Trimesh,
    faces: Faces = None,
    holes: str | float | None = None,
    unit: float = 1.0,
    cell: float | None = None,
    off: float = OFF,
) -> trimesh.Trimesh:
    """The mesh with its holes filled, then with fewer triangles; the input is not changed.

    What was done is in its `metadata["clean_up"]`, lines for people.

    Args:
        mesh: welded.
        faces: how many triangles shall be left (`decimate`); "auto": as many as surface and colours need
            (`thin_out`); "all" or None.
        holes: up to which size they are filled (`HoleLimit.read`, lengths in the world's unit); None: none.
        unit: the mesh's unit, in the world's.
        cell: edge of the cells that it was extracted from, in its unit; for "auto".
        off: cells, root mean square, that "auto" may be off.

    Raises:
        UserError: as `check_clean_up` and `decimate`.
    """
    check_clean_up(faces, holes)
    done = []
    if holes is not None:
        filled = fill_holes(mesh, HoleLimit.read(holes).scaled(1.0 / unit))
        mesh = filled.mesh
        holes_are = "1 hole" if filled.filled == 1 else f"{filled.filled:,} holes"
        borders_are = "1 border is" if filled.left == 1 else f"{filled.left:,} borders are"
        done.append(f"{holes_are} filled, {borders_are} left")
    if faces == "auto" and native.module is None and len(mesh.faces) > _SLOW:
        done.append("all triangles are kept: without native kernels only --faces N makes them fewer")
    elif faces == "auto" and cell is not None:
        before = len(mesh.faces)
        mesh = thin_out(mesh, off * cell, _COLOR_ERROR)
        reached = float(mesh.metadata["thinned"]) * unit
        fewer = f"{before:,} triangles made {len(mesh.faces):,}"
        done.append(f"{fewer}, off by {reached:.2g} or less (--faces all keeps all)")
    elif isinstance(faces, int):
        before = len(mesh.faces)
        mesh = decimate(mesh, faces)
        more = len(mesh.faces) < before
        done.append(
            f"{before:,} triangles made {len(mesh.faces):,}" if more else f"no more than {faces:,} triangles"
        )
    if done:
        mesh = mesh.copy(include_cache=True)  # normals that vertices were given lie there
        mesh.metadata["clean_up"] = done
    return mesh
