"""What rooms look like after how many seconds of fitting: F-scores, normals and PSNR, fusion beside them.

    python -m benchmarks.room_curve [--scenes room0 ...] [--curves noisy ...] [--steps N] [--short] [--ours]

Every point is a fit of its own whose schedules end there: what somebody gets who gives it that long. Seconds
are those of the fit, its first surface included; reading the scene, meshing and measuring are not. The peer
is Open3D's TSDF fusion of the same depth, at one or more voxel sizes. Nothing is tuned on room1 and room2.
Prints a table, writes JSON and a picture.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trimesh

from benchmarks import room_table
from benchmarks.common import run_script, say, write_json
from benchmarks.pictures import save_curves
from benchmarks.room_table import Row, make_mesh, with_truth
from benchmarks.script import Table, arguments, report
from neurfield.evaluation import evaluate_mesh
from neurfield.scenes.builtin import ROOMS
from neurfield.scenes.scene import Scene

COLUMNS = ("scene", "run", "steps", "fit s", "F@5cm", "F@1cm", "normals", "PSNR dB, held out")


@dataclass(frozen=True)
class Curve:
    """Fits of one command at several numbers of steps; see `Row` for repeating."""

    title: str
    flags: str
    steps: tuple[int, ...]
    repeating: bool = False


_PRIORS = "--method monosdf --set data.sensor_depth=off"
CURVES = {
    "noisy": Curve("noisy sensor depth", "--method neus --set data.sensor_depth=noisy", (600, 1500)),
    "every": Curve(
        "noisy sensor depth of every frame, without a polish",
        "--method neus --set data.sensor_depth=noisy --set data.holdout_every=0 --set polish=off",
        (1800,),
    ),
    "volsdf": Curve(
        "noisy sensor depth, volsdf", "--method volsdf --set data.sensor_depth=noisy", (600,)
    ),
    "exact": Curve("exact depth", "--method neus --set data.sensor_depth=exact", (600, 1500)),
    "priors": Curve("images and ambiguous priors", _PRIORS, (1000, 5000)),
    "repeating": Curve("images and repeating priors", _PRIORS, (1000, 5000), repeating=True),
}  # fmt: skip
VOXELS = {"noisy": (1, 2, 3), "exact": (1,)}  # centimetres


def fits(name: str, scene: Scene, steps: list[int] | None, args: argparse.Namespace) -> list[dict[str, Any]]:
    """The measured points of a curve in one room."""
    curve, points = CURVES[name], []
    for count in steps or (curve.steps[:1] if args.short else curve.steps):
        row = f"{name}-{count}"
        flags = f"{curve.flags} --steps {count}"
        room_table.ROWS[row] = Row(f"neurfield, {curve.title}", flags, True, curve.repeating)
        points.append(_measure(row, scene, count, args))
    return points


def fusions(name: str, scene: Scene, args: argparse.Namespace) -> list[dict[str, Any]]:
    """The measured peers of a curve in one room."""
    points = []
    for voxel in () if args.quick or args.ours else VOXELS.get(name, ()):
        row = f"tsdf-{name}-{voxel}"
        flags = f"--peer tsdf --kind {name} --voxel {0.01 * voxel:g}"
        room_table.ROWS[row] = Row(f"TSDF fusion, {CURVES[name].title}, {voxel} cm", flags, ours=False)
        points.append(_measure(row, scene, None, args))
    return points


def _measure(row: str, scene: Scene, steps: int | None, args: argparse.Namespace) -> dict[str, Any]:
    kept = args.out / scene.name / row / "point.json"
    if args.resume and kept.is_file():
        return dict(json.loads(kept.read_text()))
    facts = make_mesh(row, scene.name if scene.name in ROOMS else str(scene.path), args)
    mesh = trimesh.load(facts["mesh"], force="mesh", process=False)
    numbers = evaluate_mesh(mesh, scene.ground_truth, cameras=scene.cameras)
    images = {}
    if "run" in facts:
        images = json.loads((Path(facts["run"]) / "metrics.json").read_text()).get("images", {})
    point = {
        "scene": scene.name, "run": room_table.ROWS[row].title,
        "steps": steps, "seconds": facts["fit_seconds"], "F@5cm": numbers["f_score@0.05"],
        "F@1cm": numbers["f_score@0.01"], "normals": numbers["normal_consistency"],
        "psnr": images.get("psnr") if images.get("frames") == "held out" else None,
    }  # fmt: skip
    write_json(kept, point)
    say(str(point))
    return point


def main() -> None:
    parser = arguments(__doc__, "room_curve")
    parser.add_argument("--scenes", nargs="+", default=list(ROOMS))
    parser.add_argument("--curves", nargs="+", choices=list(CURVES), default=list(CURVES))
    parser.add_argument("--resume", action="store_true", help="take the points that an earlier call measured")
    parser.add_argument("--steps", nargs="+", type=int, help="instead of each curve's own")
    parser.add_argument("--short", action="store_true", help="only the first point of each curve")
    parser.add_argument("--ours", action="store_true", help="only our fits, without fusion beside them")
    args = parser.parse_args()
    if args.quick:
        args.steps = args.steps or [100]
    chosen, json_file = args.steps, args.out.resolve()
    args.out = json_file.parent / "room_curve"
    scenes = [with_truth(name) for name in args.scenes]
    args.steps = None  # `make_mesh` would add them again: each row's flags hold its own
    curves: dict[str, dict[str, dict[str, list[dict[str, Any]]]]] = {name: {} for name in args.curves}
    for scene in scenes:
        for name in args.curves:
            points = {"ours": fits(name, scene, chosen, args), "peer": fusions(name, scene, args)}
            curves[name][scene.name] = points
    rows = [
        [p[key] for key in ("scene", "run", "steps", "seconds", "F@5cm", "F@1cm", "normals", "psnr")]
        for scene in scenes
        for rooms in curves.values()
        for p in [*rooms[scene.name]["ours"], *rooms[scene.name]["peer"]]
    ]
    title = f"{', '.join(scene.name for scene in scenes)}: what so many seconds of fitting give"
    picture = save_curves(json_file.with_suffix(".png"), {CURVES[n].title: c for n, c in curves.items()})
    report(json_file, [Table(title, COLUMNS, rows)], curves=curves, picture=str(picture) if picture else None)


if __name__ == "__main__":
    run_script(main)
