"""Photographs alone: stereo, real pairs, rooms, objects, and what each piece brings.

    python -m benchmarks.photos [--part stereo pairs rooms objects ablation] [--quick] [--pictures FOLDER]

stereo: our dense stereo against exact depth. pairs: real photographs with true disparity, beside OpenCV's
SGBM. rooms, objects: surfaces from photographs within so many seconds. ablation: stereo and fits without one
of their pieces. Each part prints its tables and goes into the JSON file with the machine's record.

Peers: OpenCV is fetched by pip into the data folder and looked into by its own process alone. OpenSfM's
stereo has no package: `--opensfm FOLDER` names one with its module `pydense` (benchmarks/README.md says how
to build it). What cannot be had is said and left out.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from benchmarks import object_assets
from benchmarks.common import run_script, say
from benchmarks.photos import ablation, objects, pairs, pictures, rooms, stereo
from benchmarks.script import Table, arguments, report
from neurfield.scenes.builtin import ROOMS

KINDS = ("images", "priors", "masks", "table")
PARTS = ("stereo", "pairs", "rooms", "objects", "ablation")


def main() -> None:
    parser = arguments(__doc__, "photos")
    names = list(object_assets.SOURCES)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rooms", nargs="*", choices=list(ROOMS), default=list(ROOMS))
    parser.add_argument("--objects", nargs="*", choices=names, default=names)
    parser.add_argument(
        "--kind", nargs="+", choices=KINDS, default=list(KINDS), help="what rooms and objects are fitted from"
    )
    parser.add_argument("--first", action="store_true", help="the first of a room's budgets alone")
    parser.add_argument("--method", default="photos", help="the preset of the fits")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="as in `neurfield fit`")
    parser.add_argument("--opensfm", type=Path, help="a folder with OpenSfM's module pydense")
    parser.add_argument("--ablate", nargs="+", default=["room0", "porcelain_mug"], help="scenes of that part")
    parser.add_argument("--pictures", type=Path, help="a folder for pictures")
    args = parser.parse_args()
    out = args.out.resolve()
    runs = out.parent / "photos"
    fit = (args.method, args.preset, args.set)
    tables: list[Table] = []
    notes: list[str] = []
    kept: dict[str, Any] = {}
    drawn: list[Path] = []
    chosen_rooms, chosen_objects = args.rooms, args.objects
    if args.quick:
        chosen_rooms, chosen_objects = chosen_rooms[:1], chosen_objects[:1]
    for part in PARTS:
        if part not in args.part:
            continue
        if part == "stereo":
            table, more, maps = stereo.measure(chosen_objects, chosen_rooms, args.opensfm, args.quick)
            tables, notes = [*tables, table], [*notes, *more]
            if args.pictures:
                drawn += [pictures.save_maps(args.pictures, name, *pair) for name, pair in maps.items()]
        elif part == "pairs":
            table, more, found = pairs.measure(args.opensfm, torch.get_num_threads(), args.quick)
            tables, notes = [*tables, table], [*notes, *more]
            if args.pictures:
                drawn += [pictures.save_pair(args.pictures, *pair) for pair in found.values()]
        elif part == "ablation":
            more_tables, more = ablation.measure(args.ablate, *fit, runs / part, args.quick)
            tables, notes = [*tables, *more_tables], [*notes, *more]
        else:
            measure, chosen = (
                (rooms.measure, chosen_rooms) if part == "rooms" else (objects.measure, chosen_objects)
            )
            short = args.quick or (part == "rooms" and args.first)
            table, more, facts = measure(chosen, *fit, runs / part, short, args.kind)
            tables, notes, kept = [*tables, table], [*notes, *more], {**kept, **facts}
            if args.pictures:
                drawn += pictures.save_fits(args.pictures, facts)
    for path in drawn:
        say(f"drawn: {os.path.relpath(path)}")
    report(args.out, tables, notes, fits=kept, pictures=[str(path) for path in drawn])


if __name__ == "__main__":
    run_script(main)
