"""Textures of room meshes beside colours at their vertices: held-out pictures, seconds, size.

    python -m benchmarks.room_textures [--rooms room0 ...] [--sizes 4096] [--faces 100000] [--runs RUN ...]

A room is fitted as `neurfield fit --scene ROOM` does, every eighth frame held out, or a run that exists is
taken. Then its mesh is coloured in three ways: at the vertices of all its triangles, at those of as many as
the texture's mesh has, and by a texture of the fitted pictures. PSNR is of the held-out frames, drawn without
light, nine rays a pixel, whole pictures. Seconds of a texture are those of `neurfield mesh RUN --texture`,
mesh included.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from benchmarks.common import run_measured, run_script, say
from benchmarks.room_table import newest_run, with_truth
from benchmarks.script import Table, arguments, report
from neurfield.evaluation import psnr
from neurfield.inputs import Run
from neurfield.report.mesh_file import read_mesh
from neurfield.scenes.builtin import ROOMS
from neurfield.textures import MeshPainter

ACROSS = 3  # rays along a pixel's sides: photographs, too, gather light all over a pixel
COLUMNS = ("scene", "colours", "triangles", "PSNR dB, held out", "s", "file MB", "of the surface seen %")


def held_out_psnr(mesh: trimesh.Trimesh, run: Run) -> float:
    """Mean over the frames that the run did not fit, dB."""
    painter, scene = MeshPainter(mesh), run.used
    values = [
        psnr(painter.draw(scene.cameras, int(i), ACROSS)[0], scene.image(int(i)) / np.float32(255.0))
        for i in run.held_out
    ]
    return float(np.mean(values))


def seen_share(said: str) -> float | None:
    """Percent of the surface that pictures show, as `neurfield mesh --texture` says; None: it does not."""
    found = re.search(r"texture of .*: (\d+)% of the surface", said)
    return float(found.group(1)) if found else None


def rows_of(room: str, folder: Path, sizes: list[int], faces: int) -> list[list[Any]]:
    """Rows of a run."""
    run, rows = Run.load(folder), []
    for count, what in ((None, "at vertices, all triangles"), (faces, "at vertices")):
        started = time.perf_counter()
        mesh = run.mesh(faces=count)
        seconds = time.perf_counter() - started
        rows.append([room, what, len(mesh.faces), held_out_psnr(mesh, run), seconds, None, None])
        say(str(rows[-1]))
    for size in sizes:
        path = folder / f"texture_{size}.glb"
        words = ["mesh", str(folder), "--texture", str(size), "--faces", str(faces), "--output", str(path)]
        result = run_measured([sys.executable, "-m", "neurfield", *words])
        if result.status:
            rows.append([room, f"texture of {size}", None, None, result.seconds, None, None])
            continue
        made = read_mesh(path)
        rows.append(
            [room, f"texture of {size}", len(made.faces), held_out_psnr(made, run), result.seconds,
             path.stat().st_size / 1e6, seen_share(result.output)]
        )  # fmt: skip
        say(str(rows[-1]))
    return rows


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__, "room_textures")
    parser.add_argument("--rooms", nargs="+", choices=list(ROOMS), default=list(ROOMS))
    parser.add_argument("--sizes", nargs="+", type=int, default=[4096])
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--runs", nargs="+", type=Path, help="of the rooms, in their order: fit nothing")
    args = parser.parse_args()
    if args.quick:
        args.rooms, args.sizes, args.faces = args.rooms[:1], [512], 20_000
    rows: list[list[Any]] = []
    for index, room in enumerate(args.rooms):
        with_truth(room)
        if args.runs:
            folder = args.runs[index]
        else:
            out = args.out.resolve().parent / "room_textures"
            steps = ["--steps", "200"] if args.quick else []
            run_measured(
                [sys.executable, "-m", "neurfield", "fit", "--scene", room, "--out", str(out), *steps]
            )
            folder = newest_run(out)
        rows += rows_of(room, folder, args.sizes, args.faces)
    report(args.out, [Table("Textures of rooms", COLUMNS, rows)])


if __name__ == "__main__":
    run_script(main)
