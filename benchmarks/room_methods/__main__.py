"""Every room method on the built-in rooms: the same pictures and priors, equal times.

    python -m benchmarks.room_methods [--rooms room0 ...] [--methods neus ...] [--budgets 60 300]
                                      [--priors independent repeating] [--out FILE] [--quick]
    python -m benchmarks.room_methods --merge FILE ... --out FILE

Each method gets the pictures and a network's ambiguous depth and normals, and no measured depth. Every eighth
frame is held out. A short fit, one for all rooms, tells how long the start and a step take; then as many
steps are chosen as end, mesh included, within the budget, counted from the command's start on so many
threads. A fit that missed its budget is made again, twice at most.

Two tables: shape, normals, held-out PSNR, seconds, memory; and recall of thin parts, of dark places and of
places of low contrast. The file is written after every fit. `--merge` makes one of several files, so that
pieces can be measured when the machine is idle, and prints its tables; `python -m benchmarks.performance_page
FILE --page docs/results.md` writes them into the page; FILE is to be called room_methods.json as the block.
Of two files with the same fit the later named counts. Give each piece a file of its own with --out, in one
folder: they share what was found of paces there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
import trimesh

from benchmarks.common import commit, machine_record, run_script, say
from benchmarks.room_methods.fits import fit_within, with_objects
from benchmarks.room_methods.methods import PRIORS, Fit, room_methods
from benchmarks.room_methods.pace import Paces
from benchmarks.room_methods.parts import Parts, parts_of
from benchmarks.room_methods.table import NOTE, PARTS_NOTE, Row, merged, row_of, tables_of
from benchmarks.room_table import with_truth
from benchmarks.script import arguments, report
from neurfield.errors import UserError
from neurfield.scenes.builtin import ROOMS
from neurfield.scenes.scene import Scene

BUDGETS = (60.0, 300.0)
THREADS = 2


def measured(fit: Fit, scene: Scene, parts: Parts, facts: dict[str, Any]) -> Row:
    """The row of a fit that ended."""
    told = {
        "scene": fit.room, "priors": fit.priors, "method": fit.method, "preset": fit.preset,
        "budget": fit.budget, "commit": commit(),
    }  # fmt: skip
    recall: dict[str, float | None] = {}
    if facts["mesh"] is not None:
        mesh = trimesh.load(facts["mesh"], force="mesh", process=False)
        try:
            recall = parts.recall(mesh, scene)
        except UserError as reason:  # such as a mesh that no camera sees
            facts = {**facts, "trouble": str(reason)}
    return row_of(facts, told, recall)


def main() -> None:
    parser = arguments(__doc__, "room_methods")
    known = room_methods()
    parser.add_argument("--rooms", nargs="+", choices=list(ROOMS), default=list(ROOMS))
    parser.add_argument("--methods", nargs="+", default=known, metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--budgets", nargs="+", type=float, default=list(BUDGETS), metavar="SECONDS")
    parser.add_argument("--priors", nargs="+", choices=list(PRIORS), default=list(PRIORS))
    parser.add_argument("--threads", type=int, default=THREADS, help="of each fit")
    parser.add_argument("--steps", type=int, help="of each fit, whatever its budget: to try the script")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="as in `neurfield fit`")
    parser.add_argument("--merge", nargs="+", type=Path, metavar="FILE", help="fit nothing, join these files")
    args = parser.parse_args()
    out = args.out.resolve()
    if args.merge:
        rows, machine = merged(args.merge)
        report(out, tables_of(rows), [NOTE, PARTS_NOTE], machine=machine, rows=rows)
        return
    if args.quick:
        args.rooms, args.budgets, args.priors = args.rooms[:1], args.budgets[:1], args.priors[:1]
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    torch.set_num_threads(args.threads)
    fits = [
        Fit(room, priors, method, budget, tuple(args.set))
        for room in args.rooms
        for priors in args.priors
        for budget in sorted(args.budgets)
        for method in args.methods
    ]
    for fit in fits:
        fit.kind()  # a mistake in a name or a key is told before anything is fitted
    paces = Paces.kept(out.parent / "room_methods" / "paces.json", args.threads)
    machine, rows = machine_record(), []
    rooms: dict[str, tuple[Scene, Parts]] = {}
    for fit in fits:
        if fit.room not in rooms:
            scene = with_truth(fit.room)
            rooms[fit.room] = scene, parts_of(scene)
        name = f"{Path(fit.method).stem}-{fit.budget:g}s"
        folder = out.parent / "room_methods" / fit.room / fit.priors / name
        facts = with_objects(fit, fit_within(fit, folder, paces, args.steps))
        rows.append(measured(fit, *rooms[fit.room], facts))
        say(str(rows[-1]))
        last = fit is fits[-1]
        report(out, tables_of(rows), [NOTE, PARTS_NOTE], machine=machine, quiet=not last, rows=rows)


if __name__ == "__main__":
    run_script(main)
