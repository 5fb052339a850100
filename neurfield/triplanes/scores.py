"""What networks say of many shapes, and how much of it is true."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from neurfield.triplanes.dataset import Data
from neurfield.triplanes.networks import Sample

_BATCH = 16


def sample_of(data: Data, rows: Tensor, queries: Tensor | None = None) -> Sample:
    """Some shapes as networks take them; parts are asked for at `queries`, or at all points."""
    points = data.points[rows]
    return Sample(
        data.planes[rows], points, data.rows[rows], points if queries is None else queries,
        data.labels[rows].clamp_min(0),
    )  # fmt: skip


@torch.no_grad()
def said_of(network: nn.Module, data: Data, rows: Tensor, task: str, stride: int = 1) -> Tensor:
    """Probabilities [N, classes], or parts int64 [N, 2048] among those of each shape's class.

    With a stride parts are told at each so many-th point: [N, 2048 / stride].
    """
    network.eval()
    device = device_of(network)
    said = []
    for some in rows.split(_BATCH):
        answer = network(sample_of(data, some, data.points[some][:, ::stride]).to(device)).cpu()
        if task == "classify":
            said.append(answer.softmax(dim=1))
        else:
            allowed = torch.full((len(data.classes), answer.shape[2]), -torch.inf)
            for label, parts in enumerate(data.parts_of):
                allowed[label, parts] = 0.0
            said.append((answer + allowed[data.labels[some].clamp_min(0)][:, None]).argmax(dim=2))
    return torch.cat(said)


def device_of(network: nn.Module) -> torch.device:
    """Where its numbers are."""
    return next(network.parameters()).device


def confusion(truth: Tensor, said: Tensor, classes: int) -> Tensor:
    """[classes, classes]: how many of a true class (rows) were named so (columns)."""
    return torch.bincount(truth * classes + said, minlength=classes**2).view(classes, classes)


def part_scores(data: Data, rows: Tensor, said: Tensor) -> dict[str, Any]:
    """Mean IoU of parts, as ShapeNetPart is scored.

    Returns:
        instance_miou: the mean over shapes of the mean over the parts of their class; a part that is neither
            there nor named counts 1.
        class_miou: the mean over classes.
        by_class: {class: mean}.
        accuracy: share of points.
    """
    of_shape: list[float] = []
    right = total = 0
    by_class: dict[str, list[float]] = {}
    for row, named in zip(rows.tolist(), said):
        truth, label = data.parts[row][:: data.parts.shape[1] // len(named)], int(data.labels[row])
        told = truth >= 0
        if label < 0 or not bool(told.any()):
            continue
        truth, named = truth[told], named[told]
        right, total = right + int((truth == named).sum()), total + len(truth)
        each = []
        for part in data.parts_of[label]:
            either = int(((truth == part) | (named == part)).sum())
            each.append(int(((truth == part) & (named == part)).sum()) / either if either else 1.0)
        if each:
            of_shape.append(sum(each) / len(each))
            by_class.setdefault(data.classes[label], []).append(of_shape[-1])
    means = {name: sum(values) / len(values) for name, values in sorted(by_class.items())}
    return {
        "instance_miou": sum(of_shape) / max(len(of_shape), 1),
        "class_miou": sum(means.values()) / max(len(means), 1),
        "by_class": means,
        "accuracy": right / max(total, 1),
    }


def scored(network: nn.Module, data: Data, rows: Tensor, task: str, stride: int = 1) -> dict[str, Any]:
    """The numbers of a task on some shapes; {} for none. With a stride parts are told at fewer points."""
    rows = rows[data.labels[rows] >= 0]
    if not len(rows):
        return {}
    said = said_of(network, data, rows, task, stride)
    if task == "segment":
        return part_scores(data, rows, said)
    table = confusion(data.labels[rows], said.argmax(dim=1), len(data.classes))
    recall = table.diagonal() / table.sum(dim=1).clamp_min(1)
    occur = table.sum(dim=1) > 0
    return {
        "accuracy": float(table.diagonal().sum() / table.sum()),
        "class_accuracy": float(recall[occur].mean()),
        "confusion": table.tolist(),
    }
