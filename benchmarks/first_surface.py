"""What a fit starts from, as a mesh that can be measured."""

from __future__ import annotations

import numpy as np
import trimesh

from neurfield.optional import require
from neurfield.points.fuse_scene import VolumePoints
from neurfield.rays import UnitFrame


def mesh_of_points(volume: VolumePoints, frame: UnitFrame) -> trimesh.Trimesh:
    """The zero level of the signed distances of a fused volume's voxels, in the world.

    Only between voxels that are all known: what is open stays open.
    """
    measure = require("skimage.measure", extra="dev")
    voxel = volume.voxel
    points = volume.points.double().cpu().numpy()
    low = points.min(axis=0) - voxel
    place = np.rint((points - low) / voxel).astype(np.int64)
    grid = np.full(place.max(axis=0) + 2, np.nan, np.float32)
    grid[tuple(place.T)] = volume.sdf.cpu().numpy()
    known = np.isfinite(grid)
    whole = np.lib.stride_tricks.sliding_window_view(known, (2, 2, 2)).all(axis=(3, 4, 5))
    vertices, faces, _, _ = measure.marching_cubes(np.where(known, grid, np.float32(1.0)), 0.0)
    cell = np.floor(vertices[faces].mean(axis=1)).astype(np.int64)
    unit = low + vertices * voxel
    world = np.asarray(frame.centre) + frame.half * unit
    return trimesh.Trimesh(world, faces[whole[tuple(cell.T)]], process=False)
