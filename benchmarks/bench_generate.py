"""New shapes of `neurfield generate`, beside baselines, against shapes that were held out.

    python -m benchmarks.bench_generate [RUN] [--shapes 600] [--class chair] [--count 120] [--points 1024]

RUN: what `neurfield generate train` left; without it, shapes of one class are generated and learnt from
first, which takes three quarters of an hour.

Coverage, minimum matching distance and 1-NN accuracy by Chamfer distance, of as many new as held-out shapes
(`neurfield.ddmi.metrics`). "nearest" are, for each new shape, the one of those learnt from that is nearest to
it: were new shapes copies, the two rows would be alike, and their distance none.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import run_measured, run_script, say
from benchmarks.script import Table, arguments, report
from neurfield.ddmi.compare import measured
from neurfield.ddmi.data import find, read
from neurfield.ddmi.sizes import SIZES
from neurfield.ddmi.train import read_model
from neurfield.errors import UserError
from neurfield.triplanes.generate import write_shapes

COLUMNS = ("shapes", "coverage", "minimum matching distance", "1-NN accuracy")
TITLES = {
    "diffusion": "new, by diffusion",
    "normal": "new, each latent number normal",
    "training": "learnt from, at random",
    "nearest": "learnt from, nearest to the new",
    "autoencoder": "held out, encoded and decoded",
}


def learnt(folder: Path, name: str, count: int) -> Path:
    """A run that learnt one class of generated shapes."""
    write_shapes(folder / "shapes", count, [name])
    words = ["neurfield", "generate", "train", str(folder / "shapes"), "--out", str(folder / "run")]
    result = run_measured(words)
    if result.status:
        raise UserError(f"{' '.join(words)}: ended with status {result.status}")
    return folder / "run"


def rows_of(found: dict[str, dict[str, float]]) -> list[list[Any]]:
    """Of what `measured` found."""
    return [
        [title, *(found[name][key] for key in ("coverage", "matching_distance", "neighbour_accuracy"))]
        for name, title in TITLES.items()
    ]


def note_of(run: Path, facts: dict[str, Any], apart: float, tested: int, points: int) -> str:
    """What was learnt from, and what was measured against."""
    classes = ", ".join(facts["classes"] or ["all classes"])
    again = json.loads((run / "metrics.json").read_text())["held_out"]["iou"]
    return (
        f"{facts['learnt_from']} shapes of {classes} were learnt from, by the size {facts['size']}; {tested} "
        f"held-out ones are measured against, with {points} points each. A new shape is {apart:.3g} from "
        f"the nearest of those learnt from. IoU of what the autoencoder gives back: {again:.3f}."
    )


def main() -> None:
    parser = arguments(__doc__, "generate")
    parser.add_argument("run", nargs="?", type=Path, metavar="RUN")
    parser.add_argument("--shapes", type=int, default=600, help="generated, where no RUN is given")
    parser.add_argument("--class", dest="name", default="chair", help="of these shapes")
    parser.add_argument("--count", type=int, default=120, help="of new and of held-out shapes, at most")
    parser.add_argument("--points", type=int, default=1024, help="of a shape's cloud")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = args.run or learnt(Path(folder), args.name, args.shapes)
        model = read_model(run)
        domain, items = find(Path(model.facts["folder"]), model.facts["classes"])
        data = read(domain, items, run / "data.safetensors", SIZES[model.facts["size"]].resolution)
        count = 8 if args.quick else args.count
        found = measured(model, data, count, args.points, told=say)
    tested = min(count, len(data.splits["test"]))
    note = note_of(run, model.facts, found["diffusion"]["from_training"], tested, args.points)
    report(args.out, [Table("New shapes", COLUMNS, rows_of(found))], [note], rows=found)


if __name__ == "__main__":
    run_script(main)
