"""One stage of a training: steps, a running average, checkpoints, and how what was stopped goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neurfield.errors import UserError
from neurfield.triplanes.checkpoint import load, named, part, put_back, save, state_of

EVERY = 100  # steps between checkpoints, and between numbers that are told
Log = list[dict[str, float]]


def learn(
    path: Path,
    facts: dict[str, Any],
    network: nn.Module,
    steps: int,
    rate: float,
    loss: Callable[[Any, int, torch.Generator], Tensor],
    judged: Callable[[Any], dict[str, float]],
    average: float = 0.0,
    told: Callable[[str], None] = lambda line: None,
) -> tuple[nn.Module, Log]:
    """Take steps until they are done; what was stopped goes on, and ends as it would have.

    Args:
        path: of the checkpoint.
        facts: what must be the same for a stopped training to go on.
        network: with its first numbers; it is trained.
        steps: of AdamW.
        rate: the highest; it rises over the first 2 % and falls to a hundredth, by a cosine.
        loss: of the network at a step; all that is drawn comes from the generator.
        judged: numbers of the network that is kept, every 100 steps.
        average: share of the running average of its numbers that stays at a step; 0: none is taken.
        told: called with a line as often.

    Returns:
        The network that is kept, the averaged one where one is taken; and the log.

    Raises:
        UserError: the checkpoint is of another training.
    """
    optimizer = torch.optim.AdamW(network.parameters(), rate, betas=(0.9, 0.99), weight_decay=1e-4)
    kept = deepcopy(network).requires_grad_(False) if average else network
    log = _resumed(path, facts, network, kept, optimizer, told)
    done = int(log[-1]["step"]) if log else 0
    started = time.perf_counter() - (log[-1]["seconds"] if log else 0.0)
    total = 0.0
    for step in range(done, steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * share_of(step / steps)
        generator = torch.Generator().manual_seed(1_000_003 * facts["seed"] + step)
        network.train()
        found = loss(network, step, generator)
        optimizer.zero_grad(set_to_none=True)
        found.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 10.0 * max(1.0, float(found.detach()) ** 0.5))
        optimizer.step()
        if average:
            stays = min(average, (1.0 + step) / (10.0 + step))
            with torch.no_grad():
                for mean, value in zip(kept.parameters(), network.parameters()):
                    mean.lerp_(value, 1.0 - stays)
        total += float(found.detach())
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            since = step % EVERY + 1
            if not math.isfinite(total):
                raise UserError(
                    f"{path.parent}: the loss is not finite at step {step + 1}: give another --seed"
                )
            numbers = judged(kept.eval())
            log.append({"step": step + 1, "loss": total / since, **numbers,
                        "seconds": time.perf_counter() - started})  # fmt: skip
            total = 0.0
            save(path, _state(network, kept, optimizer), {**facts, "log": log})
            words = "".join(f", {name} {value:.3f}" for name, value in numbers.items())
            told(f"{path.stem} step {step + 1:>5} of {steps}: loss {log[-1]['loss']:.4g}{words}")
    return kept.eval(), log


def share_of(progress: float) -> float:
    """The rate at a share of the steps, of its highest."""
    if progress < 0.02:
        return 0.02 + 0.98 * progress / 0.02
    return 0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * (progress - 0.02) / 0.98))


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors of a checkpoint or a network, and what is known of them.

    Raises:
        UserError: the file is not whole, or is none of these.
    """
    return load(path, "not whole, or not of `neurfield generate train` ({reason}): remove it")


def _state(network: nn.Module, kept: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = named("network", network.state_dict()) | state_of(optimizer)
    return state if kept is network else state | named("kept", kept.state_dict())


def _resumed(
    path: Path,
    facts: dict[str, Any],
    network: nn.Module,
    kept: nn.Module,
    optimizer: torch.optim.Optimizer,
    told: Callable[[str], None],
) -> Log:
    if not path.is_file():
        return []
    tensors, there = read_checkpoint(path)
    for key, value in facts.items():
        if there.get(key) != value:
            what = "another set" if key == "set" else f"--{key} {there.get(key)}"
            raise UserError(f"{path.parent}: holds a training of {what}: choose another --out, or remove it")
    network.load_state_dict(part(tensors, "network"))
    if kept is not network:
        kept.load_state_dict(part(tensors, "kept"))
    put_back(optimizer, tensors)
    told(f"{path.stem}: goes on at step {int(there['log'][-1]['step'])}")
    return there["log"]
