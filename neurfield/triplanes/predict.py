"""What a network that was learnt says of new shapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import trimesh
from torch import nn

from neurfield.errors import UserError
from neurfield.shapes import UnitShape, read_shape
from neurfield.surfaces import save_mesh
from neurfield.triplanes.dataset import Data, read_data
from neurfield.triplanes.fit_fields import fit_fields
from neurfield.triplanes.page import parts_at
from neurfield.triplanes.recipe import RECIPES
from neurfield.triplanes.scores import part_scores, said_of
from neurfield.triplanes.sheet import COLORS
from neurfield.triplanes.targets import targets_of
from neurfield.triplanes.train import read_model
from neurfield.wording import suggest


def of_folder(model: Path, folder: Path) -> tuple[list[tuple[str, str, str, str]], str]:
    """Each shape of a folder of tri-planes with its class and what it is taken for, or with its mean IoU.

    Returns:
        The rows, and how good that is, in words.

    Raises:
        UserError: the fields have other sizes than those that were learnt from, or no class in common.
    """
    network, facts = read_model(model)
    data = read_data(folder, facts["classes"])
    data = replace(data, part_names=facts["part_names"], parts_of=facts["parts_of"])
    _check(facts, data, folder)
    known = torch.nonzero(data.labels >= 0).flatten()
    every = torch.arange(len(data.names))
    if facts["task"] == "classify":
        said = said_of(network, data, every, "classify")
        best = said.argmax(dim=1)
        rows = [
            (name, name.partition("/")[0], data.classes[int(k)], f"{100.0 * float(share[k]):.0f} %")
            for name, k, share in zip(data.names, best, said)
        ]
        right = int((best[known] == data.labels[known]).sum())
        return rows, f"{right} of {len(known)} named right" + _unknown(data)
    said = said_of(network, data, known, "segment")
    rows = []
    for row, named in zip(known.tolist(), said):
        score = part_scores(data, torch.tensor([row]), named[None])["instance_miou"]
        label = data.classes[int(data.labels[row])]
        names = [data.part_names[k].removeprefix(f"{label} ") for k in named.unique().tolist()]
        rows.append((data.names[row], label, ", ".join(names), f"{100.0 * score:.0f} %"))
    score = part_scores(data, known, said)["instance_miou"]
    return rows, f"mean IoU of parts {100.0 * score:.1f} %" + _unknown(data)


def of_mesh(
    model: Path, path: Path, out: Path | None = None, label: str | None = None
) -> tuple[list[tuple[str, str]], Path | None]:
    """What a mesh or a cloud is taken for; or a mesh in the colours of its parts, written beside it.

    It is fitted first, as the shapes were that the network learnt from.

    Raises:
        UserError: it cannot be fitted, or its class is not known.
    """
    network, facts = read_model(model)
    about, classes = facts["about"], facts["classes"]
    if about["shared"]:
        raise UserError(
            f"{model}: its shapes share a network, which is in their folder: fit {path.name} there with "
            "`triplane build`, and give that folder"
        )
    if facts["task"] == "segment" and label not in classes:
        hint = suggest(label, classes) if label else ""
        raise UserError(f"--label {label or 'is missing'}{hint or ''}: give one of {', '.join(classes)}")
    shape = read_shape(path)
    if not shape.is_mesh and facts["task"] == "segment":
        raise UserError(f"{path}: holds points: parts are told of meshes, or of folders of `triplane build`")
    sizes = ("resolution", "channels", "hidden", "layers", "octaves", "clip", "focal")
    recipe = replace(RECIPES["quick"], **{name: about[name] for name in sizes})
    targets = targets_of(shape, about["field"], recipe, 0)
    fields = fit_fields([targets], about["field"], recipe)
    inner = [torch.cat([w.detach(), b.detach()], dim=1) for w, b in zip(fields.weights, fields.biases)]
    data = Data(
        [shape.name], classes, torch.tensor([classes.index(label) if label in classes else -1]), {},
        fields.planes.flatten(1, 2), targets.surface[None], targets.parts[None],
        torch.cat(inner[1:-1], dim=1), facts["part_names"], facts["parts_of"], about,
    )  # fmt: skip
    if facts["task"] == "classify":
        said = said_of(network, data, torch.tensor([0]), "classify")[0]
        order = said.argsort(descending=True)[:3].tolist()
        return [(classes[k], f"{100.0 * float(said[k]):.1f} %") for k in order], None
    return _coloured(network, data, targets.unit, path, out)


def _coloured(
    network: nn.Module, data: Data, unit: UnitShape, path: Path, out: Path | None
) -> tuple[list[tuple[str, str]], Path]:
    shape, label = unit.shape, int(data.labels[0])
    named = parts_at(network, data, 0, unit.points[torch.from_numpy(shape.faces)].mean(dim=1))
    areas = trimesh.Trimesh(shape.vertices, shape.faces, process=False).area_faces
    place = {part: k % len(COLORS) for k, part in enumerate(data.parts_of[label])}
    # A vertex has one colour, so faces of several parts get vertices of their own.
    corners = shape.vertices[shape.faces].reshape(-1, 3)
    colors = np.repeat(np.array([COLORS[place[int(part)]] for part in named]), 3, axis=0)
    mesh = trimesh.Trimesh(
        corners, np.arange(len(corners)).reshape(-1, 3), vertex_colors=colors, process=False
    )
    target = path.with_name(f"{path.stem}-parts.ply") if out is None else out.expanduser()
    save_mesh(mesh, target)
    shares = [
        (
            data.part_names[part],
            f"{100.0 * float(areas[(named == part).numpy()].sum() / areas.sum()):.1f} % of it",
        )
        for part in data.parts_of[label]
    ]
    return shares, target


def _check(facts: dict, data: Data, folder: Path) -> None:
    for key in ("field", "resolution", "channels", "hidden", "layers", "shared"):
        if facts["about"][key] != data.about[key]:
            raise UserError(
                f"{folder}: tri-planes of {key} {data.about[key]}, and the network learnt from those of "
                f"{facts['about'][key]}"
            )
    if not bool((data.labels >= 0).any()):
        there = ", ".join(sorted({name.partition("/")[0] for name in data.names}))
        raise UserError(
            f"{folder}: its classes ({there}) are none of those that the network knows "
            f"({', '.join(facts['classes'])})"
        )


def _unknown(data: Data) -> str:
    count = int((data.labels < 0).sum())
    return f"; {count} are of classes that it does not know" if count else ""
