"""report.html of a network that was learnt from tri-planes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from neurfield.inputs.page import Tile
from neurfield.report.curves import Curve, chart
from neurfield.report.page import section, tiles, wide_table, wrapped, write_page
from neurfield.report.pictures import webp_uri
from neurfield.triplanes.build import fields_of
from neurfield.triplanes.dataset import Data
from neurfield.triplanes.quality import mesh_of
from neurfield.triplanes.scores import part_scores, said_of, sample_of
from neurfield.triplanes.shards import read_index, read_shard
from neurfield.triplanes.sheet import COLORS, WRONG, portrait

_SHOWN, _CELLS = 8, 64


def write_training_page(
    folder: Path, metrics: dict[str, Any], data: Data, fields: Path, network: nn.Module
) -> Path:
    """Write report.html beside a network: curves, what was taken for what, parts in their colours.

    Args:
        folder: of the network.
        metrics: what metrics.json says.
        data: the shapes.
        fields: the folder that they were read from.
        network: the best.
    """
    task, log = metrics["task"], metrics["log"]
    judged = metrics["test"] or metrics["val"]
    split = "test" if metrics["test"] else "val"
    name = "accuracy" if task == "classify" else "mean IoU of parts"
    title = f"{task} · {metrics['model']}"
    head = (
        f"{len(data.classes)} classes, {len(data.names)} shapes, {data.about['field']} of {metrics['fields']}"
    )
    body = [
        f"<h1>{escape(title)}</h1><p>{escape(head)}</p>",
        tiles(_tiles(metrics, judged, split, task)),
        section(
            "The training",
            wrapped(
                "charts",
                [
                    chart(Curve("loss", [(e["step"], e["loss"]) for e in log], True, good="down")),
                    *(
                        [chart(Curve(f"{name} of val", [(e["step"], e["score"]) for e in log], good="up"))]
                        if metrics["val"]
                        else []
                    ),
                ],
            )
            + '<p class="note">A step is an epoch: each shape to learn from was looked at once.</p>',
        ),
    ]
    if judged and task == "classify":
        body.append(
            section(f"What was taken for what, in {split}", _confusion(judged["confusion"], data.classes))
        )
    if judged and task == "segment":
        rows = [(label, f"{100.0 * value:.1f} %") for label, value in judged["by_class"].items()]
        body.append(section("Mean IoU of each class", wide_table(("class", "mean IoU"), rows)))
        body.append(section("Parts", _parts(data, fields, network, data.splits[split])))
    if data.notes:
        body.append(section("What was noticed", "".join(f"<p>{escape(note)}</p>" for note in data.notes)))
    return write_page(folder, title, body)


def _tiles(metrics: dict[str, Any], judged: dict[str, Any], split: str, task: str) -> list[Tile]:
    keys = (
        {"accuracy": "of shapes named right", "class_accuracy": "mean over classes"}
        if task == "classify"
        else {"instance_miou": "mean IoU of parts, over shapes", "class_miou": "the same, over classes"}
    )
    found = [
        Tile(f"{100.0 * judged[k]:.1f} %", f"{split}: {what}", "") for k, what in keys.items() if k in judged
    ]
    minutes = metrics["log"][-1]["seconds"] / 60.0
    return [
        *found,
        Tile(str(metrics["epoch"]), f"the best of {len(metrics['log'])} epochs", ""),
        Tile(f"{minutes:.1f} min", "training", ""),
    ]


def _confusion(table: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """A row a true class, a column a named one; the fuller, the darker; what is right in blue."""
    most = max(max(row) for row in table) or 1
    head = "".join(
        f'<th style="writing-mode:vertical-rl;text-align:left">{escape(name)}</th>' for name in classes
    )
    lines = []
    for k, (name, row) in enumerate(zip(classes, table)):
        cells = []
        for j, count in enumerate(row):
            shade = "74,122,181" if j == k else "205,50,45"
            color = f"background:rgba({shade},{count / most:.2f})" if count else ""
            cells.append(f'<td style="text-align:center;min-width:2em;{color}">{count or ""}</td>')
        lines.append(f"<tr><td>{escape(name)}</td>{''.join(cells)}</tr>")
    table_html = f'<div class="card"><table><tr><th></th>{head}</tr>{"".join(lines)}</table></div>'
    return table_html + '<p class="note">Rows are what shapes are, columns what they were taken for.</p>'


def _parts(data: Data, fields: Path, network: nn.Module, rows: torch.Tensor) -> str:
    """Fitted surfaces in the colours of the parts that the network names, those of most classes first."""
    rows = rows[(data.labels[rows] >= 0) & (data.parts[rows] >= 0).any(dim=1)]
    seen: dict[int, int] = {}
    order = []
    for row in rows.tolist():  # one of each class, then a second of each
        label = int(data.labels[row])
        seen[label] = seen.get(label, 0) + 1
        order.append((seen[label], row))
    figures = []
    for _, row in sorted(order)[:_SHOWN]:
        picture = _picture(data, fields, network, row)
        if picture is None:
            continue
        score = part_scores(data, torch.tensor([row]), said_of(network, data, torch.tensor([row]), "segment"))
        words = f"{data.names[row]}: {100.0 * score['instance_miou']:.0f} %"
        figures.append(
            f'<figure style="margin:0"><img alt="{escape(words)}" src="{webp_uri(picture)}">'
            f"<figcaption>{escape(words)}</figcaption></figure>"
        )
    note = (
        '<p class="note">Left as labelled, right as named, red where wrong; below the mean IoU of the '
        "parts. Labels are those of the nearest point that has one.</p>"
    )
    style = "display:grid;grid-template-columns:repeat(auto-fill,minmax(340px,1fr));gap:12px"
    return f'<div style="{style}">{"".join(figures)}</div>{note}' if figures else ""


def _picture(data: Data, fields: Path, network: nn.Module, row: int) -> np.ndarray | None:
    """The surface of a shape twice, uint8 [320, 640, 3]: labelled, and named."""
    index = read_index(fields)
    entry = next(one for one in index["shapes"] if one["name"] == data.names[row])
    made, recipe = fields_of(read_shard(fields.expanduser() / entry["shard"]))
    if data.about["field"] == "udf":
        return None
    mesh = mesh_of(made, entry["row"], data.about["field"], recipe, _CELLS)
    if mesh is None:
        return None
    named = parts_at(network, data, row, torch.from_numpy(mesh.triangles_center.astype(np.float32)))
    told = data.parts[row] >= 0
    nearest = torch.cdist(
        torch.from_numpy(mesh.triangles_center.astype(np.float32)), data.points[row][told]
    ).argmin(dim=1)
    truth = data.parts[row][told][nearest]
    of_class = data.parts_of[int(data.labels[row])]
    place = {part: k % len(COLORS) for k, part in enumerate(of_class)}
    first = np.array([COLORS[place.get(int(part), 0)] for part in truth])
    second = np.array([COLORS[place.get(int(part), 0)] for part in named])
    second[(named != truth).numpy()] = WRONG
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    return np.concatenate([portrait(vertices, faces, colors, 320) for colors in (first, second)], axis=1)


@torch.no_grad()
def parts_at(network: nn.Module, data: Data, row: int, points: torch.Tensor) -> torch.Tensor:
    """The parts int64 [N] that a network names at points [N, 3] of a shape, of those of its class."""
    network.eval()
    allowed = torch.full((len(data.part_names),), -torch.inf)
    allowed[data.parts_of[int(data.labels[row])]] = 0.0
    one = torch.tensor([row])
    said = [network(sample_of(data, one, some[None]))[0] + allowed for some in points.split(2048)]
    return torch.cat(said).argmax(dim=1)
