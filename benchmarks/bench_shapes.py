"""Meshes and clouds to fields to meshes, beside screened Poisson reconstruction and the visible truth.

    python -m benchmarks.bench_shapes [--shapes bunny00 ...] [--open lion-head ...] [--tables clouds ...]

clouds: points drawn evenly from closed meshes, clean with normals; with noise of 0.25 % of the diagonal and
without normals; and each alone. By `neurfield fit`, by `neurfield mesh` (no fit), by Open3D's screened
Poisson reconstruction at depth 9, which gets Open3D's own estimated, oriented normals where there are none.
meshes: the same meshes as signed fields.
open: open meshes as unsigned fields, with the length of the border, beside meshes of their exact distances,
and beside what needs no network: normals, heat and Poisson on a grid of 128 cells, of points without normals
(benchmarks/network_free.py).
pulled: points of open meshes, without normals, as unsigned fields that pull places onto them.
exact: dual meshing of exact distances, as published and with edges asked whether they are crossed.
The file is written after every shape; --merge makes one of several.
--pictures FOLDER draws a sheet a shape: the truth, ours, and rivals; closed shapes of their hardest points.

Seconds are of the whole command, from its start to the mesh, on as many threads as OMP_NUM_THREADS says; what
draws and measures after that does not count. Chamfer is the mean of both ways, in % of the diagonal.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh

from benchmarks import shape_assets
from benchmarks.cloud_to_mesh import by_open3d
from benchmarks.common import run_measured, run_script, say
from benchmarks.network_free import network_free
from benchmarks.object_assets import Unavailable
from benchmarks.room_methods.fits import facts_of
from benchmarks.room_table import newest_run
from benchmarks.script import Table, arguments, report, text_row
from benchmarks.shape_pictures import save_sheet
from neurfield.errors import UserError
from neurfield.inputs.shape.results import intersection_over_union, numbers
from neurfield.optional import require
from neurfield.rays import UnitFrame
from neurfield.shapes import Shape, UnitShape, mend
from neurfield.surfaces import extract_dual_mesh

NOISE = 0.0025  # of the diagonal
CASES = {
    "clean, normals": (0.0, True), "noisy, normals": (NOISE, True),
    "clean, no normals": (0.0, False), "noisy, no normals": (NOISE, False),
}  # fmt: skip
TABLES = ("clouds", "meshes", "open", "pulled", "exact")
CLOUDS = ("shape", "points", "by", "s", "Chamfer %", "normals", "triangles", "closed")
MESHES = ("shape", "s", "Chamfer %", "IoU", "normals", "triangles")
OPENED = ("shape", "by", "s", "Chamfer %", "F@0.5 % of the diagonal", "normals", "border / true", "triangles")
EXACT = ("shape", "cells", "edges", "s", "Chamfer %", "edges of other than two faces %", "triangles")
CELLS = 256  # along the box, of meshes of exact distances beside fitted ones
PULLED = ("levelset-udf", "cap-udf")
SHELL = 0.5  # cells: the level at which an unsigned distance is drawn by marching cubes, to compare with


@dataclass(frozen=True)
class Made:
    """A mesh that a command left, and the seconds until then; None where it failed."""

    mesh: trimesh.Trimesh | None
    seconds: float


def run_fit(file: Path, out: Path, words: list[str]) -> Made:
    """`neurfield fit --shape FILE`."""
    started = time.time()
    command = ["fit", "--shape", str(file), "--out", str(out), "--set", "train.save_every=0", *words]
    result = run_measured([sys.executable, "-m", "neurfield", *command])
    if result.status:
        return Made(None, result.seconds)
    facts = facts_of(newest_run(out), started, result.seconds)
    return Made(None if facts["mesh"] is None else read(Path(facts["mesh"])), facts["seconds"])


def run_mesh(file: Path) -> Made:
    """`neurfield mesh FILE`."""
    target = file.with_name(f"{file.stem}_mesh.ply")
    target.unlink(missing_ok=True)
    result = run_measured([sys.executable, "-m", "neurfield", "mesh", str(file)])
    return Made(read(target) if target.exists() else None, result.seconds)


def run_poisson(points: np.ndarray, normals: np.ndarray | None) -> Made:
    """Open3D, its normals where none are given, in this process.

    Raises:
        UserError: it is not installed.
    """
    open3d = require("open3d", extra="viewer")
    started = time.perf_counter()
    if normals is None:
        cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
        cloud.estimate_normals(open3d.geometry.KDTreeSearchParamKNN(16))
        cloud.orient_normals_consistent_tangent_plane(16)
        normals = np.asarray(cloud.normals)
    return Made(by_open3d(points, normals), time.perf_counter() - started)


def run_network_free(points: np.ndarray) -> Made:
    """Normals, heat, Poisson on a grid, in this process."""
    started = time.perf_counter()
    mesh = network_free(points)
    return Made(mesh, time.perf_counter() - started)


def read(file: Path) -> trimesh.Trimesh:
    """A mesh as its file has it."""
    return trimesh.load(file, force="mesh", process=False)


def unit_of(mesh: trimesh.Trimesh) -> UnitShape:
    """A true mesh, ready to be measured against."""
    return UnitShape(mend(Shape("truth", np.asarray(mesh.vertices), np.asarray(mesh.faces))))


def edge_uses(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    """The edges [E, 2] of a mesh, and how many faces each has."""
    return np.unique(np.sort(mesh.edges, axis=1), axis=0, return_counts=True)


def border_length(mesh: trimesh.Trimesh) -> float:
    """The length of edges with one face."""
    edges, uses = edge_uses(mesh)
    ends = np.asarray(mesh.vertices)[edges[uses == 1]]
    return float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1).sum())


def cloud_rows(
    name: str, true: trimesh.Trimesh, count: int, out: Path, pictures: Path | None = None
) -> list[list[Any]]:
    """Rows of a closed shape's points."""
    unit, rows = unit_of(true), []
    shown: dict[str, trimesh.Trimesh | None] = {}
    drawn, face = trimesh.sample.sample_surface(true, count, seed=0)
    for case, (noise, known) in CASES.items():
        moved = np.random.default_rng(1).normal(size=drawn.shape) * noise * unit.shape.diagonal
        points, normals = np.asarray(drawn) + moved, true.face_normals[face] if known else None
        file = out / f"{name}-{case.replace(', ', '-').replace(' ', '-')}.npz"
        np.savez(file, points=points, **({} if normals is None else {"normals": normals}))
        makers: dict[str, Callable[[], Made]] = {
            "neurfield fit": lambda file=file: run_fit(file, out / file.stem, []),
            "neurfield mesh": lambda file=file: run_mesh(file),
            "Poisson, depth 9": lambda p=points, n=normals: run_poisson(p, n),
        }
        for how, make in makers.items():
            try:
                made = make()
            except UserError as reason:
                rows.append(text_row(CLOUDS, str(reason)))
                continue
            rows.append([name, case, how, made.seconds, *_scores(made.mesh, unit), *_size(made.mesh)])
            say(str(rows[-1]))
            shown[how] = made.mesh
    draw(pictures, name, true, shown)  # of the last case
    return rows


