"""The built-in room fitted on a GPU: seconds of fitting, F-scores and normals of the mesh.

Seconds are those of the fit, its first surface included; reading the scene, meshing and measuring are not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.common import run_measured, run_script, say, write_json
from benchmarks.gpu_common import gpu_arguments, gpu_record
from benchmarks.room_table import newest_run
from benchmarks.script import Table
from neurfield.errors import UserError

COLUMNS = ("steps", "fit s", "F@5cm", "F@1cm", "normals", "PSNR dB, held out", "all s", "kernels")


def fit(scene: str, device: str, steps: int, out: Path) -> dict[str, Any]:
    """Fit in a process of its own, by noisy sensor depth, and what its metrics say.

    Raises:
        UserError: the command failed; what it printed is above.
    """
    command = [
        sys.executable, "-m", "neurfield", "fit", "--scene", scene, "--device", device, "--method", "neus",
        "--set", "data.sensor_depth=noisy", "--steps", str(steps), "--out", str(out),
    ]  # fmt: skip
    say(" ".join(command[1:]))
    ran = run_measured(command)
    if ran.status != 0:
        raise UserError(f"the fit of {scene} ended with status {ran.status}: {ran.output.strip()[-400:]}")
    metrics = json.loads((newest_run(out) / "metrics.json").read_text())
    took, geometry = metrics["fit"], metrics.get("geometry", {})
    return {
        "steps": took["steps"],
        "seconds": took["seconds"],
        "F@5cm": geometry.get("f_score@0.05"),
        "F@1cm": geometry.get("f_score@0.01"),
        "normals": geometry.get("normal_consistency"),
        "psnr": metrics.get("images", {}).get("psnr"),
        "process_seconds": ran.seconds,
        "kernels": took.get("kernels"),
    }


def main() -> None:
    """A row for each number of steps."""
    parser = gpu_arguments(__doc__, "room0")
    parser.add_argument("--scene", default="room0")
    parser.add_argument("--steps", type=int, nargs="+", default=[600])
    args = parser.parse_args()
    counts = [20] if args.tiny else args.steps
    fits = [fit(args.scene, args.device, steps, args.out.parent / "room0") for steps in counts]
    print(
        Table("room0 on a GPU, noisy sensor depth", COLUMNS, [list(row.values()) for row in fits]).markdown()
    )
    say(f"written: {write_json(args.out, {'gpu': gpu_record(), 'fits': fits})}")


if __name__ == "__main__":
    run_script(main)
