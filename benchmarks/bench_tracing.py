"""Tiny networks of a run: pictures a second, beside its own field, its mesh, and one network of equal size.

    python -m benchmarks.bench_tracing RUN [--scene PATH] [--cells 8 16 32] [--steps 3000] [--size 400]

`neurfield distill` makes a student of a fitted room or object for each number of cells. Pictures of `--size`
by `--size` pixels, one ray each, are traced from frames that the run held out, by first hits and the colours
seen there. PSNR is against the volume rendering of the run itself, from the same places. Distances between
student and run, jumps and turns are what `neurfield distill` measures.

The mesh is the run's own (mesh.ply), met by Embree and coloured at its vertices. The one network has as many
numbers as the students of 16 cells, or of those nearest, and learns for as many seconds.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import run_measured, run_script, say
from benchmarks.script import Table, arguments, report
from neurfield.fields.kilo import KiloSDF
from neurfield.fields.kilo_color import KiloColor
from neurfield.fitting.distill import Distillation, Student
from neurfield.fitting.folder import read_facts
from neurfield.fitting.teaching import Teacher
from neurfield.fitting.view import render_pixels
from neurfield.inputs.run import Run, open_surface
from neurfield.light.cells import traced
from neurfield.light.mesh import MeshTraced
from neurfield.rays import UnitFrame
from neurfield.report.mesh_file import read_mesh
from neurfield.report.shade import vertex_colors_of
from neurfield.traced import TracedSurface

COLUMNS = (
    "what", "networks", "MB", "taught s", "off mm", "jump voxels", "turn degrees", "PSNR dB", "pictures/s",
)  # fmt: skip
VOXEL = 2.0 / 512  # unit lengths
LAYERS = 3  # hidden ones of the one network
SAMPLES = 8192  # a step, of the one network
OCTAVES = 9  # that it sees of places: its cell is the whole box


class Views:
    """Held-out frames of a run, as rays, and what its volume rendering shows there."""

    def __init__(self, run: Run, size: int, frames: int) -> None:
        opened: Any = run.input
        self.size, cameras = size, opened.cameras_now
        held_out = [int(i) for i in opened.held_out] or list(range(len(cameras)))
        chosen = held_out[:: max(1, len(held_out) // frames)][:frames]
        self.rays, self.shown, self.seconds = [], [], []
        for camera in chosen:
            w, h = float(cameras.width[camera]), float(cameras.height[camera])
            v, u = np.meshgrid(
                (np.arange(size) + 0.5) * h / size, (np.arange(size) + 0.5) * w / size, indexing="ij"
            )
            pixels, of = np.stack([u.ravel(), v.ravel()], axis=1), np.full(size * size, camera)
            began = time.perf_counter()
            drawn = render_pixels(run.task, cameras, of, pixels, 1.0, np.full(len(of), -1))
            self.seconds.append(time.perf_counter() - began)
            self.shown.append(torch.from_numpy(drawn[:, :3]).clamp(0.0, 1.0))
            self.rays.append(cameras.rays(of, pixels)[:2])

    def of(self, surface: TracedSurface) -> tuple[float, float]:
        """PSNR of a surface's pictures in dB, and how many a second are traced."""
        squares, seconds = [], []
        for (origins, directions), shown in zip(self.rays, self.shown):
            o = torch.from_numpy(origins - surface.origin).float()
            d = torch.from_numpy(np.ascontiguousarray(directions)).float()
            surface.first_hits(o[:1], d[:1])  # Embree builds its tree then, and networks their shells
            began = time.perf_counter()
            colors = surface.pictured(o, d)[1]
            seconds.append(time.perf_counter() - began)
            squares.append(float((colors - shown).square().mean()))
        return -10.0 * float(np.log10(np.mean(squares))), 1.0 / statistics.median(seconds)


def mesh_of(path: Path) -> MeshTraced:
    """A mesh file as a surface, with the colours of its vertices."""
    mesh = read_mesh(path)
    return MeshTraced(mesh.vertices, mesh.faces, np.asarray(mesh.vertex_normals), vertex_colors_of(mesh))


