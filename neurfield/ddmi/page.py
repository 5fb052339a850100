"""report.html of a training: curves of both stages, what comes back of held-out things, new ones."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurfield.ddmi.data import Data, seen
from neurfield.ddmi.make import contact_sheet, mesh_of, picture_of, tile_of
from neurfield.ddmi.train import Model
from neurfield.inputs.page import Tile
from neurfield.report.curves import Curve, chart
from neurfield.report.page import section, tiles, wrapped, write_page
from neurfield.report.pictures import webp_uri

_SHOWN, _SIDE = 8, 160


def write_generating_page(
    folder: Path, metrics: dict[str, Any], model: Model, data: Data, new: np.ndarray
) -> Path:
    """Write report.html.

    Args:
        folder: of the training.
        metrics: what metrics.json says.
        model: what was learnt.
        data: what it was learnt from.
        new: uint8 [H, W, 3], a sheet of new shapes or pictures.
    """
    first, second = metrics["autoencoder"], metrics["diffusion"]
    name, unit = ("IoU", "") if data.domain == "shapes" else ("PSNR", " dB")
    key = "iou" if data.domain == "shapes" else "psnr"
    minutes = (first[-1]["seconds"] + second[-1]["seconds"]) / 60.0
    shown = [Tile(f"{metrics['learnt_from']}", f"{data.domain} learnt from", "")]
    if metrics["held_out"]:
        shown.append(
            Tile(
                f"{metrics['held_out'][key]:.3f}{unit}",
                f"{name} of held-out {data.domain} that come back",
                "",
            )
        )
    shown.append(Tile(f"{minutes:.1f} min", "training", ""))
    kept = metrics["kept"]
    note = (
        f"Kept are the autoencoder of step {kept['autoencoder']}, whose {name} of val is the best from 90 % "
        f"of its steps on, and the diffusion of step {kept['diffusion']} of {int(second[-1]['step'])}, whose "
        "loss of val is the best; it ends where nothing got better for a fifth of its steps."
    )
    curves = [
        Curve("autoencoder: loss", [(e["step"], e["loss"]) for e in first], True, good="down"),
        Curve(f"autoencoder: {name} of val", [(e["step"], e[key]) for e in first], good="up"),
        Curve("diffusion: loss", [(e["step"], e["loss"]) for e in second], True, good="down"),
        Curve("diffusion: loss of val", [(e["step"], e["val"]) for e in second], True, good="down"),
    ]
    head = f"{', '.join(metrics['classes'])}, of {metrics['folder']}; size {metrics['size']}"
    body = [
        f"<h1>New {escape(data.domain)}</h1><p>{escape(head)}</p>",
        tiles(shown),
        section(f"New {data.domain}", _picture(new, f"new {data.domain}")),
        section("What comes back", _picture(_returned(model, data), "held out above, decoded below")),
        section(
            "The training",
            wrapped("charts", [chart(curve) for curve in curves]) + f'<p class="note">{escape(note)}</p>',
        ),
    ]
    return write_page(folder, f"new {data.domain}", body)


def _picture(pixels: np.ndarray, words: str) -> str:
    return (
        f'<figure style="margin:0"><img style="max-width:100%" alt="{escape(words)}" '
        f'src="{webp_uri(pixels)}">'
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )


def _returned(model: Model, data: Data) -> np.ndarray:
    """Held-out pictures above, decoded ones below; of shapes the points of the held-out ones above."""
    rows = data.splits["test"] if len(data.splits["test"]) else data.splits["train"]
    rows = rows[:_SHOWN]
    with torch.no_grad():
        given = seen(data, rows, model.autoencoder.size.points, torch.Generator().manual_seed(0))
        latents = model.autoencoder.encode(given).mean
    if data.domain == "shapes":
        above = [_cloud(data, int(row)) for row in rows]
        below = [tile_of(mesh_of(model, latent), _SIDE) for latent in latents]
    else:
        from PIL import Image

        kept = data.tensors["pictures"][rows].permute(0, 2, 3, 1).numpy()
        above = [np.asarray(Image.fromarray(one).resize((_SIDE, _SIDE))) for one in kept]
        below = [picture_of(model, latent, _SIDE) for latent in latents]
    return contact_sheet([*above, *below], columns=len(rows))


def _cloud(data: Data, row: int) -> np.ndarray:
    """The kept points of a shape from where `portrait` looks, nearer ones darker: uint8 [S, S, 3]."""
    points = data.tensors["surface"][row].float().numpy()
    turn = np.radians(-35.0)
    right = points[:, 0] * np.cos(turn) - points[:, 1] * np.sin(turn)
    away = points[:, 0] * np.sin(turn) + points[:, 1] * np.cos(turn)
    up = points[:, 2] * np.cos(np.radians(20.0)) + away * np.sin(np.radians(20.0))
    page = np.full((_SIDE, _SIDE, 3), 255, np.uint8)
    order = np.argsort(-away)
    columns = ((0.5 + 0.36 * right[order]) * _SIDE).astype(int).clip(0, _SIDE - 1)
    lines = ((0.5 - 0.36 * up[order]) * _SIDE).astype(int).clip(0, _SIDE - 1)
    shade = (150 + 60 * away[order]).clip(60, 225).astype(np.uint8)
    page[lines, columns] = np.stack([shade, shade, np.minimum(shade + 25, 255)], axis=1)
    return page
