"""Recall of what rooms make hard: thin parts, dark places, and places of little contrast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh

from benchmarks.room_methods.shades import shades_of_points
from benchmarks.room_methods.thin import thin_faces
from neurfield.evaluation import distances_to_mesh
from neurfield.evaluation.culling import Visibility
from neurfield.evaluation.sampling import face_normals, sample_surface
from neurfield.scenes.scene import Scene

THRESHOLDS = (0.05, 0.01)  # metres
NAMES = ("thin", "dark", "low contrast")
SPREAD, ON_THIN = 100_000, 20_000  # points on all of the truth, and on its thin parts


@dataclass(frozen=True)
class Parts:
    """Points of a room's true surface that some camera sees, spread by area.

    Attributes:
        points: [k,3], world.
        which: by a name of `NAMES`, bool [k].
    """

    points: np.ndarray
    which: dict[str, np.ndarray]

    def recall(self, mesh: trimesh.Trimesh, scene: Scene) -> dict[str, float | None]:
        """Shares of each part's points within the thresholds of a mesh, "thin@0.05"; None of no points."""
        distance = distances_to_mesh(self.points, mesh, scene.cameras)
        return {
            f"{name}@{threshold:g}": float((distance[rows] < threshold).mean()) if rows.any() else None
            for name, rows in self.which.items()
            for threshold in THRESHOLDS
        }


def parts_of(scene: Scene, spread: int = SPREAD, on_thin: int = ON_THIN, seed: int = 0) -> Parts:
    """The hard parts of a built-in room.

    Args:
        scene: with its truth and all of its pictures.
        spread: points on the truth, of which the darkest tenth is dark, that of least contrast so too.
        on_thin: points on thin parts.
        seed: of the points.

    Raises:
        UserError: the scene is no built-in room.
    """
    truth = scene.ground_truth
    thin = truth.submesh([thin_faces(scene)], append=True, repair=False)
    visible = Visibility(truth, scene.cameras)
    groups = []
    for mesh, count, number in ((truth, spread, 0), (thin, on_thin, 1)):
        drawn = sample_surface(mesh, count, np.random.default_rng([seed, number]))
        groups.append(drawn.points[visible.sees(drawn.points, face_normals(mesh)[drawn.faces])])
    everywhere, on_parts = groups
    shades = shades_of_points(scene, everywhere, visible)
    no, yes = np.zeros(len(on_parts), bool), np.ones(len(on_parts), bool)
    which = {
        "thin": np.concatenate([np.zeros(len(everywhere), bool), yes]),
        "dark": np.concatenate([shades.dark(), no]),
        "low contrast": np.concatenate([shades.low_contrast(), no]),
    }
    return Parts(np.concatenate(groups), which)