def student_row(run: Path, views: Views, cells: int, steps: int, out: Path) -> list[Any]:
    """A student of so many cells."""
    words = ["distill", str(run), "--cells", str(cells), "--steps", str(steps), "--out", str(out)]
    result = run_measured([sys.executable, "-m", "neurfield", *words])
    told = read_facts(out)["distilled"]
    surface = open_surface(out, "cpu")
    psnr, rate = views.of(traced(surface.field, surface.radiance, surface.box))
    file = next((out / "checkpoints").glob("*.safetensors"))
    half = UnitFrame.around(surface.box).half
    return [
        f"{cells} cells", told["networks"], file.stat().st_size / 1e6, result.seconds,
        1e3 * half * told["distance"], told["jump"][0] / VOXEL, told["turn"][0], psnr, rate,
    ]  # fmt: skip


def one_network(surface: Any, numbers: int, seconds: float) -> Student:
    """One network of so many numbers that learns the same for so many seconds."""
    width = max(16, int((numbers / (LAYERS - 1)) ** 0.5) // 16 * 16)
    field = KiloSDF(octaves=OCTAVES, hidden=(width,) * LAYERS)
    color = KiloColor(features=field.feature_dim, octaves=OCTAVES)
    box = UnitFrame.around(surface.box).box_in_unit(surface.box)
    began = time.perf_counter()

    def until(words: str, share: float) -> None:
        if time.perf_counter() - began > seconds:
            raise KeyboardInterrupt  # which leaves it as far as it came

    surface.field.active_levels = surface.field.encoding.levels
    teacher = Teacher(surface.field, surface.radiance)
    return Distillation(teacher, box, 1, 100_000, field=field, color=color, samples=SAMPLES).run(until)


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__, "bench_tracing")
    parser.add_argument("run", type=Path, nargs="?", help="of a room or an object with colours")
    parser.add_argument("--scene", help="where the run's scene lies now, if it was moved")
    parser.add_argument("--cells", nargs="+", type=int, default=[8, 16, 32])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--no-rival", action="store_true", help="leave out the one network")
    args = parser.parse_args()
    if args.run is None:
        say("bench_tracing: give a run's folder, such as runs/room0/latest")
        return
    if args.quick:
        args.cells, args.steps, args.size, args.frames = args.cells[:1], 40, 64, 1
    run = Run.load(args.run, "cpu", args.scene)
    surface, views = run.input.surface(), Views(run, args.size, args.frames)
    empty = [None] * (len(COLUMNS) - 3)
    rows: list[list[Any]] = [["volume rendering", *empty, None, 1.0 / statistics.median(views.seconds)]]
    psnr, rate = views.of(traced(surface.field, surface.radiance, surface.box))
    rows.append(["field, sphere traced", *empty, psnr, rate])
    if (args.run / "mesh.ply").is_file():
        psnr, rate = views.of(mesh_of(args.run / "mesh.ply"))
        rows.append(
            ["mesh, by Embree", None, (args.run / "mesh.ply").stat().st_size / 1e6, *empty[2:], psnr, rate]
        )
    with tempfile.TemporaryDirectory() as folder:
        students = []
        for cells in args.cells:
            students.append(student_row(args.run, views, cells, args.steps, Path(folder) / f"kilo{cells}"))
            rows.append(students[-1])
            say(str(rows[-1]))
            report(args.out, [Table("Tracing", COLUMNS, rows)], quiet=True)
        if not args.no_rival:
            like = min(range(len(students)), key=lambda i: abs(args.cells[i] - 16))
            numbers = sum(
                p.numel()
                for p in open_surface(Path(folder) / f"kilo{args.cells[like]}", "cpu").field.parameters()
            )
            one = one_network(surface, numbers, students[like][3])
            psnr, rate = views.of(traced(one.field, one.color, surface.box))
            size = 2e-6 * sum(p.numel() for part in (one.field, one.color) if part for p in part.parameters())
            off = 1e3 * UnitFrame.around(surface.box).half * one.figures.distance
            rows.append(["one network", 1, size, one.figures.seconds, off, None, None, psnr, rate])
    report(args.out, [Table("Tracing", COLUMNS, rows)])


if __name__ == "__main__":
    run_script(main)
