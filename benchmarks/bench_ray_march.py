"""Marching rays through the occupied cells of a furnished box: native against trying all sections."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.common import machine_record, markdown_table, run_script, write_json
from benchmarks.timing import timed
from neurfield import ops
from neurfield.ops.reference import ray_march as reference
from neurfield.rendering.occupancy import OccupancyGrid

BOX = [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0]
BLOCKS = [(0.4, 0.3, -0.5), (-0.4, 0.5, -0.6), (0.1, -0.5, -0.7)]  # centres of the furniture


def room(points: Tensor) -> Tensor:
    """Signed distance [k] (a lower bound of it) of a box of walls with three blocks on its floor."""
    distance = 0.9 - points.abs().amax(dim=1)
    for centre in BLOCKS:
        beside = (points - torch.tensor(centre)).abs() - torch.tensor([0.2, 0.2, 0.25])
        distance = torch.minimum(distance, beside.amax(dim=1))
    return distance


def main() -> None:
    """A table of milliseconds; 'grid' is what a new margin costs, paid once as long as the margin stays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resolution", type=int, default=128)
    parser.add_argument("--out", type=Path, default=Path("runs/bench_ray_march.json"))
    args = parser.parse_args()
    grid = OccupancyGrid(BOX, args.resolution)
    grid.update(room)
    generator = torch.Generator().manual_seed(0)
    rows = []
    for n_rays in (1024, 2048, 4096):
        origins = (torch.rand(n_rays, 3, generator=generator) - 0.5) * 0.4
        directions = torch.nn.functional.normalize(torch.randn(n_rays, 3, generator=generator), dim=1)
        jitter = torch.rand(n_rays, generator=generator)
        t_min, t_max = ops.ray_box(origins, directions, BOX)
        for margin, step in [(0.02, 0.005), (0.2, 0.02)]:
            occupied = grid.occupied(margin)
            rays = (origins, directions, t_min, t_max, occupied)
            fast = timed(lambda: ops.march_rays(*rays, BOX, step, jitter, 1024), 21)  # noqa: B023
            box = torch.tensor(BOX)
            slow = timed(lambda: reference.march_rays(*rays, box, step, jitter, 1024), 5)  # noqa: B023
            half_diagonal = 0.5 * 3**0.5 * grid.cell
            threshold = timed(lambda: ops.conservative_occupancy(grid.values, half_diagonal, margin), 21)  # noqa: B023
            samples = ops.march_rays(*rays, BOX, step, jitter, 1024)[0].shape[0]
            times = [1e3 * t.median for t in (fast, slow, threshold)]
            rows.append([n_rays, margin, step, samples / n_rays, *times, times[1] / times[0]])
    headers = ["rays", "margin", "step", "samples a ray", "native ms", "torch ms", "grid ms", "ratio"]
    print(markdown_table(headers, rows))
    write_json(args.out, {"machine": machine_record(), "columns": headers, "rows": rows})


if __name__ == "__main__":
    run_script(main)
