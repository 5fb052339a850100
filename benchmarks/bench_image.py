"""Encodings beside each other at equal parameters: their time, and what fits of pictures and volumes reach.

    python -m benchmarks.bench_image [--pictures planet landing path] [--steps N] [--size 4096]

Three tables in one run. Times: the hash grid against the simplex grid in 2-D to 4-D, in turns. Volumes: both
fitted to the same function in 3-D and 4-D. Pictures: hash, simplex and radial bases fitted to the same
pictures by `neurfield fit --image`'s own code, a process each; "s to hash's" is the time until the batches'
PSNR, averaged over 20 entries of the log, passes what the slower learner of hash and this one ends with, and
the hash grid's time to the same. `planet` is made by benchmarks.detailed_picture; the others are real and
fetched by their package's name.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.common import run_measured, run_script, say
from benchmarks.detailed_picture import REAL_PICTURES, planet, real_picture
from benchmarks.room_table import newest_run
from benchmarks.script import Table, arguments, keep_memory, report, text_row
from benchmarks.timing import timed_in_turns
from neurfield.encodings import HashGrid, SimplexGrid
from neurfield.errors import UserError
from neurfield.fields import ImageField
from neurfield.fitting.optimizer import Adam, Group
from neurfield.fitting.schedule import learning_rate_factor
from neurfield.ops import grid
from neurfield.ops.grid import GridLayout
from neurfield.ops.simplex_layout import SimplexLayout

GROWTH = 1.447
TIME_COLUMNS = ["work", "D", "log2 T", "hash M points/s", "simplex M points/s", "hash M numbers",
                "simplex M numbers", "x faster"]  # fmt: skip
VOLUME_COLUMNS = ["D", "encoding", "M numbers", "s", "PSNR dB", "encoding ms a step", "x faster"]
PICTURE_COLUMNS = ["picture", "encoding", "M numbers", "steps", "s", "PSNR dB", "over hash dB", "s to hash's",
                   "hash's s to it", "M bytes"]  # fmt: skip
ENCODINGS = ("hash", "simplex", "rbf")
WINDOW = 20  # entries of the log that PSNR is averaged over


def layouts(dimensions: int, log2_table_size: int) -> dict[str, GridLayout]:
    """Both grids with 16 levels of 2 features and as many vertices in the cube, so about as many numbers."""
    size = (16, 2, log2_table_size, 16, GROWTH, dimensions)
    return {"hash": GridLayout(*size), "simplex": SimplexLayout(*size, equal_density=True)}


def time_rows(dimensions: int, log2_table_size: int, count: int, repeats: int) -> list[list[Any]]:
    """Encoding, with the jacobian, and the table's gradient, of random points."""
    points = torch.rand(count, dimensions, generator=torch.Generator().manual_seed(0))
    d_features = torch.randn(count, 32)
    works: dict[str, dict[str, Callable[[], Any]]] = {}
    both = layouts(dimensions, log2_table_size)
    for name, layout in both.items():
        table, into = torch.randn(layout.n_parameters), torch.zeros(layout.n_parameters)
        how = (points, d_features, None, None, into, layout)
        works.setdefault("encode", {})[name] = _bound(grid.encode, points, table, layout)
        works.setdefault("with jacobian", {})[name] = _bound(grid.encode_with_jacobian, points, table, layout)
        works.setdefault("table gradient", {})[name] = _bound(grid.accumulate_table_gradient, *how)
    rows = []
    for work, functions in works.items():
        found = timed_in_turns(functions, repeats)
        rates = [count / 1e6 / found[name].median for name in both]
        numbers = [layout.n_parameters / 1e6 for layout in both.values()]
        rows.append([work, dimensions, log2_table_size, *rates, *numbers, rates[1] / rates[0]])
    return rows


def _bound(function: Callable[..., Any], *how: Any) -> Callable[[], Any]:
    return lambda: function(*how)


def waves(points: Tensor) -> Tensor:
    """[N, 1] in about 0..1: 128 plane waves of 2 to 24 periods, the finer the weaker."""
    random = torch.Generator().manual_seed(7)
    directions = torch.nn.functional.normalize(torch.randn(points.shape[1], 128, generator=random), dim=0)
    periods = 2.0 * 12.0 ** torch.rand(128, generator=random)
    phases = 6.3 * torch.rand(128, generator=random)
    field = torch.sin(points @ (directions * periods * 2.0 * math.pi) + phases) @ (1.0 / periods)
    return (0.5 + 0.12 * field)[:, None]


def volume_rows(dimensions: int, steps: int, count: int) -> list[list[Any]]:
    """Both grids fitted to `waves`: PSNR at points that were not fitted, and the encoding's time in a
    step."""
    rows: list[list[Any]] = []
    held_out = torch.rand(1 << 16, dimensions, generator=torch.Generator().manual_seed(99))
    batch = torch.rand(count, dimensions)
    fields, seconds, psnr, works = {}, {}, {}, {}
    for name, kind in (("hash", HashGrid), ("simplex", SimplexGrid)):
        more = {"equal_density": True} if kind is SimplexGrid else {}
        encoding = kind(8, 2, 19, 8, finest_resolution=96, dimensions=dimensions, **more)  # type: ignore[arg-type]
        field = ImageField(encoding, 1)
        optimizer = Adam(
            [
                Group("table", [encoding.table], 1e-2, sparse=True),
                Group("network", [*field.layers.parameters()], 5e-3),
            ]
        )
        seconds[name] = _fit(field, optimizer, dimensions, steps, count)
        with torch.no_grad():
            error = torch.nn.functional.mse_loss(field(held_out), waves(held_out))
        psnr[name], fields[name] = -10.0 * math.log10(float(error)), field
        works[name] = _bound(_encode_both_ways, encoding, batch)
    found = timed_in_turns(works, 5)
    for name, field in fields.items():
        numbers = field.encoding.table.numel() / 1e6
        faster = found["hash"].median / found[name].median
        rows.append([dimensions, name, numbers, seconds[name], psnr[name], 1e3 * found[name].median, faster])
    return rows


