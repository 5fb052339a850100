"""What a room looks like after how many seconds of fitting: F-scores, normals and PSNR, fusion beside them.

    python -m benchmarks.room0_curve [--curves noisy exact priors] [--steps N ...] [--resume]

Every point is a fit of its own whose schedules end there: what somebody gets who gives it that long. Seconds
are those of the fit, its first surface included; reading the scene, meshing and measuring are not. The peer
is Open3D's TSDF fusion of the same depth, at one or more voxel sizes. Prints a table, writes JSON and a
picture.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trimesh

from benchmarks import room0_table
from benchmarks.common import run_script, say, write_json
from benchmarks.pictures import save_curves
from benchmarks.room0_table import Row, make_mesh
from benchmarks.script import Table, arguments, report
from neurfield.errors import UserError
from neurfield.evaluation import evaluate_mesh
from neurfield.scenes import load_scene

COLUMNS = ("run", "steps", "fit s", "F@5cm", "F@1cm", "normals", "PSNR dB, fitted")


@dataclass(frozen=True)
class Curve:
    """Fits of one command at several numbers of steps."""

    title: str
    flags: str
    steps: tuple[int, ...]


CURVES = {
    "noisy": Curve("noisy sensor depth", "--method neus --set data.sensor_depth=noisy", (600, 1500)),
    "volsdf": Curve(
        "noisy sensor depth, volsdf", "--method volsdf --set data.sensor_depth=noisy", (600,)
    ),
    "exact": Curve("exact depth", "--method neus --set data.sensor_depth=exact", (600, 1500)),
    "priors": Curve(
        "images and ambiguous priors", "--method monosdf --set data.sensor_depth=off", (1000, 5000),
    ),
}  # fmt: skip
VOXELS = {"noisy": (1, 2, 3), "exact": (1,)}  # centimetres


def fits(name: str, steps: list[int] | None, args: argparse.Namespace) -> list[dict[str, Any]]:
    """The measured points of a curve."""
    curve, points = CURVES[name], []
    for count in steps or curve.steps:
        row = f"{name}-{count}"
        room0_table.ROWS[row] = Row(f"neurfield, {curve.title}", f"{curve.flags} --steps {count}", ours=True)
        points.append(_measure(row, count, args))
    return points


def fusions(name: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """The measured peers of a curve."""
    points = []
    for voxel in () if args.quick else VOXELS.get(name, ()):
        row = f"tsdf-{name}-{voxel}"
        flags = f"--peer tsdf --kind {name} --voxel {0.01 * voxel:g}"
        room0_table.ROWS[row] = Row(f"TSDF fusion, {CURVES[name].title}, {voxel} cm", flags, ours=False)
        points.append(_measure(row, None, args))
    return points


def _measure(row: str, steps: int | None, args: argparse.Namespace) -> dict[str, Any]:
    kept = args.out / row / "point.json"
    if args.resume and kept.is_file():
        return dict(json.loads(kept.read_text()))
    facts = make_mesh(row, args)
    mesh = trimesh.load(facts["mesh"], force="mesh", process=False)
    numbers = evaluate_mesh(mesh, args.truth.ground_truth, cameras=args.truth.cameras)
    images = {}
    if "run" in facts:
        images = json.loads((Path(facts["run"]) / "metrics.json").read_text()).get("images", {})
    point = {
        "run": room0_table.ROWS[row].title, "steps": steps, "seconds": facts["fit_seconds"],
        "F@5cm": numbers["f_score@0.05"], "F@1cm": numbers["f_score@0.01"],
        "normals": numbers["normal_consistency"], "psnr": images.get("psnr"),
    }  # fmt: skip
    write_json(kept, point)
    say(str(point))
    return point


def main() -> None:
    parser = arguments(__doc__, "room0_curve")
    parser.add_argument("--scene", default="room0")
    parser.add_argument("--curves", nargs="+", choices=list(CURVES), default=list(CURVES))
    parser.add_argument("--resume", action="store_true", help="take the points that an earlier call measured")
    parser.add_argument("--steps", nargs="+", type=int, help="instead of each curve's own")
    args = parser.parse_args()
    if args.quick:
        args.steps = args.steps or [100]
    chosen, json_file = args.steps, args.out.resolve()
    args.out, args.truth = json_file.parent / "room0_curve", load_scene(args.scene)
    if args.truth.ground_truth is None:
        raise UserError(f"{args.truth.path} has no ground truth: there is nothing to measure against")
    curves: dict[str, dict[str, list[dict[str, Any]]]] = {}
    args.steps = None  # `make_mesh` would add them again: each row's flags hold its own
    for name in args.curves:
        curves[name] = {"ours": fits(name, chosen, args), "peer": fusions(name, args)}
    rows = [
        [p["run"], p["steps"], p["seconds"], p["F@5cm"], p["F@1cm"], p["normals"], p["psnr"]]
        for curve in curves.values()
        for p in [*curve["ours"], *curve["peer"]]
    ]
    title = "room0: what so many seconds of fitting give"
    picture = save_curves(json_file.with_suffix(".png"), {CURVES[n].title: c for n, c in curves.items()})
    report(json_file, [Table(title, COLUMNS, rows)], curves=curves, picture=str(picture) if picture else None)


if __name__ == "__main__":
    run_script(main)
