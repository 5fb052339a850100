"""Tiny networks of runs: pictures a second, beside their own fields, their meshes, and one network.

    python -m benchmarks.bench_tracing RUN [RUN ...] [--cells 8 16 32] [--steps 3000] [--students FOLDER]

`neurfield distill` makes a student of each fitted room or object for each number of cells. Pictures of
`--size` by `--size` pixels, one ray each, are traced from frames that the run held out, by first hits and the
colours seen there. PSNR is against these frames' photographs, and against the run's own volume rendering; of
an object within its masks. Distances between student and run, jumps and turns are what `neurfield distill`
measures.

The mesh is the run's own (mesh.ply), met by Embree and coloured at its vertices. Of the rivals, each one
network for the whole box, one has as many numbers as the student of 16 cells, or of those nearest, and one is
as large as those of papers. They are taught the same, tuned, too, in as many seconds.

With `--students` all that learns is kept in a folder, and who lies there is measured without learning anew:
a bench that was ended goes on, and a new tracer is measured on old students.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import run_measured, run_script, say
from benchmarks.script import Table, arguments, report
from neurfield.fields.kilo import KiloSDF
from neurfield.fitting.distill import Distillation, Student, usual_color
from neurfield.fitting.folder import read_facts
from neurfield.fitting.teaching import Teacher
from neurfield.fitting.tuning import REUSED, Tuning
from neurfield.fitting.view import render_pixels
from neurfield.inputs.run import Run, open_surface
from neurfield.light.cells import traced
from neurfield.light.mesh import MeshTraced
from neurfield.rays import UnitFrame
from neurfield.report.mesh_file import read_mesh
from neurfield.report.shade import vertex_colors_of
from neurfield.traced import TracedSurface

COLUMNS = (
    "run", "what", "networks", "MB", "taught s", "off mm", "jump voxels", "turn degrees", "photographs dB",
    "teacher dB", "pictures/s",
)  # fmt: skip
VOXEL = 2.0 / 512  # unit lengths
LAYERS = 3  # hidden ones of the rivals
USUAL_WIDTH = 256  # of theirs in papers
SAMPLES = 4096  # a step, of the rivals
OCTAVES = 8  # that they see of places: their cell is the whole box
RATE, FAINT = 1e-3, 0.5  # at which they learn: wide networks want less, and high octaves more, than tiny ones
PROBED = 5  # steps by which it is found out how many they have time for
TUNED = 0.3  # share of their seconds for the pictures


class Views:
    """Held-out frames of a run, as rays, the photographs there, and what its volume rendering shows."""

    def __init__(self, run: Run, size: int, frames: int) -> None:
        opened: Any = run.input
        cameras, used = opened.cameras_now, opened.used
        held_out = [int(i) for i in opened.held_out] or list(range(len(cameras)))
        chosen = held_out[:: max(1, len(held_out) // frames)][:frames]
        self.rays, self.photos, self.shown, self.seconds = [], [], [], []
        for camera in chosen:
            w, h = int(cameras.width[camera]), int(cameras.height[camera])
            v, u = np.meshgrid(pixels_of(h, size), pixels_of(w, size), indexing="ij")
            row, column = v.ravel(), u.ravel()
            pixels, of = np.stack([column, row], axis=1) + 0.5, np.full(size * size, camera)
            began = time.perf_counter()
            drawn = render_pixels(run.task, cameras, of, pixels, 1.0, np.full(len(of), -1))
            self.seconds.append(time.perf_counter() - began)
            self.shown.append(torch.from_numpy(drawn[:, :3]).clamp(0.0, 1.0))
            photo = torch.from_numpy(used.image(camera)[row, column].astype(np.float32) / 255.0)
            mask = used.mask(camera) if used.mask_says == "object" else None
            within = np.ones(len(row), bool) if mask is None else mask[row, column]
            self.photos.append((photo, torch.from_numpy(within)))
            self.rays.append(cameras.rays(of, pixels)[:2])

    def of_volume(self) -> tuple[float, float]:
        """PSNR of the run's own volume rendering against the photographs in dB, and its pictures a second."""
        return decibels(self.shown, self.photos), 1.0 / statistics.median(self.seconds)

    def of(self, surface: TracedSurface) -> tuple[float, float, float]:
        """PSNR of a surface's pictures in dB, against photographs and volume rendering; pictures a second."""
        pictures, seconds = [], []
        for origins, directions in self.rays:
            o = torch.from_numpy(origins - surface.origin).float()
            d = torch.from_numpy(np.ascontiguousarray(directions)).float()
            surface.first_hits(o[:1], d[:1])  # Embree builds its tree then, and networks their shells
            began = time.perf_counter()
            pictures.append(surface.pictured(o, d)[1])
            seconds.append(time.perf_counter() - began)
        volumes = [(shown, within) for shown, (_, within) in zip(self.shown, self.photos)]
        rate = 1.0 / statistics.median(seconds)
        return decibels(pictures, self.photos), decibels(pictures, volumes), rate