def _scores(mesh: trimesh.Trimesh | None, unit: UnitShape) -> tuple[float | None, float | None]:
    if mesh is None or not len(mesh.faces):
        return None, None
    found = numbers(mesh, unit)
    return found["chamfer_percent"], found["normal_consistency"]


def _size(mesh: trimesh.Trimesh | None) -> tuple[int | None, bool | None]:
    return (None, None) if mesh is None else (len(mesh.faces), bool(mesh.is_watertight))


def mesh_row(name: str, true: trimesh.Trimesh, out: Path) -> list[Any]:
    """The row of a mesh as a signed field."""
    file, unit = out / f"{name}.ply", unit_of(true)
    true.export(file)
    made = run_fit(file, out / name, ["--field", "sdf"])
    iou = None if made.mesh is None else intersection_over_union(made.mesh, unit)
    chamfer, normals = _scores(made.mesh, unit)
    return [name, made.seconds, chamfer, iou, normals, _size(made.mesh)[0]]


def open_rows(
    name: str, true: trimesh.Trimesh, count: int, out: Path, pictures: Path | None = None
) -> list[list[Any]]:
    """Rows of an open mesh: unsigned field, its shell at a level, rivals of points; Poisson gets normals."""
    file, unit = out / f"{name.replace(' ', '-')}.ply", unit_of(true)
    true.export(file)
    rows: list[list[Any]] = []
    made = run_fit(file, out / file.stem, ["--field", "udf"])
    started = time.perf_counter()
    exact = Made(exact_mesh(unit, CELLS), time.perf_counter() - started)
    ways = [(f"the exact distance, dual mesh of {CELLS} cells", exact), ("neurfield fit --field udf", made)]
    if made.mesh is not None:
        started = time.perf_counter()
        shell = Made(shell_of(newest_run(out / file.stem)), time.perf_counter() - started)
        ways.append((f"the same field, marching cubes at {SHELL:g} cells", shell))
    drawn, face = trimesh.sample.sample_surface(true, count, seed=0)
    try:
        ways.append(("Poisson, depth 9", run_poisson(np.asarray(drawn), true.face_normals[face])))
    except UserError as reason:
        rows.append(text_row(OPENED, str(reason)))
    ways.append(("network-free (heat, Poisson)", run_network_free(np.asarray(drawn))))
    for how, one in ways:
        rows.append(opened_row(name, how, one, true, unit))
    draw(pictures, name, true, {how: one.mesh for how, one in ways if "same field" not in how})
    return rows


