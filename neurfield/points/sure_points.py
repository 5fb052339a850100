"""Pixels whose depth was matched between pictures for sure: what ambiguous priors are held to."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from neurfield.fusion import ImagePoints
from neurfield.points.fuse_stereo import StereoDepth
from neurfield.scenes import Cameras
from neurfield.stereo import Flag

CELLS = (20, 32)  # rows and columns of a picture, in each of which priors are held to one pixel
SURE = 0.1  # confidence of these at least
TURN = math.cos(math.radians(15.0))  # between two views of a point that see much the same before it
BEFORE = 1.05  # times the depth of the nearest point in a cell; what is farther may be hidden behind it


def sure_points(stereo: StereoDepth, cameras: Cameras) -> ImagePoints:
    """The surest matched pixel in each cell of each picture, for pictures without distortion.

    A picture that has no map of its own is told by those that look at the same from nearly where it does.

    Args:
        stereo: depth of some frames.
        cameras: pinhole, of all frames.
    """
    own = _of_maps(stereo)
    others = np.setdiff1d(np.arange(len(cameras)), stereo.frames)
    world, centers = _places(own, stereo)
    carried = [_carried(world, centers, cameras, int(i)) for i in others]
    for points in carried:
        own = own.joined(points)
    return own


def _of_maps(stereo: StereoDepth) -> ImagePoints:
    height, width = stereo.depth.shape[1:]
    sure = torch.where((stereo.flags == Flag.MATCHED) & (stereo.depth > 0), stereo.confidence, 0.0)
    size = (-(-height // CELLS[0]), -(-width // CELLS[1]))  # pixels of a cell
    best, place = max_pool2d(sure[:, None], size, ceil_mode=True, return_indices=True)
    chosen = best.flatten(1) >= SURE
    image, place = chosen.nonzero()[:, 0], place.flatten(1)[chosen]
    u = ((place % width) + 0.5) / width
    v = (place.div(width, rounding_mode="floor") + 0.5) / height
    depth = stereo.depth.flatten(1)[image, place]
    return ImagePoints(torch.as_tensor(stereo.frames)[image], torch.stack([u, v], dim=1), depth)


def _places(points: ImagePoints, stereo: StereoDepth) -> tuple[np.ndarray, np.ndarray]:
    """World places [P, 3] of points of the maps, and of the cameras that saw them."""
    row = np.zeros(int(stereo.frames.max(initial=-1)) + 1, dtype=np.int64)
    row[stereo.frames] = np.arange(len(stereo.frames))
    k, uv, z = row[points.image.numpy()], points.uv.double().numpy(), points.depth.double().numpy()
    cameras = stereo.cameras
    x = (uv[:, 0] * cameras.width[k] - cameras.cx[k]) / cameras.fx[k]
    y = (uv[:, 1] * cameras.height[k] - cameras.cy[k]) / cameras.fy[k]
    pose = cameras.world_from_cam[k]
    local = np.stack([x, y, np.ones_like(x)], axis=1) * z[:, None]
    return np.einsum("pij,pj->pi", pose[:, :3, :3], local) + pose[:, :3, 3], pose[:, :3, 3]


def _carried(world: np.ndarray, centers: np.ndarray, cameras: Cameras, i: int) -> ImagePoints:
    """Points of the world that frame i sees where others do, one a cell: of the nearest, the most central."""
    pose = cameras.world_from_cam[i]
    local = (world - pose[:3, 3]) @ pose[:3, :3]
    rays = np.stack([world - pose[:3, 3], world - centers])
    ray, other = rays / np.linalg.norm(rays, axis=2, keepdims=True).clip(1e-12)
    z = local[:, 2]
    near = (z > 0) & ((ray * other).sum(axis=1) > TURN)
    local, z = local[near], z[near]
    uv = np.stack(
        [
            (cameras.fx[i] * local[:, 0] / z + cameras.cx[i]) / cameras.width[i],
            (cameras.fy[i] * local[:, 1] / z + cameras.cy[i]) / cameras.height[i],
        ],
        axis=1,
    )
    shown = ((uv >= 0) & (uv < 1)).all(axis=1)
    uv, z = uv[shown], z[shown]
    place = uv * np.array([CELLS[1], CELLS[0]])
    column, row = place.astype(np.int64).T
    cell = row * CELLS[1] + column
    nearest = np.full(CELLS[0] * CELLS[1], np.inf)
    np.minimum.at(nearest, cell, z)
    off = np.abs(place - np.floor(place) - 0.5).max(axis=1) + np.where(z > BEFORE * nearest[cell], 1.0, 0.0)
    order = np.lexsort((off, cell))
    first = order[np.unique(cell[order], return_index=True)[1]]
    image = torch.full((len(first),), i, dtype=torch.int64)
    return ImagePoints(image, _float(uv[first]), _float(z[first]))


def _float(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values).float()