def pixels_of(side: int, count: int) -> np.ndarray:
    """So many of a side's pixels, evenly spread."""
    return ((np.arange(count) + 0.5) * side / count).astype(int)


def decibels(pictures: list[Tensor], truths: list[tuple[Tensor, Tensor]]) -> float:
    """PSNR of pictures [N, 3] each, against others where these count, bool [N]; the mean square over all."""
    squares = [(a - b)[within].square().mean() for a, (b, within) in zip(pictures, truths) if within.any()]
    return -10.0 * float(torch.stack(squares).mean().log10())


def mesh_of(path: Path) -> MeshTraced:
    """A mesh file as a surface, with the colours of its vertices."""
    mesh = read_mesh(path)
    return MeshTraced(mesh.vertices, mesh.faces, np.asarray(mesh.vertex_normals), vertex_colors_of(mesh))


def student_row(run: Path, views: Views, cells: int, steps: int, tune: int, out: Path) -> list[Any]:
    """A student of so many cells."""
    new = not (out / "run.json").is_file()
    if new:
        words = ["distill", str(run), "--cells", str(cells), "--steps", str(steps), "--tune", str(tune)]
        run_measured([sys.executable, "-m", "neurfield", *words, "--out", str(out)])
    told = read_facts(out)["distilled"]
    surface = open_surface(out, "cpu")
    measured = views.of(traced(surface.field, surface.radiance, surface.box))
    file = next((out / "checkpoints").glob("*.safetensors"))
    half = UnitFrame.around(surface.box).half
    return [
        f"{cells} cells", told["networks"], file.stat().st_size / 1e6, told["seconds"] if new else None,
        1e3 * half * told["distance"], told["jump"][0] / VOXEL, told["turn"][0], *measured,
    ]  # fmt: skip


def one_network(surface: Any, width: int, seconds: float, rays: Any, first: int) -> Student:
    """One network so wide that learns the same for about so many seconds, and is then tuned."""
    box = UnitFrame.around(surface.box).box_in_unit(surface.box)
    surface.field.active_levels = surface.field.encoding.levels
    teacher = Teacher(surface.field, surface.radiance)

    def taught(steps: int) -> tuple[Student, float]:
        """Who took so many steps, and the seconds of one."""
        field = KiloSDF(octaves=OCTAVES, hidden=(width,) * LAYERS)
        color = usual_color(field, 0)
        color.hidden = 64
        how = {"field": field, "color": color, "samples": SAMPLES, "rate": RATE, "faint": FAINT}
        ends: list[float] = []
        one = Distillation(teacher, box, 1, steps, **how)  # type: ignore[arg-type]
        student = one.run(lambda words, share: ends.append(time.perf_counter()))
        return student, statistics.median(b - a for a, b in pairwise(ends))

    share = TUNED if rays is not None else 0.0
    _, a_step = taught(PROBED)
    student, _ = taught(max(PROBED, int((1.0 - share) * seconds / a_step)))
    if rays is not None:
        began, tuning = time.perf_counter(), Tuning(student, teacher, rays, first, rate=RATE)
        tuning.run(1)  # three draws of pixels, which are most of it: one is for REUSED steps
        drawing = (time.perf_counter() - began) / 3.0
        steps = int(REUSED * (share * seconds / drawing - 5.0))
        if steps > 0:
            tuning.run(steps)
    return student


