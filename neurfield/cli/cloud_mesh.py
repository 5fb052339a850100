"""`neurfield mesh` of a cloud of points."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from neurfield.cli.console import next_commands, say, say_quality, size_of
from neurfield.errors import UserError
from neurfield.shapes.shape import Shape
from neurfield.wording import quoted


def mesh_cloud(
    given: Shape,
    target: Path,
    voxel: float | None,
    resolution: int | None,
    colored: bool,
    component: str | float | None,
    faces: int | None = None,
    holes: str | None = None,
) -> None:
    """Make a mesh of points, write it, and tell how it came about.

    Args:
        given: the points.
        target: the mesh's file.
        voxel: edge of the cells in the cloud's unit; None: as its points lie.
        resolution: cells along the longest side of the points instead.
        colored: with the points' colours, where they have some.
        component: which pieces stay.
        faces: how many triangles are left; None: all.
        holes: up to which size they are filled; None: none.

    Raises:
        UserError: flags do not go together, or no surface comes out.
    """
    from neurfield.shapes import mesh_of_cloud
    from neurfield.stereo.progress import Bar
    from neurfield.surfaces import clean_up, keep_components, place_in_words, save_mesh

    if voxel is not None and resolution is not None:
        raise UserError("--voxel and --resolution say the same thing twice: leave one out")
    if voxel is not None and not (np.isfinite(voxel) and voxel > 0.0):
        raise UserError(f"--voxel {voxel:g}: it is a length, give a positive number")
    if resolution is not None and resolution < 1:
        raise UserError(f"--resolution {resolution}: at least 1 is needed")
    started = time.perf_counter()
    if resolution is not None:
        voxel = float(np.ptp(given.vertices, axis=0).max()) / resolution
    colors = given.colors if colored else None
    with Bar() as progress:
        made = mesh_of_cloud(given.vertices, given.normals, colors, voxel, progress)
    mesh = clean_up(keep_components(made.mesh, "all" if component is None else component), faces, holes)
    save_mesh(mesh, target)
    if made.orientation is None:
        normals = "as the file has them"
    else:
        noise = made.orientation.scale.noise
        normals = f"found by the winding number (noise {noise:.2g})"
    say(
        f"points   {len(given.vertices):,}; normals {normals}",
        f"mesh     {target} ({size_of(target)})",
        f"         {len(mesh.vertices):,} vertices, {len(mesh.faces):,} triangles,"
        f" voxels of {made.voxel:.3g}, {time.perf_counter() - started:.1f} s",
    )
    say_quality(mesh)
    for note in given.notes:
        say(f"         {note}")
    if made.orientation is not None and made.orientation.doubt():
        say(f"         {made.orientation.doubt()}")
    if made.trimmed > 0.0:
        say(f"         {made.trimmed:.1%} of the closed surface left out: no points lie near it")
    if made.crumbs:
        say(f"         {made.crumbs:,} pieces of less than a dozen points each left out")
    place = place_in_words(mesh, target)
    if place:
        say(f"         {place}")
    next_commands((f"neurfield view {quoted(target)}", "shows it"))