def _encode_both_ways(encoding: HashGrid | SimplexGrid, points: Tensor) -> None:
    into = torch.zeros_like(encoding.table)
    features = grid.encode(points, encoding.table, encoding.layout)
    grid.accumulate_table_gradient(points, features, None, None, into, encoding.layout)


def _fit(field: ImageField, optimizer: Adam, dimensions: int, steps: int, count: int) -> float:
    """Seconds of fitting `waves`, drawing points included."""
    import time

    started = time.perf_counter()
    random = torch.Generator().manual_seed(1)
    for step in range(steps):
        points = torch.rand(count, dimensions, generator=random)
        torch.nn.functional.mse_loss(field.fitted(points), waves(points)).backward()
        optimizer.step(step + 1, learning_rate_factor(step, steps, 20, 0.03))
    return time.perf_counter() - started


def fit_picture(path: Path, encoding: str, steps: int, out: Path) -> dict[str, Any]:
    """The metrics and the log of a fit by the command line.

    Raises:
        UserError: the command failed; what it printed is above.
    """
    command = ["neurfield", "fit", "--image", str(path), "--encoding", encoding, "--steps", str(steps),
               "--set", "train.log_every=5", "--out", str(out)]  # fmt: skip
    say(f"python -m {' '.join(command)}")
    result = run_measured([sys.executable, "-m", *command])
    if result.status != 0:
        raise UserError(
            f"the fit of {path.name} with {encoding} ended with status {result.status}: see above"
        )
    run = newest_run(out)
    entries = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return {"metrics": json.loads((run / "metrics.json").read_text()), "log": entries, "run": str(run)}


def seconds_to(log: list[dict[str, Any]], psnr: float) -> float | None:
    """When the running mean of the batches' PSNR first reaches `psnr`; None if never."""
    values = [entry["psnr"] for entry in log]
    for i in range(WINDOW, len(values) + 1):
        if float(np.mean(values[i - WINDOW : i])) >= psnr:
            return float(log[i - 1]["seconds"])
    return None


def picture_rows(name: str, path: Path, steps: int, out: Path, encodings: list[str]) -> list[list[Any]]:
    """A row an encoding for one picture; the hash grid comes first."""
    rows: list[list[Any]] = []
    found = {encoding: fit_picture(path, encoding, steps, out) for encoding in encodings}
    base = found["hash"]

    def last(log: list[dict[str, Any]]) -> float:
        return float(np.mean([entry["psnr"] for entry in log[-WINDOW:]]))

    for encoding, fit in found.items():
        image, facts = fit["metrics"]["image"], fit["metrics"]["fit"]
        common = min(last(base["log"]), last(fit["log"]))
        rows.append(
            [name, encoding, image["parameters"] / 1e6, steps, facts["seconds"], image["psnr"],
             image["psnr"] - base["metrics"]["image"]["psnr"], seconds_to(fit["log"], common),
             seconds_to(base["log"], common), fit["metrics"]["files"]["model"] / 1e6]
        )  # fmt: skip
    return rows


def main() -> None:
    """The three tables."""
    keep_memory("benchmarks.bench_image")
    parser = arguments(__doc__, "image")
    parser.add_argument("--pictures", nargs="*", choices=["planet", *REAL_PICTURES], default=["planet"])
    parser.add_argument("--encodings", nargs="+", choices=ENCODINGS, default=list(ENCODINGS))
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--size", type=int, default=4096, help="side of the picture that is made")
    args = parser.parse_args()
    count, repeats = (8192, 2) if args.quick else (1 << 16, 7)
    sizes = (15,) if args.quick else (15, 17, 19)
    tables = [
        Table(
            "Encoding, random points, 16 levels of 2", TIME_COLUMNS,
            [row for d in (2, 3, 4) for size in sizes for row in time_rows(d, size, count, repeats)],
        )
    ]  # fmt: skip
    say(tables[-1].markdown())
    steps = 20 if args.quick else 400
    volumes = [row for d in (3, 4) for row in volume_rows(d, steps, count // 2)]
    tables.append(Table(f"Volumes, {steps} steps of {count // 2} points", VOLUME_COLUMNS, volumes))
    say(tables[-1].markdown())
    rows: list[list[Any]] = []
    folder = args.out.resolve().parent / "image"
    for name in args.pictures:
        try:
            pixels = planet(256 if args.quick else args.size) if name == "planet" else real_picture(name)
        except UserError as reason:
            rows.append(text_row(PICTURE_COLUMNS, f"{name}: {reason}"))
            continue
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        Image.fromarray(pixels).save(path)
        encodings = [e for e in ENCODINGS if e in args.encodings or e == "hash"]
        rows += picture_rows(name, path, 20 if args.quick else args.steps, folder / "runs", encodings)
        say(Table("Pictures", PICTURE_COLUMNS, rows).markdown())
    tables.append(Table("Pictures", PICTURE_COLUMNS, rows))
    report(args.out, tables)


if __name__ == "__main__":
    run_script(main)
