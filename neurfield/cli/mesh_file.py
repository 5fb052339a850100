"""`neurfield mesh` of a file: a mesh that is cleaned up, or a cloud that becomes one."""

from __future__ import annotations

import time
from pathlib import Path

import trimesh

from neurfield.cli.console import next_commands, say, say_quality, size_of
from neurfield.errors import UserError
from neurfield.shapes.shape import Shape
from neurfield.wording import quoted


def mesh_of_file(
    path: Path,
    target: Path | None,
    format: str | None,
    voxel: float | None,
    resolution: int | None,
    colored: bool,
    component: str | float | None,
    faces: int | None,
    holes: str | None,
    keep_outliers: bool = False,
) -> None:
    """Read a file and write a mesh beside it: a cloud's surface, or the cleaned triangles of a mesh.

    Args:
        path: the file.
        target: the mesh's file; None: beside the other one, CLOUD_mesh or MESH_clean.
        format: of the mesh's file; None: that of the file, or ply.
        voxel: edge of a cloud's cells.
        resolution: cells along the longest side of a cloud instead.
        colored: with colours, where the file has some.
        component: which pieces stay.
        faces: how many triangles are left.
        holes: up to which size they are filled.
        keep_outliers: of a cloud, points off any surface, too.

    Raises:
        UserError: the file cannot be read, flags do not go together, or no surface comes out.
    """
    from neurfield.cli.cloud_mesh import mesh_cloud
    from neurfield.shapes import read_shape
    from neurfield.surfaces.after_welding import check_clean_up

    check_clean_up(faces, holes)
    given = read_shape(path, keep_outliers)
    if component == "object":
        raise UserError("--component object: a file has no cameras that tell its ground: use all or largest")
    if not given.is_mesh:
        target = target or path.with_name(f"{path.stem}_mesh.{format or 'ply'}")
        mesh_cloud(given, target, voxel, resolution, colored, component, faces, holes)
        return
    if keep_outliers:
        raise UserError(f"{path}: --keep-outliers is of points, and this file is a mesh: leave it out")
    if voxel is not None or resolution is not None:
        raise UserError(f"{path}: --voxel and --resolution are of runs and points, and this file is a mesh")
    if faces is None and holes is None and component in (None, "all"):
        raise UserError(
            f"{path}: holds triangles, so it is a mesh already: --component, --holes or --faces clean it up"
        )
    ending = path.suffix.lower().removeprefix(".")
    kind = format or (ending if ending in ("ply", "obj", "glb", "stl") else "ply")
    clean_file(given, target or path.with_name(f"{path.stem}_clean.{kind}"), colored, component, faces, holes)


def clean_file(
    given: Shape,
    target: Path,
    colored: bool,
    component: str | float | None,
    faces: int | None,
    holes: str | None,
) -> None:
    """Clean a file's triangles up, write them, and tell what they were and are.

    Arguments and what is raised are those of `mesh_of_file`.
    """
    from neurfield.surfaces import clean_up, keep_components, manifoldness, place_in_words, save_mesh

    started = time.perf_counter()
    mesh = trimesh.Trimesh(given.vertices, given.faces, process=False)
    if colored and given.colors is not None:
        mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=given.colors)
    was = manifoldness(mesh).words
    made = clean_up(keep_components(mesh, "all" if component is None else component), faces, holes)
    save_mesh(made, target)
    say(
        f"given    {given.words}; {was}",
        *(f"         {note}" for note in given.notes),
        f"mesh     {target} ({size_of(target)})",
        f"         {len(made.vertices):,} vertices, {len(made.faces):,} triangles,"
        f" {time.perf_counter() - started:.1f} s",
    )
    say_quality(made)
    place = place_in_words(made, target)
    if place:
        say(f"         {place}")
    next_commands((f"neurfield view {quoted(target)}", "shows it"))
