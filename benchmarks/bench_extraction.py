"""Marching cubes on a dense grid against the usual libraries, and extraction from a field that is a function.

A function costs its evaluations: what counts is how few of the lattice's points are asked for, and what the
work beside that takes. The fitted field is that of a run (`--run`). None of the peers leaves out points;
Open3D extracts from its own fusion only.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import run_script, say
from benchmarks.script import Table, arguments, keep_memory, report, text_row
from benchmarks.timing import timed_in_turns
from neurfield.errors import UserError
from neurfield.ops import marching_cubes
from neurfield.optional import require
from neurfield.surfaces import extract_level_set

Field = Callable[[Tensor], Tensor]
BOX = np.array([[-1.0] * 3, [1.0] * 3])
BLOCKS = [(-0.5, -0.5, 0.3), (0.4, 0.1, 0.5), (0.1, -0.6, 0.2), (-0.4, 0.5, 0.4)]  # x, y, height
PEERS = {"VTK": "vtkmodules.vtkFiltersCore", "PyMCubes": "mcubes", "scikit-image": "skimage.measure"}
INSTALL = {"VTK": "vtk", "PyMCubes": "PyMCubes", "scikit-image": "scikit-image"}
GRID_COLUMNS = ["values", "grid", "triangles", "ours ms", "slowest", "fastest"]
GRID_COLUMNS += [column for peer in PEERS for column in (f"{peer} ms", f"x {peer}", f"{peer} triangles")]
FIELD_COLUMNS = ["field", "cubes", "triangles", "of all points' %", "asked M", "of all %", "calls", "field s",
                 "ours s", "slowest", "fastest"]  # fmt: skip


def bumpy_sphere(points: Tensor) -> Tensor:
    """Values [k], slope at most 1.4."""
    return points.norm(dim=1) - 0.7 + 0.05 * torch.sin(8.0 * points).prod(dim=1)


def room(points: Tensor) -> Tensor:
    """Free space between walls and four blocks on the floor, slope 1."""
    nearest = (0.9 - points.abs()).amin(dim=1)
    for x, y, height in BLOCKS:
        centre = torch.tensor([x, y, -0.9])
        beside = (points - centre).abs() - torch.tensor([0.15, 0.2, height])
        nearest = torch.minimum(nearest, beside.amax(dim=1))
    return nearest


def waves(points: Tensor) -> Tensor:
    """A gyroid: surface everywhere."""
    turned = 20.0 * points
    return (torch.sin(turned) * torch.cos(turned.roll(-1, dims=1))).sum(dim=1) / 20.0


def dense_values(field: Field, box: np.ndarray, voxel: float) -> Tensor:
    """Values on the whole lattice [nx, ny, nz], slab by slab."""
    low, high = torch.from_numpy(box)
    counts = np.maximum(1, np.ceil((high - low).numpy() / voxel - 1e-6)).astype(int) + 1
    values = torch.empty(*counts.tolist())
    x, y, z = (torch.arange(n) for n in counts.tolist())
    for i in range(len(x)):
        points = torch.cartesian_prod(x[i : i + 1], y, z)
        values[i] = field((low + points.double() * voxel).float()).view(len(y), len(z))
    return values


def peers_of(values: Tensor) -> tuple[dict[str, Callable[[], int]], list[str]]:
    """Functions that run a peer and give its number of triangles, and a line for each that is not there."""
    makers = {"VTK": flying_edges, "PyMCubes": pymcubes, "scikit-image": lewiner}
    found, missing = {}, []
    for name, maker in makers.items():
        try:
            found[name] = maker(require(PEERS[name], extra="bench"), values.numpy())
        except UserError:
            missing.append(f"{name} is not installed: `pip install {INSTALL[name]}`")
    return found, missing


def flying_edges(core: Any, values: np.ndarray) -> Callable[[], int]:
    """VTK's threaded marching cubes, on as many threads as ours, of points and triangles alone."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkSMPTools
    from vtkmodules.vtkCommonDataModel import vtkImageData

    threads = torch.get_num_threads()
    vtkSMPTools.SetBackend("STDThread" if threads > 1 else "Sequential")
    vtkSMPTools.Initialize(threads)
    scalars = numpy_to_vtk(values.reshape(-1), deep=False)
    image = vtkImageData()
    image.SetDimensions(*values.shape[::-1])
    image.GetPointData().SetScalars(scalars)

    def run() -> int:
        edges = core.vtkFlyingEdges3D()
        edges.SetInputData(image)
        edges.SetValue(0, 0.0)
        for skip in (edges.SetComputeNormals, edges.SetComputeGradients, edges.SetComputeScalars):
            skip(False)
        edges.Update()
        return int(edges.GetOutput().GetNumberOfPolys())

    return run


def pymcubes(mcubes: Any, values: np.ndarray) -> Callable[[], int]:
    return lambda: len(mcubes.marching_cubes(values, 0.0)[1])


