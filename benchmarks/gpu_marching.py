"""Marching through occupied cells and compositing on a GPU, beside nerfacc and plain torch.

nerfacc marches the same grid with the same section length; its lattice starts where a ray enters the grid,
so that the samples are about as many and not the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.bench_marching import CHANNELS, MAX_SAMPLES, SETTINGS, World, random_world
from benchmarks.common import run_script
from benchmarks.gpu_common import Bench, Function, gpu_arguments
from neurfield import ops
from neurfield.ops.reference import compositing as reference_compositing
from neurfield.ops.reference import ray_march as reference_march
from neurfield.optional import require

Composite = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


def march(bench: Bench, world: World, count: int, reach: float, step: float, peer: str) -> None:
    """`count` rays through the cells that a reach leaves."""
    on_cpu = world.rays(count)
    occupied = world.grid.occupied(reach).to(bench.device)
    stretch = [t.to(bench.device) for t in (on_cpu.origins, on_cpu.directions, on_cpu.t_min, on_cpu.t_max)]
    jitter = torch.rand(count, generator=torch.Generator().manual_seed(1)).to(bench.device)
    box = torch.tensor(world.grid.box, device=bench.device)
    how = (occupied, box, step, jitter, MAX_SAMPLES)
    peers: dict[str, Callable[[], Function]] = {
        "torch": lambda: lambda: reference_march.march_rays(*stretch, *how),
        "nerfacc": lambda: nerfacc_march(occupied, box, stretch, step),
    }
    makers = {"ours": lambda: lambda: ops.march_rays(*stretch, *how), peer: peers[peer]}
    bench.compare("march", f"{count} rays, reach {reach}, section {step}", makers)


def nerfacc_march(occupied: Tensor, box: Tensor, stretch: list[Tensor], step: float) -> Function:
    """Its estimator with our cells."""
    nerfacc = require("nerfacc", extra="gpu-peers")
    estimator = nerfacc.OccGridEstimator(roi_aabb=box, resolution=list(occupied.shape), levels=1).to(
        box.device
    )
    estimator.binaries = occupied.bool()[None]
    origins, directions, t_min, t_max = stretch
    how: dict[str, Any] = {"t_min": t_min, "t_max": t_max, "render_step_size": step}
    return lambda: estimator.sampling(origins, directions, **how)


def nerfacc_composite(info: Tensor) -> Composite:
    """The same three results by its functions."""
    nerfacc = require("nerfacc", extra="gpu-peers")
    rays = {"ray_indices": ops.unpack_info(info), "n_rays": len(info)}

    def run(alpha: Tensor, values: Tensor, _: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weights, _ = nerfacc.render_weight_from_alpha(alpha, **rays)
        opacity = nerfacc.accumulate_along_rays(weights, None, **rays)
        return nerfacc.accumulate_along_rays(weights, values, **rays), opacity, weights

    return run


def composite(bench: Bench, n_rays: int, samples: int, peer: str) -> None:
    """Forward alone, and with the backward of a loss on all outputs."""
    generator = torch.Generator().manual_seed(0)
    counts = torch.randint(0, 2 * samples, (n_rays,), generator=generator)
    info = torch.stack([counts.cumsum(0) - counts, counts], dim=1).to(bench.device)
    alpha = torch.rand(int(counts.sum()), generator=generator).mul_(0.3).to(bench.device).requires_grad_()
    values = torch.rand(len(alpha), CHANNELS, generator=generator).to(bench.device).requires_grad_()

    def forward(run: Composite) -> Function:
        def once() -> None:
            with torch.no_grad():
                run(alpha, values, info)

        return once

    def both(run: Composite) -> Function:
        def once() -> None:
            accumulated, opacity, weights = run(alpha, values, info)
            loss = accumulated.square().sum() + opacity.sum() + weights.square().sum()
            torch.autograd.grad(loss, [alpha, values])

        return once

    for name, work in (("composite forward", forward), ("composite forward, backward", both)):
        peers: dict[str, Callable[[], Function]] = {
            "torch": lambda work=work: work(reference_compositing.composite),
            "nerfacc": lambda work=work: work(nerfacc_composite(info)),
        }
        makers = {"ours": lambda work=work: work(ops.composite), peer: peers[peer]}
        bench.compare(name, f"{n_rays} rays of about {samples} samples, {CHANNELS} channels", makers)


def main() -> None:
    """A table of milliseconds."""
    parser = gpu_arguments(__doc__, "marching")
    parser.add_argument("--rays", type=int, default=8192)
    args = parser.parse_args()
    bench = Bench(args)
    world, count = random_world(), bench.size(args.rays, 9)
    # nerfacc comes last: it compiles itself when it is called for the first time.
    for peer in ("torch", "nerfacc") if bench.device.type == "cuda" else ("torch",):
        for reach, step in SETTINGS[: bench.size(len(SETTINGS), 1)]:
            march(bench, world, count, reach, step, peer)
        for samples in (24, 128)[: bench.size(2, 1)]:
            composite(bench, count, bench.size(samples, 5), peer)
    sys.exit(bench.finish("Marching and compositing: random rays in a furnished box"))


if __name__ == "__main__":
    run_script(main)