def rival_row(what: str, run: Run, views: Views, width: int, seconds: float, file: Path) -> list[Any]:
    """One network of so many units a layer, which is kept in a file."""
    surface = run.input.surface()
    if not file.is_file():
        made = one_network(surface, width, seconds, run.task.rays, run.config.train.steps)
        torch.save(made, file)
    one: Student = torch.load(file, weights_only=False)  # which this benchmark wrote
    measured = views.of(traced(one.field, one.color, surface.box))
    size = 2e-6 * sum(p.numel() for part in (one.field, one.color) if part for p in part.parameters())
    off = 1e3 * UnitFrame.around(surface.box).half * one.figures.distance
    return [what, 1, size, one.figures.seconds, off, None, None, *measured]


def rows_of(path: Path, args: argparse.Namespace, table: list[list[Any]]) -> None:
    """All rows of a run, into the table as soon as each is known."""
    run = Run.load(path, "cpu", args.scene)
    surface, views = run.input.surface(), Views(run, args.size, args.frames)
    empty = [None] * 6

    def add(row: list[Any]) -> None:
        table.append([run.input.name, *row])
        say(str(table[-1]))
        report(args.out, [Table("Tracing", COLUMNS, table)], quiet=True)

    decibel, rate = views.of_volume()
    add(["volume rendering", *empty, decibel, None, rate])
    add(["field, sphere traced", *empty, *views.of(traced(surface.field, surface.radiance, surface.box))])
    mesh = path / "mesh.ply"
    if mesh.is_file():
        add(["mesh, by Embree", None, mesh.stat().st_size / 1e6, *empty[2:], *views.of(mesh_of(mesh))])
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) if args.students is None else args.students / run.input.name
        folder.mkdir(parents=True, exist_ok=True)
        students = {}
        for cells in args.cells:
            out = folder / f"kilo{cells}"
            students[cells] = student_row(path, views, cells, args.steps, args.tune, out)
            add(students[cells])
        if args.no_rival:
            return
        like = min(students, key=lambda cells: abs(cells - 16))
        field = open_surface(folder / f"kilo{like}", "cpu").field
        numbers = sum(p.numel() for p in field.parameters())
        wide = max(16, int((numbers / (LAYERS - 1)) ** 0.5) // 16 * 16)
        for what, width in (("one network, usual", USUAL_WIDTH), ("one network, as large", wide)):
            file = folder / f"one{width}.pt"
            seconds = read_facts(folder / f"kilo{like}")["distilled"]["seconds"]
            add(rival_row(what, run, views, width, seconds, file))


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__, "bench_tracing")
    parser.add_argument("runs", type=Path, nargs="*", help="of rooms and objects with colours")
    parser.add_argument("--scene", help="where the runs' scene lies now, if it was moved")
    parser.add_argument("--cells", nargs="+", type=int, default=[8, 16, 32])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--tune", type=int, default=800)
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--students", type=Path, help="folder in which they are kept, and looked for")
    parser.add_argument("--no-rival", action="store_true", help="leave out the rivals, of one network each")
    args = parser.parse_args()
    if not args.runs:
        say("bench_tracing: give runs' folders, such as runs/room0/latest")
        return
    if args.quick:
        args.cells, args.steps, args.tune, args.size, args.frames = args.cells[:1], 40, 10, 64, 1
    table: list[list[Any]] = []
    for path in args.runs:
        rows_of(path, args, table)
    report(args.out, [Table("Tracing", COLUMNS, table)])


if __name__ == "__main__":
    run_script(main)
