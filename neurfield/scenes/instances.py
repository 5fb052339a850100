"""What is known of a scene's instances: their names, and which part of the true surface each is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.scenes.scene import Scene

FILE = "instances.npz"  # beside the true mesh: face_instance [f] and names [n], by instance id


def instance_names(scene: Scene) -> dict[int, str]:
    """Names by instance id, of a scene that has them beside its true mesh; else none.

    Raises:
        UserError: the file cannot be read.
    """
    path = _file_of(scene)
    if path is None:
        return {}
    return {i: str(name) for i, name in enumerate(_read(path)["names"])}


def instance_truth(scene: Scene) -> dict[int, trimesh.Trimesh]:
    """The true surface of each instance by its id; none where nothing tells which face is whose.

    Raises:
        UserError: the file cannot be read, or is of another mesh.
    """
    path, truth = _file_of(scene), scene.ground_truth
    if path is None or not isinstance(truth, trimesh.Trimesh):
        return {}
    owner = _read(path)["face_instance"]
    if len(owner) != len(truth.faces):
        raise UserError(
            f"{path}: tells whose {len(owner)} faces are, the mesh has {len(truth.faces)}: copy both again"
        )
    vertices, faces = np.asarray(truth.vertices), np.asarray(truth.faces)
    found = {}
    for i in np.unique(owner).tolist():
        used, corners = np.unique(faces[owner == i], return_inverse=True)
        found[i] = trimesh.Trimesh(vertices[used], corners.reshape(-1, 3), process=False)
    return found


def _file_of(scene: Scene) -> Path | None:
    if scene.ground_truth_file is None:
        return None
    path = scene.ground_truth_file.with_name(FILE)
    return path if path.is_file() else None


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in ("face_instance", "names")}
    except (OSError, ValueError, KeyError) as reason:
        raise UserError(
            f"{path}: not readable as instances ({reason}): copy it again, or move it away"
        ) from reason
