"""The second stage: the diffusion over the latents of the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neurfield.ddmi.autoencoder import Autoencoder, Gaussian
from neurfield.ddmi.data import Data, seen
from neurfield.ddmi.diffusion import Denoiser, loss_at, scheduler
from neurfield.ddmi.sizes import Size
from neurfield.ddmi.stage import Best, Log, learn

_JUDGED = 128
BEST = Best("val", rises=False, patience=0.2)


@torch.no_grad()
def latents_of(network: Autoencoder, data: Data, rows: Tensor, seed: int = 0) -> Gaussian:
    """The distributions of some shapes' or pictures' latents."""
    generator = torch.Generator().manual_seed(seed)
    network.eval()
    found = [network.encode(seen(data, some, network.size.points, generator)) for some in rows.split(16)]
    return Gaussian(torch.cat([g.mean for g in found]), torch.cat([g.log_variance for g in found]))


def spread_of(gaussian: Gaussian) -> tuple[Tensor, Tensor]:
    """Mean and deviation [P, c, 1, 1] of each channel over shapes and texels, of latents that are drawn."""
    mean = gaussian.mean.mean(dim=(0, 3, 4), keepdim=True)
    square = ((gaussian.mean - mean).square() + gaussian.log_variance.exp()).mean(dim=(0, 3, 4), keepdim=True)
    return mean[0], square[0].sqrt().clamp_min(1e-4)


def learn_diffusion(
    network: Autoencoder,
    data: Data,
    size: Size,
    path: Path,
    facts: dict[str, Any],
    told: Callable[[str], None] = lambda line: None,
) -> tuple[Denoiser, dict[str, Tensor], Log]:
    """Train on latents of the split train, drawn anew each step and scaled to deviation 1 a channel.

    Args:
        network: the first stage.
        data: to learn from.
        size: of the networks.
        path: of the checkpoint.
        facts: as of `learn`.
        told: called with a line every 100 steps.

    Returns:
        The network whose numbers are a running average, as it was when latents of the split val, always with
        the same noise and times, were denoised best; "mean" and "deviation" [P, c, 1, 1] that latents were
        scaled by, and "normal_mean" and "normal_deviation" [P, c, r, r] of each number of the latents, a
        baseline; the log.
    """
    torch.manual_seed(facts["seed"])
    denoiser = Denoiser(network.planes, size)
    schedule = scheduler()
    known = latents_of(network, data, data.splits["train"], facts["seed"])
    mean, deviation = spread_of(known)
    of = data.splits["val"] if len(data.splits["val"]) else data.splits["train"]
    held = latents_of(network, data, of[:_JUDGED], facts["seed"])

    def drawn(gaussian: Gaussian, rows: Tensor, generator: torch.Generator) -> Tensor:
        some = Gaussian(gaussian.mean[rows], gaussian.log_variance[rows])
        return (some.drawn(generator) - mean) / deviation

    def loss(trained: nn.Module, step: int, generator: torch.Generator) -> Tensor:
        rows = torch.randint(len(known.mean), (size.diffusion_batch,), generator=generator)
        return loss_at(trained, drawn(known, rows, generator), schedule, generator)

    @torch.no_grad()
    def judged(kept: nn.Module) -> dict[str, float]:
        generator = torch.Generator().manual_seed(0)
        rows = torch.arange(len(held.mean)).repeat(-(-_JUDGED // len(held.mean)))[:_JUDGED]
        return {"val": float(loss_at(kept, drawn(held, rows, generator), schedule, generator))}

    kept, log = learn(
        path,
        facts,
        denoiser,
        size.diffusion_steps,
        size.diffusion_rate,
        loss,
        judged,
        BEST,
        size.average,
        told,
    )
    each = (known.log_variance.exp().mean(dim=0) + known.mean.var(dim=0, unbiased=False)).sqrt()
    numbers = {
        "mean": mean, "deviation": deviation, "normal_mean": known.mean.mean(dim=0), "normal_deviation": each
    }  # fmt: skip
    return kept, numbers, log  # type: ignore[return-value]
