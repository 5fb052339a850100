"""`neurfield mesh`: the surface of a run, or of a cloud of points, as a mesh file; or a mesh, cleaned up."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say, say_quality, size_of
from neurfield.cli.runs import MovedScene, Plugin
from neurfield.cli.threads import Device, Threads, use_threads
from neurfield.errors import UserError
from neurfield.wording import quoted

if TYPE_CHECKING:
    import numpy as np

    from neurfield.fitting.surface import FittedSurface

FORMATS = ("ply", "obj", "glb", "stl")


def mesh(
    run: Annotated[Positional[str], arg(metavar="RUN|FILE")],
    voxel: Annotated[
        float | None,
        arg(metavar="SIZE", help_behavior_hint="(default: the run's mesh.voxel, or as points lie apart)"),
    ] = None,
    resolution: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None,
    format: Annotated[
        Literal["ply", "obj", "glb", "stl"] | None,
        arg(metavar="ply|obj|glb|stl", help_behavior_hint="(default: as --output ends, or ply)"),
    ] = None,
    color: Annotated[Literal["vertex", "none"], arg(metavar="vertex|none")] = "vertex",
    component: Annotated[
        float | Literal["all", "largest", "object"] | None,
        arg(metavar="all|largest|object|SHARE", help_behavior_hint="(default: the run's mesh.component)"),
    ] = None,
    extractor: Annotated[
        Literal["auto", "marching-cubes", "dual-contouring", "dual-mesh", "mesh-udf"] | None,
        arg(
            metavar="auto|marching-cubes|dual-contouring|dual-mesh|mesh-udf",
            help_behavior_hint="(default: the run's mesh.extractor)",
        ),
    ] = None,
    memory: Annotated[
        str | None, arg(metavar="SIZE", help_behavior_hint="(default: as much as it takes)")
    ] = None,
    faces: Annotated[
        int | Literal["all"] | None,
        arg(metavar="N|all", help_behavior_hint="(default: of a run as few as surface and colours allow)"),
    ] = None,
    holes: Annotated[
        str | None, arg(metavar="LENGTH|COUNTedges", help_behavior_hint="(default: none are filled)")
    ] = None,
    keep_outliers: bool = False,
    texture: Annotated[int | None, arg(metavar="TEXELS", help_behavior_hint="")] = None,
    up: Annotated[
        Literal["auto", "y", "z", "keep"],
        arg(metavar="auto|y|z|keep", help_behavior_hint="(default: as the run's cameras were held)"),
    ] = "auto",
    scene: MovedScene = None,
    objects: bool = False,
    output: Annotated[
        str | None,
        arg(
            metavar="FILE",
            aliases=("--out",),
            help_behavior_hint="(default: mesh.FORMAT in the run, or objects/; FILE_mesh or FILE_clean)",
        ),
    ] = None,
    plugin: Plugin = (),
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Extract a run's surface as one welded mesh in the scene's coordinates and units.

    The run's folder is all that is needed. Of a cloud of points (.ply, .xyz, .npz) a mesh is made without a
    fit: by its normals, or by such as are found for it. A file of triangles is cleaned up: --component,
    --holes, --faces.

    Args:
        run: a run's folder, for example runs/room0/latest, or a file of points or of triangles.
        voxel: edge of the cells, in the scene's units (metres).
        resolution: cells along the longest side of the box, instead of --voxel.
        format: of the file.
        color: colour at the vertices, as seen along the surface's normal, or none.
        component: all pieces, the largest alone, the object without the ground that it stands on, or pieces
            of at least this share of the area, such as 1e-5.
        extractor: marching-cubes or dual-contouring (sharp edges) for fields with a sign, dual-mesh (sharp
            edges) or mesh-udf (noisy fields) for distances without one; auto looks at the field.
        memory: the most that the process may have, such as 4GB: the lattice is looked at in bricks, by
            marching cubes; their mesh is the same.
        faces: about how many triangles shall be left, or all; colours and borders are kept. A run's mesh has
            as few as are off by less than mesh.off voxels, or a tenth in their colours. With --objects each
            has so many.
        holes: fill holes whose border is at most this long, in the scene's units (0.3), or has at most so
            many edges (20edges).
        keep_outliers: of a cloud: points off any surface, too, which are left out otherwise.
        texture: a picture of so many texels a side holds the colours, from the run's photographs and, where
            none looks, from its field; the file is a .glb unless said otherwise. The mesh gets 100000
            triangles at most without --faces.
        up: which way of the world is up in a .glb, whose viewers take +Y for it; keep leaves the axes.
        scene: where the run's scene lies now, if it was moved; for --texture.
        objects: a mesh for each object that the run's field tells apart instead, and scene.glb with all of
            them as named nodes.
        output: the file to write, with --objects the folder.
        plugin: a module or a file that brings parts of the run's method.
        device: where to ask the field.
        threads: how many processors to use.
    """
    use_threads(threads)
    if Path(run).is_file():
        of_runs = (extractor, memory, device, texture, scene)
        if objects or plugin or any(flag is not None for flag in of_runs):
            raise UserError(
                f"{run}: --objects, --extractor, --memory, --texture, --scene, --plugin and --device are of "
                "runs, not of files: leave them out"
            )
        from neurfield.cli.mesh_file import mesh_of_file

        path = Path(run)
        target = None if output is None else output_path(path.parent, output, format)
        count = faces if isinstance(faces, int) else None
        colored = color == "vertex"
        mesh_of_file(path, target, format, voxel, resolution, colored, component, count, holes, keep_outliers)
        return
    if keep_outliers:
        raise UserError(f"{run}: --keep-outliers is of points, not of runs: leave it out")
    from neurfield.cli.textured import check_texture, say_texture, say_up, say_world_up, textured, up_of
    from neurfield.inputs.run import open_surface
    from neurfield.stereo.progress import moving_bar
    from neurfield.surfaces import place_in_words, save_mesh

    if objects and extractor is not None:
        raise UserError(
            "--objects goes by the run's own extractor: leave out --extractor, or set mesh.extractor"
        )
    if objects and texture is not None:
        raise UserError("--objects gives colours at vertices: leave out --texture")
    wishes: dict[str, Any]
    if objects:
        folder = Path(run) / "objects" if output is None else Path(output).expanduser()
        surface = open_surface(Path(run), device, plugin)
        wishes = {
            "voxel": voxel, "resolution": resolution, "color": color, "component": component,
            "faces": "auto" if faces is None else faces, "holes": holes, "memory": memory,
        }  # fmt: skip
        write_objects(surface, folder, format, up_of(up, surface.up), **wishes)
        return
    path = output_path(
        Path(run), output, format or ("glb" if texture is not None and output is None else None)
    )
    check_texture(texture, path, up)
    started = time.perf_counter()
    wishes = {
        "voxel": voxel, "resolution": resolution, "component": component, "extractor": extractor,
        "faces": faces, "holes": holes, "memory": memory,
    }  # fmt: skip
    if texture is None:
        surface = open_surface(Path(run), device, plugin)
        wishes["faces"] = "auto" if faces is None else faces
        with moving_bar() as bar:
            result = surface.mesh(color=color, tell=bar, **wishes)
    else:
        result, loaded = textured(Path(run), device, scene, plugin, texture, **wishes)
        surface = loaded.input.surface()
    upwards = up_of(up, surface.up)
    save_mesh(result, path, upwards)
    low, high = result.bounds
    size = " x ".join(f"{side:.3f}" for side in high - low)
    unit = result.metadata.get("unit") or "in the scene's own units"
    say(
        f"mesh     {path} ({size_of(path)})",
        f"         {len(result.vertices):,} vertices, {len(result.faces):,} triangles, {size} {unit}, "
        f"{time.perf_counter() - started:.1f} s",
    )
    if result.metadata.get("extractor"):
        say(f"         by {result.metadata['extractor']}")
    took = took_in_words(result.metadata["extraction"])
    say(f"         {took}")
    say_quality(result)
    if texture is not None:
        say_texture(result, texture)
    if path.suffix.lower() == ".glb":
        say_up(upwards, up)
    elif path.suffix.lower() == ".obj":
        say_world_up(upwards)
    place = place_in_words(result, path)
    if place:
        say(f"         {place}")
    if path == Path(run) / "mesh.ply":
        next_commands(
            (f"neurfield eval {quoted(run)}", "measures it"), (f"neurfield view {quoted(run)}", "shows it")
        )
    else:
        next_commands((f"neurfield view {quoted(path)}", "shows it"))


