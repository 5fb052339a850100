"""What is done to a whole mesh once it is welded, and what it then is."""

from __future__ import annotations

import trimesh

from neurfield.errors import UserError
from neurfield.surfaces.decimation import decimate
from neurfield.surfaces.holes import HoleLimit, fill_holes


def check_clean_up(faces: int | None, holes: str | float | None) -> None:
    """Tell what is wrong with the wishes before anything takes long.

    Raises:
        UserError: `faces` is not positive, or `holes` is neither a length nor a number of edges.
    """
    if faces is not None and faces < 1:
        raise UserError(f"faces {faces}: at least 1 is needed")
    if holes is not None:
        HoleLimit.read(holes)


def clean_up(
    mesh: trimesh.Trimesh, faces: int | None = None, holes: str | float | None = None, unit: float = 1.0
) -> trimesh.Trimesh:
    """The mesh with its holes filled, then with fewer triangles; the input is not changed.

    What was done is in its `metadata["clean_up"]`, lines for people.

    Args:
        mesh: welded.
        faces: how many triangles shall be left (`decimate`); None: all.
        holes: up to which size they are filled (`HoleLimit.read`, lengths in the world's unit); None: none.
        unit: the mesh's unit, in the world's.

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
    if faces is not None:
        before = len(mesh.faces)
        mesh = decimate(mesh, faces)
        more = len(mesh.faces) < before
        done.append(
            f"{before:,} triangles made {len(mesh.faces):,}" if more else f"no more than {faces:,} triangles"
        )
    if done:
        mesh = mesh.copy()
        mesh.metadata["clean_up"] = done
    return mesh