def draw(
    folder: Path | None, name: str, true: trimesh.Trimesh, meshes: dict[str, trimesh.Trimesh | None]
) -> None:
    """A sheet of a shape, if it is asked for: the truth, then what was made of it."""
    if folder is not None:
        path = folder / f"shape_{name.replace(' ', '_')}.jpg"
        up = np.array(shape_assets.UP.get(name, (0.0, 0.0, 1.0)))
        say(f"written: {save_sheet(path, {'truth': true, **meshes}, up)}")


def pulled_rows(name: str, true: trimesh.Trimesh, count: int, out: Path) -> list[list[Any]]:
    """Rows of an open mesh's points, without normals."""
    drawn, _ = trimesh.sample.sample_surface(true, count, seed=0)
    file, unit, rows = out / f"{name.replace(' ', '-')}-points.npz", unit_of(true), []
    np.savez(file, points=np.asarray(drawn))
    for method in PULLED:
        made = run_fit(file, out / f"{file.stem}-{method}", ["--method", method])
        rows.append(opened_row(name, f"neurfield fit --method {method}", made, true, unit))
    return rows


def opened_row(name: str, how: str, made: Made, true: trimesh.Trimesh, unit: UnitShape) -> list[Any]:
    """A row of OPENED."""
    mesh, close = made.mesh, None
    if mesh is not None and len(mesh.faces):
        close = numbers(mesh, unit)["f_score@0.5%"]
    border = None if mesh is None else border_length(mesh) / border_length(true)
    chamfer, normals = _scores(mesh, unit)
    row = [name, how, made.seconds, chamfer, close, normals, border, _size(mesh)[0]]
    say(str(row))
    return row


def shell_of(run: Path) -> trimesh.Trimesh:
    """What marching cubes make of an unsigned field: a closed shell around the surface."""
    from neurfield.inputs.run import open_surface
    from neurfield.surfaces import extract_level_set

    surface = open_surface(run)
    frame = UnitFrame.around(surface.box)
    voxel = surface.voxel() / frame.half
    vertices, faces = extract_level_set(
        surface.field.sdf, frame.unit_from_world(surface.box), voxel, level=SHELL * voxel
    )
    return trimesh.Trimesh(frame.world_from_unit(np.asarray(vertices)), np.asarray(faces), process=False)


