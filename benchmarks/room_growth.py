"""How the time to the first step, and memory, grow with the frames of a room that has priors.

    python -m benchmarks.room_growth [--frames 100 200 500 1000] [--methods monosdf priors] [--folder FOLDER]

The frames are those of room0's walk taken more densely, in its own size and with both kinds of priors,
rendered on first use (1000: ten minutes of a processor, 4 GB) and kept in FOLDER; fewer are every so many of
them. Seconds are of all that `neurfield fit` does before its first step but starting Python: the scene's file
lists, matching, aligning, fusing, decoding. Of frames that do not all fit into the image cache those are
fitted that cover most; one more row holds all of them all the same. The first surface is what steps start
from, the voxels near it as a mesh, measured as a fit's mesh is. Every row is a process of its own. Prints a
table, writes JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import run_measured, run_script, say
from benchmarks.script import Table, arguments, report
from neurfield.errors import UserError
from neurfield.scenes import Scene, load_scene
from neurfield.scenes.builtin import data_root

ROOM = "room0"
FRAMES = (100, 200, 500, 1000)
SEEN_BY = 100  # evenly spread frames, by which every first surface is culled
METHODS = ("monosdf", "priors")
COLUMNS = (
    "priors", "method", "frames", "fitted", "to first step s", "ms a frame", "peak GB", "F@5cm", "normals",
)  # fmt: skip


def made(folder: Path, frames: int) -> Path:
    """The folder of so many frames of the room's walk, rendered now if it is not there."""
    from neurfield.scenes.room.designs import DESIGNS
    from neurfield.scenes.room.model import build_room
    from neurfield.scenes.synthesis.writer import Plan, write_scene

    place = folder / f"{ROOM}_{frames}"
    if not (place / "traj.txt").is_file():
        design = DESIGNS[ROOM]
        plan = Plan(design.walk, frames, median_light=design.median_light, seed=design.seed)
        say(f"rendering {frames} frames of {ROOM} into {place} (once)")
        place.parent.mkdir(parents=True, exist_ok=True)
        write_scene(build_room(ROOM), place, plan, lambda stage, part: None)
    return place


def every(scene: Scene, count: int) -> Scene:
    """So many frames of a scene, evenly spread."""
    if count > len(scene):
        raise UserError(f"{scene.path}: {len(scene)} frames, {count} are asked for: name another --folder")
    return scene.with_frames(np.linspace(0, len(scene) - 1, count).round().astype(int))


def measured(place: Path, method: str, count: int, hold_all: bool) -> dict[str, Any]:
    """One row, in this process."""
    import torch

    from benchmarks.first_surface import mesh_of_points
    from neurfield.evaluation import evaluate_mesh
    from neurfield.fitting.device import pick_device
    from neurfield.inputs.methods import chosen_method
    from neurfield.inputs.registry import load_input
    from neurfield.inputs.scene import opened
    from neurfield.points import FusedDepth

    if hold_all:
        opened.thinned = lambda scene: scene
    kind = load_input("scene")
    config = chosen_method(kind, method, "default", ["data.sensor_depth=off", "device=cpu"], ())
    started, busy = time.perf_counter(), time.process_time()
    whole = load_scene(place)
    fit = kind.fresh(every(whole, count), config, pick_device("cpu"))
    fit.warnings()
    fit.read()
    fit.task.prepare()
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    source = next(source for source in fit.task.sources if isinstance(source, FusedDepth))
    assert source.volume is not None
    mesh = mesh_of_points(source.volume, fit.task.frame)
    numbers = evaluate_mesh(mesh, whole.ground_truth, cameras=every(whole, SEEN_BY).cameras)
    return {
        "frames": count, "fitted": len(fit.task.scene), "seconds": seconds, "processor_seconds": busy,
        "threads": torch.get_num_threads(), "peak_gb": peak, "words": source.words,
        "F@5cm": numbers["f_score@0.05"], "normals": numbers["normal_consistency"],
    }  # fmt: skip


def row_of(place: Path, method: str, count: int, hold_all: bool) -> dict[str, Any]:
    """One row, in a process of its own.

    Raises:
        UserError: the process failed; what it printed is above.
    """
    say(f"{place}, {method}: {count} frames{', all held' if hold_all else ''}")
    flags = ["--one", str(place), "--methods", method, "--frames", str(count), *["--hold-all"] * hold_all]
    result = run_measured([sys.executable, "-m", "benchmarks.room_growth", *flags])
    if result.status != 0:
        raise UserError(f"{count} frames by {method} ended with status {result.status}: see above")
    row = dict(json.loads(result.output.splitlines()[-1]))
    say(str(row))
    return row


def cells(priors: str, method: str, row: dict[str, Any]) -> list[Any]:
    """A row's values in the order of COLUMNS."""
    return [
        priors, method, row["frames"], row["fitted"], row["seconds"],
        1e3 * row["seconds"] / row["fitted"], row["peak_gb"], row["F@5cm"], row["normals"],
    ]  # fmt: skip


def main() -> None:
    parser = arguments(__doc__, "room_growth")
    parser.add_argument("--frames", nargs="+", type=int, default=list(FRAMES))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--folder", type=Path, help="of the frames (default: growth in the data folder)")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--hold-all", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one is not None:
        print(json.dumps(measured(args.one, args.methods[0], args.frames[0], args.hold_all)))
        return
    counts = [10, 20] if args.quick else sorted(args.frames)
    place = made(args.folder or data_root() / "growth", counts[-1])
    rows = []
    for method in args.methods:
        kept = [("independent", row_of(place, method, count, False)) for count in counts]
        if kept[-1][1]["fitted"] < counts[-1]:
            kept.append(("independent", row_of(place, method, counts[-1], True)))
        # Errors that repeat, as networks' do: one size is enough to see that they cost no more.
        kept.append(
            ("repeating", row_of(place / "priors_repeating", method, counts[len(counts) // 2], False))
        )
        rows += [{"priors": priors, "method": method, **row} for priors, row in kept]
    title = f"{ROOM} with priors, ever more densely: the time to the first step, and what it starts from"
    table = Table(title, COLUMNS, [cells(row["priors"], row["method"], row) for row in rows])
    report(args.out.resolve(), [table], rows=rows)


if __name__ == "__main__":
    run_script(main)
