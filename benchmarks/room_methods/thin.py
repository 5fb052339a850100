"""The thin parts of the built-in rooms: legs, poles, slats, ribs, stems and leaves, by instance and by shape.

Instances are whole pieces of furniture. What is thin of one are those of its connected parts that are narrow
in two directions and long in the third, and of plants all that is not the pot.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from neurfield.errors import UserError
from neurfield.scenes.scene import Scene

INSTANCES = "instances.npz"  # beside a room's mesh: an instance of each triangle, and their names
# Words of the names of instances with parts that stand free; books and boards have flat ones that do not.
FREE_STANDING = {
    "armchair", "bench", "blind", "chair", "desk", "lamp", "plant", "radiator", "rod", "sofa", "stems",
    "table",
}  # fmt: skip
PLANTS = {"plant", "stems"}
WIDTH, LENGTHS = 0.06, 3.0  # metres across at most, and how many times longer
LEAF = 0.12  # metres across


def thin_faces(scene: Scene) -> np.ndarray:
    """Which triangles [f] of a built-in room's truth are of thin parts: bool.

    Raises:
        UserError: the scene has no instances of its truth's triangles.
    """
    file = None if scene.ground_truth_file is None else scene.ground_truth_file.parent / INSTANCES
    if file is None or not file.is_file():
        raise UserError(f"{scene.path}: thin parts are told by {INSTANCES} beside the truth, there is none")
    instance, names = read_instances(file)
    truth = scene.ground_truth
    if not isinstance(truth, trimesh.Trimesh) or len(truth.faces) != len(instance):
        raise UserError(f"{file}: {len(instance)} triangles, not those of {scene.ground_truth_file}")
    return thin_of(np.asarray(truth.vertices), np.asarray(truth.faces), instance, names)


def read_instances(file: Path) -> tuple[np.ndarray, list[str]]:
    """Each triangle's instance [f] int, and the instances' names."""
    with np.load(file) as arrays:
        return arrays["face_instance"], [str(name) for name in arrays["names"]]


def thin_of(vertices: np.ndarray, faces: np.ndarray, instance: np.ndarray, names: list[str]) -> np.ndarray:
    """Which triangles [f,3] of vertices [v,3] are of thin parts, by each one's instance [f]: bool [f]."""
    places, welded = np.unique(np.round(vertices, 5), axis=0, return_inverse=True)
    corners = welded.reshape(-1)[faces]
    part = _parts(corners, len(places))
    thin = np.zeros(len(faces), bool)
    for number, name in enumerate(names):
        words = set(name.split())
        if not words & FREE_STANDING:
            continue
        own = np.flatnonzero(instance == number)
        for one in np.unique(part[own]):
            rows = own[part[own] == one]
            long, wide = _sizes(places[np.unique(corners[rows])])
            narrow = wide < WIDTH and long > LENGTHS * wide
            thin[rows] = narrow or (bool(words & PLANTS) and wide < LEAF)
    return thin


def _parts(corners: np.ndarray, count: int) -> np.ndarray:
    """Which connected part each triangle [f,3] is of: int [f]."""
    edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]]])
    graph = coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    return labels[corners[:, 0]]


def _sizes(points: np.ndarray) -> tuple[float, float]:
    """The longest and the second longest extent of points [k,3] along their principal axes."""
    centred = points - points.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    sizes = np.sort(np.ptp(centred @ axes, axis=0))
    return float(sizes[2]), float(sizes[1])
