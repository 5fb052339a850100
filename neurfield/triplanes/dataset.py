"""Tri-planes in memory, with what is to be learnt of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.triplanes.generate import SPLITS
from neurfield.triplanes.shards import Shard, read_index, read_shard, shards_in

TASKS, MODELS = ("classify", "segment"), ("triplane", "pointnet", "weights")


@dataclass(frozen=True)
class Data:
    """N shapes.

    Attributes:
        names: [N].
        classes: names, by which labels count.
        labels: int64 [N]; -1 of a class that is not among them.
        splits: rows of each split.
        planes: [N, 3 C, R, R].
        points: [N, 2048, 3] on the surfaces.
        parts: int64 [N, 2048] of these, -1 for none.
        rows: [N, rows, hidden] of the networks' inner layers, their biases last; empty where all share one.
        part_names: of each part's number.
        parts_of: for each class the numbers of the parts that it may have, those that occur in its training.
        about: what the index says of the fits.
        notes: what was noticed, for people.
    """

    names: list[str]
    classes: list[str]
    labels: Tensor
    splits: dict[str, Tensor]
    planes: Tensor
    points: Tensor
    parts: Tensor
    rows: Tensor
    part_names: list[str]
    parts_of: list[list[int]]
    about: dict[str, Any]
    notes: tuple[str, ...] = ()


def read_data(folder: Path, classes: Sequence[str] | None = None) -> Data:
    """Read a folder of tri-planes whole.

    Args:
        folder: what `build` wrote.
        classes: those that labels count by; None: those of the folder.

    Raises:
        UserError: it is none, a shard is missing or not whole, or fields differ in their sizes.
    """
    index = read_index(folder)
    folder = folder.expanduser()
    shards = [read_shard(path) for path, told in shards_in(folder) if told.shapes]
    if sum(len(shard.shapes) for shard in shards) != len(index["shapes"]):
        raise UserError(
            f"{folder}: its shards hold other shapes than index.json says; "
            "`neurfield triplane build` mends that"
        )
    shapes = [one for shard in shards for one in shard.shapes]
    known = list(classes or index["classes"])
    labels = torch.tensor([known.index(one.label) if one.label in known else -1 for one in shapes])
    planes = torch.cat([shard.tensors["planes"] for shard in shards])
    splits = {
        split: torch.tensor([k for k, one in enumerate(shapes) if one.split == split], dtype=torch.int64)
        for split in SPLITS
    }
    parts = torch.cat([shard.tensors["parts"] for shard in shards]).long()
    part_names = _part_names(index["parts"], parts)
    train = splits["train"]
    parts_of = [
        [k for k in parts[train[labels[train] == label]].unique().tolist() if k >= 0]
        for label in range(len(known))
    ]
    return Data(
        [one.name for one in shapes], known, labels, splits, planes.flatten(1, 2),
        torch.cat([shard.tensors["points"] for shard in shards]), parts,
        torch.cat([_rows(shard) for shard in shards]), part_names, parts_of, index["about"],
        tuple(_notes(known, labels, splits, index["parts"], parts_of)),
    )  # fmt: skip


def _rows(shard: Shard) -> Tensor:
    """What nf2vec looks at: the inner layers' weights, one row a unit of the layer before, and biases."""
    inner = range(1, shard.about["layers"])
    if shard.about["shared"]:
        return torch.zeros(len(shard.shapes), 0, shard.about["hidden"])
    each = [torch.cat([shard.tensors[f"weight.{k}"], shard.tensors[f"bias.{k}"]], dim=1) for k in inner]
    return torch.cat(each, dim=1)


def _part_names(named: dict[str, dict[str, int]], parts: Tensor) -> list[str]:
    count = max([int(parts.max()) + 1, *(k + 1 for of in named.values() for k in of.values())])
    names = [str(k) for k in range(count)]
    for label, of in named.items():
        for name, number in of.items():
            names[number] = f"{label} {name}"
    return names


def _notes(
    classes: list[str],
    labels: Tensor,
    splits: dict[str, Tensor],
    named: dict[str, dict[str, int]],
    parts_of: list[list[int]],
) -> list[str]:
    notes = []
    for label, name in enumerate(classes):
        count = int((labels[splits["train"]] == label).sum())
        if count == 1:
            notes.append(f"class {name} has one shape to learn from")
        elif not count:
            notes.append(f"class {name} has no shape to learn from: it will never be named")
        if parts_of[label]:
            gone = [part for part, k in named.get(name, {}).items() if k not in parts_of[label]]
            notes += [f"part {part} of {name} never occurs in the training: it is left out" for part in gone]
    return notes


def check(data: Data, task: str, model: str) -> None:
    """Whether a task can be learnt.

    Raises:
        UserError: there is nothing to learn, or nothing to learn it from.
    """
    train = data.splits["train"]
    if not len(train):
        raise UserError("no shape is in the split train: there is nothing to learn from")
    if task == "classify" and len(data.labels[train].unique()) < 2:
        raise UserError(
            f"all shapes to learn from are of one class ({data.classes[int(data.labels[train[0]])]}): "
            "--task classify needs two or more"
        )
    if task == "segment" and not bool((data.parts[train] >= 0).any()):
        raise UserError("no shape has part labels: --task segment needs a .seg beside each shape")
    if model == "weights" and not data.rows.shape[1]:
        raise UserError(
            "--model weights: all shapes share one network, which tells nothing of them: build with "
            "--recipe quick or published"
        )
