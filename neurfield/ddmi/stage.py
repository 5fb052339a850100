"""One stage of a training: steps, a running average, checkpoints, and how what was stopped goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neurfield.errors import UserError
from neurfield.triplanes.checkpoint import load, named, part, put_back, save, state_of

EVERY = 100  # steps between checkpoints, and between numbers that are told
Log = list[dict[str, float]]


@dataclass(frozen=True)
class Best:
    """Which network of a stage is kept: not the last, but that whose number was best where all was judged.

    Attributes:
        key: of the number in the log.
        rises: whether more is better.
        first: share of the steps before which none is kept.
        patience: share of the steps after which a stage ends if nothing got better; 1: never.
    """

    key: str
    rises: bool
    first: float = 0.0
    patience: float = 1.0

    def step(self, log: Log, steps: int) -> int:
        """The step of `steps` whose network is kept so far; 0: none is."""
        judged = [entry for entry in log if entry["step"] >= self.first * steps]
        if not judged:
            return 0
        sign = 1.0 if self.rises else -1.0
        return int(max(judged, key=lambda entry: (sign * entry[self.key], entry["step"]))["step"])

    def settled(self, log: Log, steps: int) -> bool:
        """Whether nothing got better for so long that the stage ends."""
        kept = self.step(log, steps)
        return kept > 0 and log[-1]["step"] - kept >= self.patience * steps


def learn(
    path: Path,
    facts: dict[str, Any],
    network: nn.Module,
    steps: int,
    rate: float,
    loss: Callable[[Any, int, torch.Generator], Tensor],
    judged: Callable[[Any], dict[str, float]],
    best: Best,
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
        judged: numbers of the network (of the averaged one, where one is taken), every 100 steps.
        best: which of those networks is kept.
        average: share of the running average of its numbers that stays at a step; 0: none is taken.
        told: called with a line as often.

    Returns:
        The network that is kept; and the log.

    Raises:
        UserError: the checkpoint is of another training.
    """
    optimizer = torch.optim.AdamW(network.parameters(), rate, betas=(0.9, 0.99), weight_decay=1e-4)
    mean = deepcopy(network).requires_grad_(False) if average else network
    log, chosen = _resumed(path, facts, network, mean, optimizer, told)
    done = int(log[-1]["step"]) if log else 0
    started = time.perf_counter() - (log[-1]["seconds"] if log else 0.0)
    total = 0.0
    for step in range(done, steps):
        if best.settled(log, steps):
            break
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
                for number, value in zip(mean.parameters(), network.parameters()):
                    number.lerp_(value, 1.0 - stays)
        total += float(found.detach())
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            since = step % EVERY + 1
            if not math.isfinite(total):
                raise UserError(
                    f"{path.parent}: the loss is not finite at step {step + 1}: give another --seed"
                )
            numbers = judged(mean.eval())
            log.append({"step": step + 1, "loss": total / since, **numbers,
                        "seconds": time.perf_counter() - started})  # fmt: skip
            total = 0.0
            if best.step(log, steps) == step + 1:
                chosen = {name: value.detach().clone() for name, value in mean.state_dict().items()}
            state = _state(network, mean, optimizer) | named("best", chosen)
            save(path, state, {**facts, "log": log})
            words = "".join(f", {name} {value:.3f}" for name, value in numbers.items())
            told(f"{path.stem} step {step + 1:>5} of {steps}: loss {log[-1]['loss']:.4g}{words}")
    if chosen:
        mean.load_state_dict(chosen)
    return mean.eval(), log


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


def _state(network: nn.Module, mean: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = named("network", network.state_dict()) | state_of(optimizer)
    return state if mean is network else state | named("kept", mean.state_dict())


def _resumed(
    path: Path,
    facts: dict[str, Any],
    network: nn.Module,
    mean: nn.Module,
    optimizer: torch.optim.Optimizer,
    told: Callable[[str], None],
) -> tuple[Log, dict[str, Tensor]]:
    """The log of a training that was begun here, and the best of its networks; its numbers put back."""
    if not path.is_file():
        return [], {}
    tensors, there = read_checkpoint(path)
    for key, value in facts.items():
        if there.get(key) != value:
            what = "another set" if key == "set" else f"--{key} {there.get(key)}"
            raise UserError(f"{path.parent}: holds a training of {what}: choose another --out, or remove it")
    network.load_state_dict(part(tensors, "network"))
    if mean is not network:
        mean.load_state_dict(part(tensors, "kept"))
    put_back(optimizer, tensors)
    told(f"{path.stem}: goes on at step {int(there['log'][-1]['step'])}")
    return there["log"], part(tensors, "best")
