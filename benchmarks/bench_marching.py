"""Marching rays through occupied cells, and compositing what was sampled, against the same in plain torch.

On the built-in room's cameras and true surface where the room is there (`neurfield scene make room0`), else
on random rays in a box with three blocks. nerfacc, the usual library for both, runs on CUDA only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import run_script, say
from benchmarks.script import Table, arguments, keep_memory, report
from benchmarks.timing import timed_in_turns
from neurfield import ops
from neurfield.ops.reference import compositing as reference_compositing
from neurfield.ops.reference import occupancy_grid as reference_grid
from neurfield.ops.reference import ray_march as reference_march
from neurfield.rays import Rays, UnitFrame, make_rays
from neurfield.rendering.occupancy import OccupancyGrid
from neurfield.scenes.builtin import is_made

RESOLUTION = 128
CHANNELS = 7  # composited: colour, normal, distance
MAX_SAMPLES = 1024
SETTINGS = ((0.2, 0.02), (0.02, 0.005))  # reach of the opacity and section length, unit frame: early, late
MARCH_COLUMNS = ["rays", "reach", "section", "samples a ray", "ours ms", "slowest", "fastest", "torch ms",
                 "x torch"]  # fmt: skip
GRID_COLUMNS = ["grid", "reach", "ours ms", "slowest", "fastest", "torch ms", "x torch"]
COMPOSITE_COLUMNS = ["work", "rays", "samples", "ours ms", "slowest", "fastest", "torch ms", "x torch"]
BLOCKS = [(0.4, 0.3, -0.5), (-0.4, 0.5, -0.6), (0.1, -0.5, -0.7)]  # centres of the furniture


@dataclass(frozen=True)
class World:
    """What is marched through: its name, the grid, and so many rays."""

    name: str
    grid: OccupancyGrid
    rays: Callable[[int], Rays]


def random_world() -> World:
    """A box of walls with three blocks on its floor, and rays from its middle."""

    def distance(points: Tensor) -> Tensor:
        nearest = 0.9 - points.abs().amax(dim=1)
        for centre in BLOCKS:
            beside = (points - torch.tensor(centre)).abs() - torch.tensor([0.2, 0.2, 0.25])
            nearest = torch.minimum(nearest, beside.amax(dim=1))
        return nearest

    grid = OccupancyGrid([-1.0] * 3 + [1.0] * 3, RESOLUTION)
    grid.update(distance)

    def rays(count: int) -> Rays:
        generator = torch.Generator().manual_seed(0)
        origins = (torch.rand(count, 3, generator=generator) - 0.5) * 0.4
        directions = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=1)
        t_min, t_max = ops.ray_box(origins, directions, grid.box)
        return Rays(origins, directions, t_min, t_max, torch.ones(count))

    return World(
        "random rays in a furnished box (room0 is not there: `neurfield scene make room0`)", grid, rays
    )


def room_world() -> World:
    """room0: pixels of its cameras, and a grid of distances to its true surface."""
    from scipy.spatial import cKDTree

    from neurfield.scenes import load_scene

    scene = load_scene("room0")
    frame = UnitFrame.around(scene.box)
    box = frame.box_in_unit(scene.box)
    mesh = scene.ground_truth
    assert mesh is not None
    spots, _ = mesh_samples(mesh, 400_000)
    tree = cKDTree(frame.unit_from_world(spots))
    grid = OccupancyGrid(box, RESOLUTION)
    grid.update(
        lambda points: torch.as_tensor(tree.query(points.numpy(), workers=-1)[0], dtype=torch.float32)
    )

    def rays(count: int) -> Rays:
        random = np.random.default_rng(0)
        cameras = scene.cameras
        frames = random.integers(0, len(cameras), count)
        pixels = random.random((count, 2)) * np.stack([cameras.width[frames], cameras.height[frames]], axis=1)
        return make_rays(*cameras.rays(frames, pixels), frame, box, torch.device("cpu"))

    return World("pixels of room0's cameras, its true surface", grid, rays)


def mesh_samples(mesh: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points [count, 3] spread over a mesh, and their faces."""
    import trimesh

    points, faces = trimesh.sample.sample_surface(mesh, count, seed=0)
    return np.asarray(points), np.asarray(faces)


