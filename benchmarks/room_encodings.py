"""The built-in rooms with each encoding under the same SDF preset: F-scores, normals, time, parameters.

    python -m benchmarks.room_encodings [--scenes room0 ...] [--encodings hash ...] [--steps N] [--resume]

Everything but `field.encoding` is the same: method neus, noisy sensor depth, 600 steps. Sizes are what the
configuration gives each kind, about as many numbers as the hash grid has (frequencies have none). Every row
is a process of its own; seconds are those of the fit. Prints a table, writes JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import trimesh

from benchmarks import room_table
from benchmarks.common import run_script, say, write_json
from benchmarks.room_table import Row, make_mesh, with_truth
from benchmarks.script import Table, arguments, report
from neurfield.evaluation import evaluate_mesh
from neurfield.fields import EncodingSizes, make_encoding
from neurfield.scenes.builtin import ROOMS
from neurfield.scenes.scene import Scene

COLUMNS = (
    "scene",
    "encoding",
    "M numbers",
    "features",
    "fit s",
    "F@5cm",
    "F@1cm",
    "normals",
    "PSNR dB, held out",
)
ENCODINGS = ("hash", "simplex", "triplane", "rbf", "frequency")
FLAGS = "--method neus --set data.sensor_depth=noisy --set field.encoding={} --steps {}"


def measure(name: str, scene: Scene, args: Any) -> list[Any]:
    """One row, or the row that an earlier call kept."""
    kept = args.out / scene.name / name / "row.json"
    if args.resume and kept.is_file():
        return list(json.loads(kept.read_text())["row"])
    steps, args.steps = args.steps, None  # the row's flags hold them
    room_table.ROWS[name] = Row(f"neurfield, {name}", FLAGS.format(name, steps), ours=True)
    facts = make_mesh(name, scene.name if scene.name in ROOMS else str(scene.path), args)
    args.steps = steps
    mesh = trimesh.load(facts["mesh"], force="mesh", process=False)
    numbers = evaluate_mesh(mesh, scene.ground_truth, cameras=scene.cameras)
    encoding = make_encoding(EncodingSizes(name))
    metrics = json.loads((Path(facts["run"]) / "metrics.json").read_text())
    row = [
        scene.name, name, sum(p.numel() for p in encoding.parameters()) / 1e6, encoding.output_dim,
        facts["fit_seconds"], numbers["f_score@0.05"], numbers["f_score@0.01"], numbers["normal_consistency"],
        metrics["images"]["psnr"],
    ]  # fmt: skip
    write_json(kept, {"row": row, "command": facts["command"]})
    return row


def main() -> None:
    """The table."""
    parser = arguments(__doc__, "room_encodings")
    parser.add_argument("--scenes", nargs="+", default=list(ROOMS))
    parser.add_argument("--encodings", nargs="+", choices=ENCODINGS, default=list(ENCODINGS))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--resume", action="store_true", help="take the rows that an earlier call measured")
    args = parser.parse_args()
    if args.quick:
        args.steps = 30
    json_file = args.out.resolve()
    args.out = json_file.parent / "room_encodings"
    rows: list[list[Any]] = []
    for scene in [with_truth(name) for name in args.scenes]:
        for name in args.encodings:
            rows.append(measure(name, scene, args))
            say(str(rows[-1]))
    title = f"{', '.join(args.scenes)}, noisy sensor depth, {args.steps} steps"
    report(json_file, [Table(title, COLUMNS, rows)])


if __name__ == "__main__":
    run_script(main)
