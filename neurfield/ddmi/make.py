"""New shapes and pictures from what was learnt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import trimesh
from torch import Tensor

from neurfield.ddmi.data import pixel_places
from neurfield.ddmi.diffusion import DRAWN, sample
from neurfield.ddmi.train import Model
from neurfield.ops import marching_cubes
from neurfield.surfaces import keep_components, remove_degenerate_faces
from neurfield.triplanes.sheet import COLORS, portrait

_CHUNK = 1 << 15
_TOGETHER = 16
_CRUMB = 0.01  # pieces of less than this share of the area are left out


@torch.no_grad()
def new_latents(model: Model, count: int, seed: int, steps: int = DRAWN) -> Tensor:
    """Latents [N, P, c, r, r] by the diffusion; the k-th is the same whatever N is.

    Args:
        model: what was learnt.
        count: how many.
        seed: of their noise.
        steps: of the schedule.
    """
    found = [
        sample(model.denoiser, (min(_TOGETHER, count - k), *model.latent_shape), seed, steps, k)
        for k in range(0, count, _TOGETHER)
    ]
    return torch.cat(found) * model.numbers["deviation"] + model.numbers["mean"]


def normal_latents(model: Model, count: int, seed: int) -> Tensor:
    """Latents [N, P, c, r, r] of a normal distribution a number, with the mean and deviation that it has."""
    noise = torch.randn((count, *model.latent_shape), generator=torch.Generator().manual_seed(seed))
    return model.numbers["normal_mean"] + model.numbers["normal_deviation"] * noise


@torch.no_grad()
def mesh_of(model: Model, latent: Tensor, cells: int = 64) -> trimesh.Trimesh | None:
    """The surface of a latent [P, c, r, r] in [-1, 1]^3; None where nothing is inside.

    Args:
        model: what was learnt.
        latent: of one shape.
        cells: along the box.
    """
    planes = model.autoencoder.decode(latent[None])
    axis = torch.linspace(-1.0, 1.0, cells + 1)
    at = torch.cartesian_prod(axis, axis, axis)
    said = torch.cat([model.autoencoder.value(planes, some[None])[0] for some in at.split(_CHUNK)])
    free = -said.view(cells + 1, cells + 1, cells + 1)  # positive outside
    for axis_number in range(3):  # nothing is at the box's sides, where shapes do not reach
        for end in (0, cells):
            free.select(axis_number, end).fill_(5.0)
    vertices, faces = marching_cubes(free, 0.0, origin=(-1.0, -1.0, -1.0), spacing=2.0 / cells)
    if not len(faces):
        return None
    mesh = remove_degenerate_faces(trimesh.Trimesh(vertices.numpy(), faces.numpy(), process=False))
    return keep_components(mesh, _CRUMB)


@torch.no_grad()
def picture_of(model: Model, latent: Tensor, pixels: int = 128) -> np.ndarray:
    """A latent [1, c, r, r] as a picture, uint8 [pixels, pixels, 3].

    Args:
        model: what was learnt.
        latent: of one picture.
        pixels: of its side: the field has no resolution of its own.
    """
    planes = model.autoencoder.decode(latent[None])
    at = pixel_places(pixels)
    said = torch.cat([model.autoencoder.value(planes, some[None])[0] for some in at.split(_CHUNK)])
    shade = ((said.clamp(-1.0, 1.0) + 1.0) * 127.5).round().byte()
    return shade.view(pixels, pixels, 3).numpy()


def contact_sheet(tiles: Sequence[np.ndarray], columns: int = 4) -> np.ndarray:
    """Pictures uint8 [S, S, 3] side by side and below each other, on white: uint8 [H, W, 3]."""
    side = tiles[0].shape[0]
    rows = -(-len(tiles) // columns)
    page = np.full((rows * side, min(columns, len(tiles)) * side, 3), 255, np.uint8)
    for k, tile in enumerate(tiles):
        down, right = (k // columns) * side, (k % columns) * side
        page[down : down + side, right : right + side] = tile
    return page


def tile_of(mesh: trimesh.Trimesh | None, size: int = 240) -> np.ndarray:
    """A mesh, z upwards, as a tile of a sheet; white where there is none."""
    if mesh is None:
        return np.full((size, size, 3), 255, np.uint8)
    faces = np.asarray(mesh.faces)
    return portrait(np.asarray(mesh.vertices), faces, np.tile(COLORS[:1], (len(faces), 1)), size)