def took_in_words(figures: dict[str, float]) -> str:
    """What an extraction took, in a line."""
    from neurfield.surfaces.memory import in_words, peak_bytes

    peak = f"peak memory {in_words(peak_bytes())}"
    if "share" not in figures:
        return peak
    bricks = int(figures["bricks"])
    parts = "" if bricks == 1 else f" in {bricks} bricks"
    asked = f"{figures['share']:.1%} of {figures['points'] / 1e6:,.1f} million lattice points asked"
    return f"{asked}{parts}, {peak}"


def write_objects(
    surface: FittedSurface,
    folder: Path,
    format: str | None,
    up: np.ndarray | None = None,
    **wishes: Any,
) -> None:
    """A file for each object into a folder, and scene.glb; those without a surface are told.

    Args:
        surface: of the run.
        folder: for the files.
        format: of the files; None: .ply.
        up: of the world, for a .glb.
        wishes: arguments of `FittedSurface.objects`.

    Raises:
        UserError: the folder is a file, and what `FittedSurface.objects` raises.
    """
    from neurfield.fitting.surface import NoSurface
    from neurfield.stereo.progress import moving_bar
    from neurfield.surfaces import save_mesh, save_scene

    if folder.suffix and not folder.is_dir():
        raise UserError(f"--output {folder}: with --objects it is a folder, one file an object goes into it")
    started = time.perf_counter()
    with moving_bar() as bar:
        found = surface.objects(**wishes, tell=bar)
    there = {one.label: one.mesh for one in found if one.mesh is not None}
    if not there:
        raise NoSurface(f"{surface.folder}: no object has a surface inside the box: fit for longer")
    folder.mkdir(parents=True, exist_ok=True)
    for one in found:
        for ending in FORMATS:  # of an earlier call
            (folder / f"{one.stem}.{ending}").unlink(missing_ok=True)
        if one.mesh is not None:
            save_mesh(one.mesh, folder / f"{one.stem}.{format or 'ply'}", up)
    scene = save_scene(there, folder / "scene.glb", up, [one.label for one in found if one.around])
    faces = sum(len(mesh.faces) for mesh in there.values())
    say(
        f"objects  {folder} ({len(there)} files of {faces:,} triangles, "
        f"{time.perf_counter() - started:.1f} s)",
        f"scene    {scene} ({size_of(scene)}), a node for each",
    )
    said = next(iter(there.values())).metadata
    if said.get("axes"):
        say(f"         coordinates are {said['axes']}, in {said.get('unit') or 'a unit that nobody says'}")
    empty = [one.label for one in found if one.mesh is None]
    if empty:
        say(f"         {len(empty)} have no surface in the box: {', '.join(empty)}")
    next_commands(
        (f"neurfield eval {quoted(surface.folder)} --objects", "measures each"),
        (f"neurfield view {quoted(scene)}", "shows it"),
    )


def output_path(run: Path, output: str | None, format: str | None) -> Path:
    """Where the mesh goes, its format decided by --format or by how --output ends.

    Raises:
        UserError: the two disagree, the file's ending is no known format, or it is a folder.
    """
    if output is None:
        return run / f"mesh.{format or 'ply'}"
    path = Path(output).expanduser()
    if path.is_dir():
        raise UserError(f"--output {output}: it is a folder; name a file in it, such as {path / 'mesh.ply'}")
    ending = path.suffix.lower().removeprefix(".")
    if not ending and format:
        return path.with_name(f"{path.name}.{format}")
    if ending not in FORMATS:
        raise UserError(f"--output {output}: end it in .{', .'.join(FORMATS)}, or add --format")
    if format and format != ending:
        raise UserError(f"--output {output} ends in .{ending}, --format says {format}: leave one out")
    return path
