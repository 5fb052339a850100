"""Extracting a bumpy sphere: ours asks a function and prunes, the peers get every value for nothing."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import machine_record, markdown_table, run_script, say, write_json
from benchmarks.timing import timed
from neurfield.optional import require
from neurfield.surfaces import extract_level_set

BOX = np.array([[-1.0] * 3, [1.0] * 3])


def bumpy_sphere(points: Tensor) -> Tensor:
    """Values [k], slope at most 1.4."""
    bumps = torch.sin(8.0 * points).prod(dim=1)
    return points.norm(dim=1) - 0.7 + 0.05 * bumps


class Meter:
    """A field that counts how often, and for how long, it was asked."""

    def __init__(self) -> None:
        self.seconds, self.points = 0.0, 0

    def __call__(self, points: Tensor) -> Tensor:
        started = time.perf_counter()
        values = bumpy_sphere(points)
        self.seconds += time.perf_counter() - started
        self.points += points.shape[0]
        return values


def ours(resolution: int) -> tuple[float, int, int]:
    """Fastest of five runs without the field's own time: seconds, field evaluations, faces."""
    best = float("inf")
    for _ in range(5):
        meter = Meter()
        started = time.perf_counter()
        _, faces = extract_level_set(meter, BOX, 2.0 / resolution)
        best = min(best, time.perf_counter() - started - meter.seconds)
    return best, meter.points, len(faces)


def dense_values(resolution: int) -> np.ndarray:
    """Values on the whole lattice, slab by slab."""
    axis = torch.arange(resolution + 1) * (2.0 / resolution) - 1.0
    values = np.empty([resolution + 1] * 3, dtype=np.float32)
    for i, x in enumerate(axis):
        points = torch.cartesian_prod(x[None], axis, axis)
        values[i] = bumpy_sphere(points).view(resolution + 1, -1).numpy()
    return values


def main() -> None:
    """A table of seconds, fastest of several; evaluations are what a real field would cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resolutions", type=int, nargs="+", default=[128, 256, 512])
    parser.add_argument("--out", type=Path, default=Path("runs/bench_level_set.json"))
    args = parser.parse_args()
    mcubes, measure = require("mcubes", extra="dev"), require("skimage.measure", extra="dev")
    rows = []
    for resolution in args.resolutions:
        say(f"{resolution}^3")
        seconds, evaluations, faces = ours(resolution)
        values = dense_values(resolution)
        peers = [
            timed(lambda: mcubes.marching_cubes(values, 0.0), 3).fastest,  # noqa: B023
            timed(lambda: measure.marching_cubes(values, 0.0), 3).fastest,  # noqa: B023
        ]
        rows.append([resolution, faces, seconds, *peers, evaluations / 1e6, evaluations / values.size])
    headers = ["resolution", "faces", "ours s", "PyMCubes s", "scikit-image s", "evaluations M", "of all"]
    print(markdown_table(headers, rows))
    write_json(args.out, {"machine": machine_record(), "columns": headers, "rows": rows})


if __name__ == "__main__":
    run_script(main)
