"""Shapes fitted as tri-planes, beside the authors' recipe; and what three networks learn from them.

    python -m benchmarks.bench_triplane [--count 20] [--published 2] [--epochs 40]

Shapes are generated (`neurfield triplane shapes`). The quick recipe fits all of them, twice with different
seeds; the authors' recipe fits a few of them in the same process, and both are measured on the same shapes:
IoU at points that no fit saw, F-score at 0.01 and Chamfer distance of meshes in 128 cells, unit coordinates.
Seconds a shape are of reading, exact distances and the fit; the note says them with the quality.

Networks are trained on the first fit and tested on the split test of both: a network whose planes began with
other numbers is what the method says it can meet.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.common import run_script, say
from benchmarks.script import Table, arguments, report
from neurfield.triplanes.build import build
from neurfield.triplanes.dataset import MODELS, read_data
from neurfield.triplanes.fit_fields import fit_fields
from neurfield.triplanes.folders import Item, read_folder, read_item
from neurfield.triplanes.generate import write_shapes
from neurfield.triplanes.quality import quality_of
from neurfield.triplanes.recipe import RECIPES, Recipe
from neurfield.triplanes.scores import scored
from neurfield.triplanes.targets import targets_of
from neurfield.triplanes.train import BETTER, Plan, read_model, train

FITS = ("recipe", "shapes", "s a shape", "shapes a minute", "IoU", "F@0.01", "Chamfer")
LEARNT = ("task", "network", "test", "test, fitted with another seed", "s of training")
_FEW = RECIPES["quick"].together
_CELLS = 128


def fit_row(name: str, recipe: Recipe, items: Sequence[Item]) -> list[Any]:
    """One recipe on some shapes, fitted at once."""
    started = time.perf_counter()
    targets = [targets_of(read_item(item)[0], "sdf", recipe, k) for k, item in enumerate(items)]
    fields = fit_fields(targets, "sdf", recipe)
    seconds = (time.perf_counter() - started) / len(items)
    found = quality_of(fields, targets, "sdf", recipe, _CELLS)
    means = [sum(one[key] for one in found) / len(found) for key in ("iou", "f_score", "chamfer")]
    row = [name, len(items), seconds, 60.0 / seconds, *means]
    say(str(row))
    return row


def learnt_rows(folder: Path, count: int, epochs: int, quick: bool) -> tuple[list[list[Any]], float]:
    """Three networks and two tasks on a generated set; and seconds a shape of its fit, quality included."""
    classes = ["chair", "table", "shelf"] if quick else None
    write_shapes(folder / "shapes", count, classes)
    recipe = replace(RECIPES["quick"], steps=60) if quick else RECIPES["quick"]
    started = time.perf_counter()
    index = build(folder / "shapes", folder / "fields", "sdf", recipe, told=say)
    seconds = (time.perf_counter() - started) / len(index["shapes"])
    # Only the split test is fitted again: what was learnt meets it there.
    for other in (folder / "shapes").glob("*/*"):
        if other.is_dir() and other.name != "test":
            other.rename(other.with_name(f".{other.name}"))
    build(folder / "shapes", folder / "again", "sdf", recipe, seed=1, cells=0, told=say)
    rows: list[list[Any]] = []
    for task in ("classify", "segment"):
        for model in MODELS:
            out = folder / f"{task}-{model}"
            metrics = train(folder / "fields", out, Plan(task, model, epochs=epochs), say)
            network, facts = read_model(out)
            again = replace(
                read_data(folder / "again", facts["classes"]),
                parts_of=facts["parts_of"], part_names=facts["part_names"],
            )  # fmt: skip
            key = BETTER[task]
            other = scored(network, again, again.splits["test"], task)[key]
            rows.append([task, model, metrics["test"][key], other, metrics["log"][-1]["seconds"]])
            say(str(rows[-1]))
    return rows, seconds


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__, "bench_triplane")
    parser.add_argument("--count", type=int, default=20, help="generated shapes a class")
    parser.add_argument("--published", type=int, default=2, help="shapes fitted by the authors' recipe")
    parser.add_argument("--epochs", type=int, default=40, help="of each training")
    args = parser.parse_args()
    if args.quick:
        args.count, args.published, args.epochs = 6, 1, 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_shapes(folder / "few", 4, None if not args.quick else ["chair", "mug"])
        items = [item for item in read_folder(folder / "few").items if item.split == "train"][:_FEW]
        same = items[: args.published]
        published = RECIPES["published"]
        fits = [fit_row("quick", RECIPES["quick"], same)]
        if len(items) > len(same):
            fits.append(fit_row("quick, many at once", RECIPES["quick"], items))
        fits.append(fit_row("published", replace(published, steps=6) if args.quick else published, same))
        rows, seconds = learnt_rows(folder, args.count, args.epochs, args.quick)
    note = (
        f"The set that is learnt from, {args.count} shapes a class, was fitted at {seconds:.2f} s a shape, "
        "meshes in 64 cells and their quality included."
    )
    tables = [Table("Fits", FITS, fits), Table("Learnt", LEARNT, rows)]
    report(args.out, tables, [note])


if __name__ == "__main__":
    run_script(main)
