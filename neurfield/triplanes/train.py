"""A network learnt from tri-planes: epochs, checkpoints, a stop when nothing gets better."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.triplanes.checkpoint import load, named, part, put_back, save, state_of
from neurfield.triplanes.dataset import Data, check, read_data
from neurfield.triplanes.networks import make_network, size_of
from neurfield.triplanes.scores import device_of, sample_of, scored

MODEL, CHECKPOINT = "model.safetensors", "checkpoint.safetensors"
_QUERIES = 512  # points of a shape at which parts are learnt in a step
_LEAST_STEPS = 16  # of an epoch, where there are enough shapes
_WRONG = "not a network of `neurfield triplane train` ({reason})"
_PATIENCE = 20  # epochs without anything better
BETTER = {"classify": "accuracy", "segment": "instance_miou"}


@dataclass(frozen=True)
class Plan:
    """What is learnt, and how.

    Attributes:
        task: "classify" or "segment".
        model: "triplane", "pointnet" or "weights".
        size: a key of `SIZES`.
        epochs: at most.
        seed: of first numbers and orders.
    """

    task: str = "classify"
    model: str = "triplane"
    size: str = "small"
    epochs: int = 100
    seed: int = 0


def train(
    folder: Path, out: Path, plan: Plan, told: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Learn a task, write the best network on the split val, and score it on the split test.

    What was stopped goes on from its last epoch, and ends as it would have without the stop.

    Args:
        folder: of tri-planes.
        out: to write into: model.safetensors, checkpoint.safetensors, metrics.json.
        plan: what is learnt.
        told: called with a line every few epochs.

    Returns:
        What metrics.json says: the plan, classes, {"val", "test"} scores, the log of each epoch.

    Raises:
        UserError: there is nothing to learn, or `out` holds something else.
    """
    data = read_data(folder)
    check(data, plan.task, plan.model)
    for note in data.notes:
        told(note)
    if not len(data.splits["val"]):
        told("no shape is in the split val: the last epoch is taken, not the best")
    size = size_of(plan.size, plan.task)
    torch.manual_seed(plan.seed)
    network = make_network(plan.model, plan.task, data.about, len(data.classes), len(data.part_names), size)
    facts = {**asdict(plan), "classes": data.classes, "part_names": data.part_names,
             "parts_of": data.parts_of, "about": data.about}  # fmt: skip
    network.to(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    optimizer = torch.optim.AdamW(network.parameters(), lr=size.rate, weight_decay=1e-3)
    log = _resumed(out / CHECKPOINT, facts, network, optimizer)
    rows, key = data.splits["train"], BETTER[plan.task]
    batch = min(size.batch, max(len(rows) // _LEAST_STEPS, 4))
    steps = math.ceil(len(rows) / batch)
    started = time.perf_counter() - (log[-1]["seconds"] if log else 0.0)
    best = max((entry["score"] for entry in log), default=-1.0)
    while len(log) < plan.epochs and not _settled(log, len(data.splits["val"]), plan.epochs):
        epoch = len(log)
        torch.manual_seed(1_000_003 * plan.seed + epoch)  # of the order, the crops and the dropout
        losses = []
        network.train()
        for k, some in enumerate(rows[torch.randperm(len(rows))].split(batch)):
            for group in optimizer.param_groups:
                group["lr"] = size.rate * _one_cycle((epoch * steps + k) / (plan.epochs * steps))
            if len(some) < 2 and plan.model != "triplane":
                continue  # batch norm wants two
            with mixed(network):
                loss = _loss(network, data, some, plan.task)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        found = scored(network, data, data.splits["val"], plan.task, stride=4)
        score = found.get(key, float(epoch))
        entry = {"step": epoch + 1, "loss": sum(losses) / max(len(losses), 1), "score": score,
                 "seconds": time.perf_counter() - started}  # fmt: skip
        log.append(entry)
        if score >= best or epoch == 0:  # of equals the one that learnt for longer
            best = score
            save(out / MODEL, network.state_dict(), {**facts, "epoch": epoch + 1})
        save(out / CHECKPOINT, _state(network, optimizer), {**facts, "log": log})
        if (epoch + 1) % 5 == 0 or epoch + 1 == plan.epochs:
            shown = f", {key} of val {score:.3f}" if found else ""
            told(f"epoch {epoch + 1:>3} of {plan.epochs}: loss {entry['loss']:.3f}{shown}")
    network, facts = read_model(out)
    scores = {split: scored(network, data, data.splits[split], plan.task) for split in ("val", "test")}
    metrics = {**{k: facts[k] for k in (*asdict(plan), "classes", "part_names", "epoch")}, **scores,
               "log": log, "fields": str(folder)}  # fmt: skip
    with atomic_write(out / "metrics.json") as temporary:
        temporary.write_text(json.dumps(metrics, indent=1))
    return metrics


def mixed(network: nn.Module) -> torch.autocast:
    """Products in bfloat16 where a network is on a GPU, whose exponents need no scaling of the loss."""
    kind = device_of(network).type
    return torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda")


def _loss(network: nn.Module, data: Data, rows: Tensor, task: str) -> Tensor:
    device = device_of(network)
    if task == "classify":
        return cross_entropy(network(sample_of(data, rows).to(device)), data.labels[rows].to(device))
    asked = torch.randint(data.points.shape[1], (min(_QUERIES, data.points.shape[1]),))
    said = network(sample_of(data, rows, data.points[rows][:, asked]).to(device))
    truth = data.parts[rows][:, asked].to(device)
    if not bool((truth >= 0).any()):  # none of these has labels
        return 0.0 * said.sum()
    return cross_entropy(said.flatten(0, 1), truth.flatten(), ignore_index=-1)


def _one_cycle(share: float) -> float:
    """The rate over a training, of its highest: up in the first 30 %, then down (Smith and Topin 2018)."""
    if share < 0.3:
        return 0.04 + 0.96 * (0.5 - 0.5 * math.cos(math.pi * share / 0.3))
    return 0.5 + 0.5 * math.cos(math.pi * (share - 0.3) / 0.7)


def _settled(log: list[dict[str, float]], judged: int, epochs: int) -> bool:
    """Whether nothing got better for long; never in the first third, where rates rise."""
    if not judged or len(log) <= max(_PATIENCE, epochs // 3):
        return False
    scores = [entry["score"] for entry in log]
    return max(scores[-_PATIENCE:]) <= max(scores[:-_PATIENCE])


def _state(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return named("network", network.state_dict()) | state_of(optimizer)


def _resumed(
    path: Path, facts: dict[str, Any], network: nn.Module, optimizer: torch.optim.Optimizer
) -> list[dict[str, float]]:
    """The log of a training that was begun here, its numbers put back; [] where none was.

    Raises:
        UserError: another one was.
    """
    if not path.is_file():
        return []
    tensors, there = load(path, _WRONG)
    for key, value in facts.items():
        if there.get(key) != value:
            what = f"--{key} {there.get(key)}" if key in Plan.__annotations__ else f"other {key}"
            if key == "classes":
                what = f"other classes ({', '.join(there.get(key) or ())})"
            raise UserError(f"{path.parent}: holds a training of {what}: choose another --out, or remove it")
    network.load_state_dict(part(tensors, "network"))
    put_back(optimizer, tensors)
    return there["log"]


def read_model(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """A network that was learnt, and what is known of it.

    Raises:
        UserError: there is none.
    """
    path = folder.expanduser()
    path = path / MODEL if path.is_dir() else path
    if not path.is_file():
        raise UserError(f"{path}: there is no such network; `neurfield triplane train` makes one")
    tensors, facts = load(path, _WRONG)
    if "task" not in facts:
        raise UserError(f"{path}: not a network of `neurfield triplane train`")
    network = make_network(
        facts["model"], facts["task"], facts["about"], len(facts["classes"]), len(facts["part_names"]),
        size_of(facts["size"], facts["task"]),
    )  # fmt: skip
    network.load_state_dict(tensors)
    return network.eval(), facts