def exact_rows(name: str, true: trimesh.Trimesh, cells: int) -> list[list[Any]]:
    """Rows of dual meshing of a mesh's exact distances."""
    unit, rows = unit_of(true), []
    for edges, faithful in (("crossed", False), ("as published", True)):
        started = time.perf_counter()
        mesh = exact_mesh(unit, cells, faithful)
        seconds = time.perf_counter() - started
        uses = edge_uses(mesh)[1]
        share = 100.0 * float((uses != 2).mean())
        rows.append([name, cells, edges, seconds, _scores(mesh, unit)[0], share, len(mesh.faces)])
        say(str(rows[-1]))
    return rows


def exact_mesh(unit: UnitShape, cells: int, faithful: bool = False) -> trimesh.Trimesh:
    """Dual meshing of exact distances."""

    def query(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = unit.tree.nearest(points)
        return found.distance, points - found.point

    made = extract_dual_mesh(query, unit.frame.unit_from_world(unit.box), 2.0 / cells, faithful=faithful)
    return trimesh.Trimesh(unit.frame.world_from_unit(made.vertices), made.faces, process=False)


def merged(files: list[Path]) -> tuple[list[Table], dict[str, Any]]:
    """Tables of the same title joined, in the order of the files, and the first file's machine.

    Raises:
        UserError: they were measured on different machines.
    """
    read = [json.loads(file.read_text()) for file in files]
    if len({content["machine"]["cpu"] for content in read}) > 1:
        raise UserError("the files were measured on different machines: join those of one")
    joined: dict[str, Table] = {}
    for content in read:
        for table in content["tables"]:
            known = joined.get(table["title"], Table(table["title"], table["columns"], []))
            joined[table["title"]] = Table(known.title, known.columns, [*known.rows, *table["rows"]])
    return list(joined.values()), read[0]["machine"]


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__, "bench_shapes")
    parser.add_argument("--shapes", nargs="+", default=list(shape_assets.CLOSED), metavar="NAME")
    parser.add_argument("--open", nargs="+", default=["half ball", *shape_assets.OPEN], metavar="NAME")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--points", type=int, default=100_000, help="drawn from each shape")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw a sheet a shape there")
    parser.add_argument("--merge", nargs="+", type=Path, metavar="FILE", help="measure nothing, join these")
    args = parser.parse_args()
    if args.merge:
        tables, machine = merged(args.merge)
        report(args.out, tables, machine=machine)
        return
    if args.quick:
        args.shapes, args.open, args.points = args.shapes[:1], args.open[:1], min(args.points, 20_000)
    out = args.out.resolve().parent / "shapes"
    out.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[list[Any]]] = {name: [] for name in TABLES}
    columns = {"clouds": CLOUDS, "meshes": MESHES, "open": OPENED, "pulled": OPENED, "exact": EXACT}
    titles = {
        "clouds": f"{args.points:,} points of closed shapes", "meshes": "Meshes as signed fields",
        "open": "Open meshes as unsigned fields", "pulled": "Points of open meshes, pulled",
        "exact": "Dual meshing of exact distances",
    }  # fmt: skip
    for name in (*args.shapes, *args.open):
        try:
            true = shape_assets.load(name)
        except Unavailable as reason:
            say(f"{name}: {reason}")
            rows["clouds" if name in args.shapes else "open"].append(text_row(CLOUDS, f"{name}: {reason}"))
            continue
        if name in args.shapes:
            if "clouds" in args.tables:
                rows["clouds"] += cloud_rows(name, true, args.points, out, args.pictures)
            if "meshes" in args.tables:
                rows["meshes"].append(mesh_row(name, true, out))
        else:
            if "open" in args.tables:
                rows["open"] += open_rows(name, true, args.points, out, args.pictures)
            if "pulled" in args.tables:
                rows["pulled"] += pulled_rows(name, true, min(args.points, 20_000), out)
        if "exact" in args.tables:
            for cells in (64,) if args.quick else (128, 256):
                rows["exact"] += exact_rows(name, true, cells)
        tables = [Table(titles[table], columns[table], rows[table]) for table in args.tables]
        report(args.out, tables, quiet=True)  # what was measured stays if the next one is interrupted
    report(args.out, [Table(titles[name], columns[name], rows[name]) for name in args.tables])


if __name__ == "__main__":
    run_script(main)
