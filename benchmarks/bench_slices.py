"""Meshes cut by planes, and made of their cuts again, beside distances interpolated from plane to plane.

    python -m benchmarks.bench_slices [--shapes hand ...] [--planes 20 ...] [--random 15] [--orex-seconds 300]

A closed mesh is cut by us into a CSL file: layers of the same height along Z, or planes of any direction.
`neurfield fit --slices` makes a surface of it. For layers the rival is what one would write in an afternoon:
the signed distance of each plane's contours, interpolated linearly between planes, on 256 cells, with a cap
of half a gap at either end. OReX as published joins where it gets seconds (`benchmarks.slices_orex`).

Seconds are of the whole command. Chamfer is the mean of both ways, in % of the diagonal; IoU is of what is
inside mesh and truth; that of contours is of the mesh's own cuts by the same planes. Hausdorff's distance is
in % of the diagonal, volume in % more than the truth's, Euler's number less the truth's; ripple is how much
normals turn where truth is flat, as of `box` and `cylinder`, which need no download; terraces are how much
steeper the surface is in some part of the way from plane to plane than in another. Poisson's surface is of
points on the contours with normals in their planes. The first cut's fit is contoured a second time, by dual
contouring with the field's gradients.

Labels of patients, and a brain's folded surface (`white`), are of packages that are fetched by name
(`benchmarks.slice_assets`); what cannot be had is left out and told.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh

from benchmarks import shape_assets, slice_assets, slice_labels, slice_metrics
from benchmarks.bench_shapes import unit_of
from benchmarks.common import run_measured, run_script, say
from benchmarks.object_assets import Unavailable
from benchmarks.room_table import newest_run
from benchmarks.script import Table, arguments, report
from benchmarks.slices_orex import CutShort
from neurfield.errors import UserError
from neurfield.inputs.shape.results import intersection_over_union, numbers
from neurfield.inputs.slices import SlicesInput
from neurfield.inputs.slices.results import numbers_in_planes
from neurfield.report.mesh_file import read_mesh
from neurfield.slices import Slices, cut, parallel_planes, random_planes, signed_distance, write_csl
from neurfield.slices.unit_slices import UnitSlices
from neurfield.surfaces import extract_level_set

COLUMNS = ("shape", "planes", "by", "s", "Chamfer %", "IoU", "contour IoU", "normals", *slice_metrics.COLUMNS)
CELLS = 256
SHAPES = ("hand", "bunny00", "knot2", *shape_assets.LIMBS, "box", "cylinder", *slice_assets.MESHES)


def mesh_of(name: str) -> trimesh.Trimesh:
    """A closed mesh by its name.

    Raises:
        Unavailable: it cannot be had.
    """
    if name in slice_assets.MESHES:
        return slice_assets.brain_surface()
    return slice_metrics.invented(name) or shape_assets.load(name)


def interpolated(slices: Slices) -> trimesh.Trimesh:
    """The surface of signed distances that are interpolated linearly from plane to plane."""
    ordered = sorted(slices.slices, key=lambda one: one.plane.offset)
    normal, gap = ordered[0].plane.normal, float(slices.gaps.mean())
    places = np.array([float(one.plane.origin @ normal) for one in ordered])

    def field(points: torch.Tensor) -> torch.Tensor:
        world = points.double().numpy()
        height = world @ normal
        below = np.clip(np.searchsorted(places, height) - 1, 0, len(places) - 2)
        share = np.clip((height - places[below]) / (places[below + 1] - places[below]), 0.0, 1.0)
        value = np.zeros(len(world))
        for k, one in enumerate(ordered):
            for rows, weight in ((below == k, 1.0 - share), (below + 1 == k, share)):
                if rows.any():
                    flat = one.plane.flat(world[rows])
                    told = signed_distance(flat, [contour.corners for contour in one.contours])
                    value[rows] += weight[rows] * np.minimum(told, 4.0 * gap)
        beyond = np.maximum(np.maximum(places[0] - height, height - places[-1]), 0.0)
        return torch.from_numpy(np.maximum(value, beyond - 0.5 * gap)).float()

    box = slices.box
    # Distances of planes change by more than their own from one to the next.
    vertices, faces = extract_level_set(field, box, float(np.ptp(box, axis=0).max()) / CELLS, lipschitz=4.0)
    return trimesh.Trimesh(vertices, faces, process=False)


def rows_of(
    name: str, mesh: trimesh.Trimesh, slices: Slices, what: str, quick: bool, orex: CutShort, dual: bool
) -> list[list[Any]]:
    """Ours, by dual contouring if asked, OReX where it has time, and the rival where planes are layers."""
    truth, unit, rows = unit_of(mesh), UnitSlices(slices), []

    def row(by: str, made: trimesh.Trimesh, seconds: float | None) -> None:
        of = numbers(made, truth)
        rows.append(
            [name, what, by, seconds, of["chamfer_percent"], intersection_over_union(made, truth),
             numbers_in_planes(made, unit)["contour_iou"], of["normal_consistency"],
             *slice_metrics.closely(made, truth, slices)]
        )  # fmt: skip
        say(str(rows[-1]))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.csl"
        write_csl(slices, path)
        steps = ["--steps", "100"] if quick else []
        words = ["fit", "--slices", str(path), "--out", folder, *steps]
        result = run_measured([sys.executable, "-m", "neurfield", *words])
        run = newest_run(Path(folder))
        row("fit", read_mesh(run / "mesh.ply"), result.seconds)
        if dual:
            surface = SlicesInput.open_surface(run)
            row("fit, dual contouring", surface.mesh(extractor="dual-contouring", faces="auto"), None)
        if orex.seconds > 0:
            by, made, seconds = orex.fit(name, what, slices, path, Path(folder))
            if made is None:
                rows.append([name, what, f"{by}: no surface yet", seconds, *[None] * (len(COLUMNS) - 4)])
            else:
                row(by, made, seconds)
    if slices.parallel:
        row("interpolated distances", interpolated(slices), None)
    by_poisson = slice_metrics.poisson(unit)
    if by_poisson is not None and len(by_poisson.faces):
        row("Poisson of contours", by_poisson, None)
    return rows


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__, "bench_slices")
    parser.add_argument("--shapes", nargs="*", default=[*SHAPES])
    parser.add_argument("--labels", nargs="*", default=[*slice_assets.LABELS], help="of patients")
    parser.add_argument("--uneven", nargs="*", type=int, default=[20], help="layers along Z, unevenly apart")
    parser.add_argument("--planes", nargs="+", type=int, default=[10, 20, 30], help="layers along Z")
    parser.add_argument("--random", nargs="*", type=int, default=[15], help="planes of any direction")
    parser.add_argument("--orex-seconds", type=float, default=0.0, help="of each fit by orex; 0: none")
    args = parser.parse_args()
    orex = CutShort(args.orex_seconds)
    if args.quick:
        args.shapes, args.planes, args.random = args.shapes[:1], args.planes[:1], []
        args.uneven, args.labels = [], []
    rows: list[list[Any]] = []
    for name in args.shapes:
        try:
            mesh = mesh_of(name)
        except Unavailable as reason:
            say(f"{name}: {reason}")
            continue
        box = np.asarray(mesh.bounds)
        cuts = [(f"{count} layers", parallel_planes(box, count)) for count in args.planes]
        cuts += [(f"{count} of any direction", random_planes(box, count)) for count in args.random]
        cuts += [(f"{count} uneven layers", parallel_planes(box, count, seed=1)) for count in args.uneven]
        for what, planes in cuts:
            dual = planes is cuts[0][1]
            rows += rows_of(name, mesh, cut(mesh, planes, name), what, args.quick, orex, dual)
            report(args.out, [Table("Slices", COLUMNS, rows), *orex.tables], quiet=True)
    labelled: list[list[Any]] = []
    for name in args.labels:
        try:
            labelled += slice_labels.label_rows(name, slice_assets.labels_of(name), args.quick)
        except (Unavailable, UserError) as reason:
            say(f"{name}: {reason}")
    tables = [Table("Slices", COLUMNS, rows)] if rows else []
    tables += [Table(slice_labels.TITLE, slice_labels.COLUMNS, labelled)] if labelled else []
    report(args.out, [*tables, *orex.tables])


if __name__ == "__main__":
    run_script(main)
