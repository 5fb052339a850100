"""What maps of stereo call free, by votes and by one view's word: material lost, and hollows opened."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import trimesh

from benchmarks.photos import ours
from benchmarks.photos.without import left_out
from neurfield.ops import DepthViews, depth_votes
from neurfield.scenes.scene import Scene
from neurfield.scenes.synthesis.raycast import RayCaster

COLUMNS = ("object", "free by", "material lost %", "hollow opened %")
NOTE = (
    "Points spread over the object's convex hull: those in the material that maps call free are lost, "
    "those of the hollow that they call free are opened. Masks do not vote here."
)
POINTS, VOXELS = 40_000, 256  # along the box's longest side
RULES = {"votes": "", "one view's word": "votes"}


def within(mesh: trimesh.Trimesh, points: np.ndarray) -> np.ndarray:
    """Which points [k,3] lie inside a closed mesh: bool [k]; most of three directions decide."""
    middle, size = mesh.bounds.mean(axis=0), float(np.linalg.norm(mesh.extents))
    vertices, faces = (np.asarray(mesh.vertices) - middle) / size, np.asarray(mesh.faces)
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    caster, votes = RayCaster(vertices, faces), np.zeros(len(points))
    for direction in ([0.31, 0.22, 0.92], [-0.87, 0.41, 0.27], [0.14, -0.95, -0.28]):
        hits = caster.first_hits((points - middle) / size, np.tile(direction, (len(points), 1)))
        # From inside, the first face that a ray meets is left through its back.
        votes += (hits.face >= 0) & (normal[hits.face] @ direction > 0)
    return votes >= 2


def rows(name: str, scene: Scene) -> list[list[Any]]:
    """A row for each rule."""
    truth = scene.ground_truth
    assert isinstance(truth, trimesh.Trimesh)
    drawn = np.random.default_rng(0).uniform(*truth.bounds, size=(POINTS, 3))
    points = drawn[within(truth.convex_hull, drawn)]
    material = within(truth, points)
    maps, _, _ = ours.stereo_maps(scene)
    cameras = maps.cameras
    low = truth.bounds[0]
    pose = np.linalg.inv(cameras.world_from_cam)[:, :3].copy()
    pose[:, :, 3] += pose[:, :, :3] @ low
    lens = np.stack([cameras.fx, cameras.fy, cameras.cx, cameras.cy], axis=1)
    views = DepthViews(
        torch.where(maps.confidence > 0, maps.depth, torch.zeros(())), None, None,
        torch.from_numpy(pose).float(), torch.from_numpy(lens).float(), trust=maps.confidence,
    )  # fmt: skip
    voxel = float(truth.extents.max()) / VOXELS
    votes = depth_votes(views, torch.from_numpy(points - low).float(), voxel, 2 * voxel)
    found = []
    for rule, without in RULES.items():
        with left_out(without):
            free = votes.is_free().numpy()
        found.append([name, rule, 100 * float(free[material].mean()), 100 * float(free[~material].mean())])
    return found
