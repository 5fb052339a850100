"""How well a room's pictures come back within equal times: ours, and nerfstudio's nerfacto in torch.

    python -m benchmarks.room_pictures [--scene room0] [--steps 1200 7000] [--runs RUN ...] [--seconds 60 300]

Ours is `neurfield fit --scene ROOM --steps N` with the room's depth, every eighth frame held out; with
--runs, fits that exist. Its seconds run from the first file read to the last step. Nerfacto has the same
pictures, without depth, which it does not use, and so many seconds of training alone. Both are measured on
the same held-out frames, at half their size. Where nerfacto is not installed its rows say how to get it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import nerfacto_peer
from benchmarks.common import run_measured, run_script
from benchmarks.room_table import newest_run
from benchmarks.script import Table, arguments, report

COLUMNS = ("scene", "what", "s", "steps", "PSNR dB, held out", "SSIM", "F@1cm")


def ours(scene: str, folder: Path) -> list[Any]:
    """The row of a run."""
    found = json.loads((folder / "metrics.json").read_text())
    images, fit = found["images"], found["fit"]
    return [
        scene, "neurfield, with depth", fit["seconds"], fit["steps"], images["psnr"], images["ssim"],
        found.get("geometry", {}).get("f_score@0.01"),
    ]  # fmt: skip


def peer(scene: str, seconds: list[float]) -> list[list[Any]]:
    """Its rows, in a process of its own."""
    words = [str(value) for value in seconds]
    command = [sys.executable, "-m", "benchmarks.nerfacto_peer", "--scene", scene, "--seconds", *words]
    result = run_measured(command)
    points = [json.loads(line) for line in result.output.splitlines() if line.startswith("{")]
    if result.status or not points:
        return [[scene, f"nerfacto: {nerfacto_peer.INSTALL}", *[None] * 5]]
    return [
        [scene, "nerfacto in torch, pictures alone", p["seconds"], p["steps"], p["psnr"], None, None]
        for p in points
    ]


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__, "room_pictures")
    parser.add_argument("--scene", default="room0")
    parser.add_argument("--steps", nargs="+", type=int, default=[1200, 7000], help="of our fits")
    parser.add_argument("--runs", nargs="+", type=Path, help="our fits: fit nothing")
    parser.add_argument(
        "--seconds", nargs="+", type=float, default=[60.0, 300.0], help="of nerfacto's training"
    )
    args = parser.parse_args()
    if args.quick:
        args.steps, args.seconds = [60], [3.0]
    folders = list(args.runs or [])
    for steps in [] if args.runs else args.steps:
        out = args.out.resolve().parent / "room_pictures" / str(steps)
        fit = ["fit", "--scene", args.scene, "--steps", str(steps), "--out", str(out)]
        run_measured([sys.executable, "-m", "neurfield", *fit])
        folders.append(newest_run(out))
    rows = [ours(args.scene, folder) for folder in folders] + peer(args.scene, args.seconds)
    report(args.out, [Table("Pictures of a room", COLUMNS, rows)])


if __name__ == "__main__":
    run_script(main)