def march_rows(world: World, counts: list[int], repeats: int) -> list[list[Any]]:
    """Milliseconds of marching; thresholds of the grid are not part of it."""
    rows: list[list[Any]] = []
    box = torch.tensor(world.grid.box)
    for count in counts:
        rays = world.rays(count)
        jitter = torch.rand(count, generator=torch.Generator().manual_seed(1))
        for reach, step in SETTINGS:
            say(f"marching {count} rays, reach {reach}")
            occupied = world.grid.occupied(reach)
            where = (rays.origins, rays.directions, rays.t_min, rays.t_max, occupied)
            how = (step, jitter, MAX_SAMPLES)
            functions: dict[str, Callable[[], Any]] = {
                "ours": lambda where=where, how=how: ops.march_rays(*where, world.grid.box, *how),
                "torch": lambda where=where, how=how: reference_march.march_rays(*where, box, *how),
            }
            samples = len(functions["ours"]()[0]) / count
            rows.append([count, reach, step, samples, *compare(functions, repeats)])
    return rows


def grid_rows(world: World, repeats: int) -> list[list[Any]]:
    """What a new reach costs, paid once as long as it stays."""
    grid = world.grid
    half_diagonal = 0.5 * 3**0.5 * grid.cell
    name = " x ".join(map(str, grid.values.shape))
    return [
        [name, reach, *compare({
            "ours": lambda r=reach: ops.conservative_occupancy(grid.values, half_diagonal, r),
            "torch": lambda r=reach: reference_grid.conservative_occupancy(grid.values, half_diagonal, r),
        }, repeats)]
        for reach, _ in SETTINGS
    ]  # fmt: skip


def composite_rows(sizes: list[tuple[int, int]], repeats: int) -> list[list[Any]]:
    """Milliseconds of compositing, forward alone and with the backward of a loss on all its outputs."""
    rows: list[list[Any]] = []
    for n_rays, samples in sizes:
        say(f"compositing {n_rays} rays of {samples} samples")
        generator = torch.Generator().manual_seed(0)
        counts = torch.randint(0, 2 * samples, (n_rays,), generator=generator)
        info = torch.stack([counts.cumsum(0) - counts, counts], dim=1)
        alpha = torch.rand(int(counts.sum()), generator=generator).mul_(0.3).requires_grad_()
        values = torch.rand(len(alpha), CHANNELS, generator=generator).requires_grad_()

        def forward(composite: Any, a: Tensor = alpha, v: Tensor = values, i: Tensor = info) -> Any:
            with torch.no_grad():
                return composite(a, v, i)

        def both(composite: Any, a: Tensor = alpha, v: Tensor = values, i: Tensor = info) -> Any:
            accumulated, opacity, weights = composite(a, v, i)
            loss = accumulated.square().sum() + opacity.sum() + weights.square().sum()
            return torch.autograd.grad(loss, [a, v])

        for name, work in (("forward", forward), ("forward, backward", both)):
            functions = {
                "ours": lambda work=work: work(ops.composite),
                "torch": lambda work=work: work(reference_compositing.composite),
            }
            rows.append([name, n_rays, samples, *compare(functions, repeats)])
    return rows


def compare(functions: dict[str, Callable[[], Any]], repeats: int) -> list[float]:
    """Milliseconds of ours (median, slowest, fastest) and of torch, and their ratio."""
    found = timed_in_turns(functions, repeats)
    ours, theirs = found["ours"], found["torch"]
    times = (ours.median, ours.slowest, ours.fastest, theirs.median)
    return [*(1e3 * t for t in times), theirs.median / ours.median]


def main() -> None:
    """Three tables of milliseconds."""
    keep_memory("benchmarks.bench_marching")
    parser = arguments(__doc__, "marching")
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    world = room_world() if is_made("room0") else random_world()
    counts, sizes = (
        ([1024], [(1024, 24)]) if args.quick else ([1024, 4096], [(1024, 24), (4096, 24), (4096, 128)])
    )
    report(
        args.out,
        [
            Table(f"Marching: {world.name}", MARCH_COLUMNS, march_rows(world, counts, args.repeats)),
            Table("Which cells a reach leaves", GRID_COLUMNS, grid_rows(world, args.repeats)),
            Table(f"Compositing {CHANNELS} channels", COMPOSITE_COLUMNS, composite_rows(sizes, args.repeats)),
        ],
        ["torch: our own reference. nerfacc has no row: its kernels are CUDA only, on a CPU it raises."],
    )


if __name__ == "__main__":
    run_script(main)