def lewiner(measure: Any, values: np.ndarray) -> Callable[[], int]:
    """scikit-image's, which finds normals too, and cannot be told not to."""
    return lambda: len(measure.marching_cubes(values, 0.0)[1])


def grid_row(field: Field, name: str, size: int, repeats: int) -> tuple[list[Any], list[str]]:
    """Milliseconds for one grid, and which peers are missing."""
    say(f"{name}, {size}^3")
    values = dense_values(field, BOX, 2.0 / size)
    peers, missing = peers_of(values)
    triangles = {peer: run() for peer, run in peers.items()}
    found = timed_in_turns({"ours": lambda: marching_cubes(values), **peers}, repeats)
    ours = found["ours"]
    row: list[Any] = [name, f"{size}^3", len(marching_cubes(values)[1])]
    row += [1e3 * seconds for seconds in (ours.median, ours.slowest, ours.fastest)]
    for peer in PEERS:
        if peer in found:
            row += [1e3 * found[peer].median, found[peer].median / ours.median, triangles[peer]]
        else:
            row += [None, None, None]
    return row, missing


class Meter:
    """A field that counts how often, and for how long, it was asked."""

    def __init__(self, field: Field) -> None:
        self.field, self.seconds, self.points, self.calls = field, 0.0, 0, 0

    def __call__(self, points: Tensor) -> Tensor:
        started = time.perf_counter()
        values = self.field(points)
        self.seconds += time.perf_counter() - started
        self.points += len(points)
        self.calls += 1
        return values


def field_row(field: Field, name: str, box: np.ndarray, size: int, repeats: int) -> list[Any]:
    """One field at `size` cubes along the longest side of the box: what it was asked, and the seconds."""
    say(f"{name} as a function, {size} along the longest side")
    voxel = float((box[1] - box[0]).max()) / size
    field_seconds, our_seconds = [], []
    for _ in range(repeats):
        meter = Meter(field)
        started = time.perf_counter()
        _, faces = extract_level_set(meter, box, voxel)
        our_seconds.append(time.perf_counter() - started - meter.seconds)
        field_seconds.append(meter.seconds)
    values = dense_values(field, box, voxel)
    all_faces = len(marching_cubes(values)[1])
    cubes = " x ".join(str(n - 1) for n in values.shape)
    asked = [meter.points / 1e6, 100 * meter.points / values.numel(), meter.calls]
    ours = [statistics.median(our_seconds), max(our_seconds), min(our_seconds)]
    return [name, cubes, len(faces), 100 * len(faces) / max(1, all_faces), *asked,
            statistics.median(field_seconds), *ours]  # fmt: skip


def fitted(path: Path) -> tuple[Field, np.ndarray]:
    """A run's field and its box, in the unit frame."""
    from neurfield.fitting import Run

    run = Run.load(path)
    run.task.field.active_levels = run.task.field.encoding.levels

    @torch.no_grad()
    def field(points: Tensor) -> Tensor:
        return run.task.field.sdf(points)

    return field, np.array(run.task.unit_box).reshape(2, 3)


def main() -> None:
    """A table for grids and one for functions."""
    keep_memory("benchmarks.bench_extraction")
    parser = arguments(__doc__, "extraction")
    parser.add_argument("--sizes", type=int, nargs="+", help="cubes along the longest side")
    parser.add_argument("--run", type=Path, default=Path("runs/room0/latest"), help="a fitted room")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    sizes = args.sizes or ([64, 128] if args.quick else [128, 256, 512])
    grids, missing = [], []
    for name, field in (("bumpy sphere", bumpy_sphere), ("room", room), ("waves", waves)):
        for size in sizes:
            row, missing = grid_row(field, name, size, args.repeats)
            grids.append(row)
    grids += [text_row(GRID_COLUMNS, line) for line in missing]
    fields = [field_row(room, "room, exact", BOX, size, args.repeats) for size in sizes]
    if args.run.exists():
        field, box = fitted(args.run)
        fields += [field_row(field, "room, fitted", box, size, args.repeats) for size in sizes]
    else:
        line = f"no fitted room at {args.run}: `neurfield fit --scene room0`, or --run"
        fields.append(text_row(FIELD_COLUMNS, line))
    notes = [
        "Milliseconds of a mesh from values that are there; VTK: FlyingEdges3D without normals on as many "
        "threads, the others have one. Libraries cut ambiguous cubes in other ways: triangles may differ.",
        "As a function: `asked` of all points of the lattice; seconds in the field and beside it; triangles "
        "as a share of those that all points give.",
    ]
    tables = [
        Table("Marching cubes on a grid", GRID_COLUMNS, grids),
        Table("From a function", FIELD_COLUMNS, fields),
    ]
    report(args.out, tables, notes)


if __name__ == "__main__":
    run_script(main)
