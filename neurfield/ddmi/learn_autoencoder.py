"""The first stage: the autoencoder."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from neurfield.ddmi.autoencoder import Autoencoder
from neurfield.ddmi.data import Data, asked, seen
from neurfield.ddmi.sizes import Size
from neurfield.ddmi.stage import Best, Log, learn

_JUDGED, _QUERIES = 32, 4096
_WHOLE = 0.9  # share of the steps from which the divergence has its whole weight


def best_of(domain: str) -> Best:
    """Of the autoencoders from 90 % of the steps on, whose latents are as regular as they get, the best."""
    return Best("iou" if domain == "shapes" else "psnr", rises=True, first=_WHOLE)


def learn_autoencoder(
    data: Data,
    size: Size,
    path: Path,
    facts: dict[str, Any],
    told: Callable[[str], None] = lambda line: None,
) -> tuple[Autoencoder, Log]:
    """Train on the split train: what is asked at places, and the divergence of the latents.

    Its loss is a sum over places of a cross entropy (of pictures of squares) plus the weighted divergence,
    whose weight rises by equal factors over 90 % of the steps (Park et al., section 4.1 and appendix).

    Args:
        data: to learn from.
        size: of the networks.
        path: of the checkpoint.
        facts: as of `learn`.
        told: called with a line every 100 steps.
    """
    torch.manual_seed(facts["seed"])
    network = Autoencoder(data.domain, size)
    rows = data.splits["train"]
    low, high = size.divergence

    def loss(trained: Any, step: int, generator: torch.Generator) -> Tensor:
        some = rows[torch.randint(len(rows), (min(size.batch, len(rows)),), generator=generator)]
        gaussian = trained.encode(noisy(data, seen(data, some, size.points, generator), generator))
        at, true = asked(data, some, size.queries, generator)
        said = trained.value(trained.decode(gaussian.drawn(generator)), at)
        weight = low * (high / low) ** min(1.0, step / (_WHOLE * size.steps))
        return differences(data.domain, said, true).mean() + weight * gaussian.divergence().mean()

    def judged(kept: Any) -> dict[str, float]:
        of = data.splits["val"] if len(data.splits["val"]) else rows
        return agreement(kept, data, of[:_JUDGED], size.points)

    best = best_of(data.domain)
    return learn(path, facts, network, size.steps, size.rate, loss, judged, best, told=told)  # type: ignore[return-value]


def noisy(data: Data, given: Tensor, generator: torch.Generator) -> Tensor:
    """Points moved by some 0.005, as the encoder learns from; pictures as they are."""
    if data.domain == "pictures":
        return given
    return given + 0.005 * torch.randn(given.shape, generator=generator)


def differences(domain: str, said: Tensor, true: Tensor) -> Tensor:
    """[B]: cross entropies of what is inside, or squares of colours in units of 0.1, summed over places."""
    if domain == "shapes":
        return binary_cross_entropy_with_logits(said, true, reduction="none").sum(dim=1)
    return 0.5 * ((said - true) / 0.1).square().mean(dim=2).sum(dim=1)


@torch.no_grad()
def agreement(network: Any, data: Data, rows: Tensor, points: int) -> dict[str, float]:
    """How well shapes come back from the means of their latents: {"iou"}; of pictures {"psnr"}, decibels.

    Args:
        network: the autoencoder.
        data: with the shapes or pictures.
        rows: of them.
        points: that the encoder sees of a shape.
    """
    generator = torch.Generator().manual_seed(0)
    both = either = wrong = count = 0.0
    for some in rows.split(8):
        planes = network.decode(network.encode(seen(data, some, points, generator)).mean)
        at, true = asked(data, some, _QUERIES, generator)
        said = network.value(planes, at)
        if data.domain == "shapes":
            inside = said > 0.0
            both += float((inside & (true > 0.5)).sum())
            either += float((inside | (true > 0.5)).sum())
        else:
            wrong += float((said - true).square().sum())
            count += true.numel()
    if data.domain == "shapes":
        return {"iou": both / max(either, 1.0)}
    return {"psnr": 10.0 * math.log10(4.0 * count / max(wrong, 1e-12))}
