"""New shapes beside baselines: shapes that were learnt from, and latents drawn number by number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import trimesh
from torch import Tensor

from neurfield.ddmi.data import Data
from neurfield.ddmi.make import mesh_of, new_latents, normal_latents
from neurfield.ddmi.metrics import chamfer_distances, compare
from neurfield.ddmi.train import Model
from neurfield.errors import UserError
from neurfield.shapes.sides import spread

BASELINES = ("diffusion", "normal", "training", "nearest", "autoencoder")
_FEW = 256  # points of a cloud by which the nearest shape is looked for


def cloud_of(mesh: trimesh.Trimesh | None, points: int, seed: int) -> Tensor:
    """Points [N, 3] of a mesh's surface by area; of none, N times the origin."""
    if mesh is None or not len(mesh.faces):
        return torch.zeros(points, 3)
    corners = torch.from_numpy(np.array(mesh.triangles, np.float32))
    return spread(corners, points, torch.Generator().manual_seed(seed))[0]


def measured(
    model: Model,
    data: Data,
    count: int | None = None,
    points: int = 2048,
    cells: int = 64,
    seed: int = 0,
    told: Callable[[str], None] = lambda line: None,
) -> dict[str, dict[str, float]]:
    """Coverage, minimum matching distance and 1-NN accuracy against the split test.

    Args:
        model: what was learnt.
        data: what it was learnt from, and the held-out shapes.
        count: of new and of held-out shapes; None: all that are held out.
        points: of a shape's cloud.
        cells: along the box of new meshes.
        seed: of the new shapes, and of the points.
        told: called with a line a row.

    Returns:
        "diffusion": new shapes; "normal": of latents whose numbers are drawn each from its own normal
        distribution; "training": shapes that were learnt from, of which nothing is new; "nearest": of these
        the one that is nearest to each new shape, as if that were a copy; "autoencoder": the held-out shapes
        themselves, encoded and decoded: what the first stage lets the second reach. Of "diffusion" also
        "from_training": the mean distance of a new shape to that nearest one.

    Raises:
        UserError: no shapes were held out, or it learnt pictures.
    """
    if model.facts["domain"] != "shapes":
        raise UserError("pictures are not measured: these distances are of shapes")
    rows = data.splits["test"][:count]
    if len(rows) < 2:
        raise UserError(f"{len(rows)} shapes were held out, and 2 or more are needed to measure by")
    if len(data.splits["train"]) < 2:
        raise UserError("fewer than 2 shapes were learnt from")
    generator = torch.Generator().manual_seed(seed)
    true = data.tensors["surface"][rows][:, :points].float()
    size = len(rows)
    learnt = data.splits["train"]
    some = learnt[torch.randperm(len(learnt), generator=generator)[:size]]
    with torch.no_grad():
        again = [
            model.autoencoder.encode(
                data.tensors["surface"][row][None, : model.autoencoder.size.points].float()
            ).mean[0]
            for row in rows
        ]
    latents = {
        "diffusion": new_latents(model, size, seed),
        "normal": normal_latents(model, size, seed),
        "autoencoder": torch.stack(again),
    }

    def made(name: str) -> Tensor:
        meshes = (mesh_of(model, one, cells) for one in latents[name])
        return torch.stack([cloud_of(mesh, points, seed + k) for k, mesh in enumerate(meshes)])

    known = data.tensors["surface"][learnt][:, :points].float()
    clouds = {"diffusion": made("diffusion"), "training": data.tensors["surface"][some][:, :points].float()}
    closest = chamfer_distances(clouds["diffusion"][:, :_FEW], known[:, :_FEW]).argmin(dim=1)
    clouds["nearest"] = known[closest]
    found: dict[str, dict[str, float]] = {}
    for name in BASELINES:
        found[name] = compare(clouds[name] if name in clouds else made(name), true)
        if name == "diffusion":
            pairs = zip(clouds["diffusion"], clouds["nearest"])
            found[name]["from_training"] = float(
                torch.stack([chamfer_distances(a[None], b[None]) for a, b in pairs]).mean()
            )
        told(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in found[name].items()))
    return found
