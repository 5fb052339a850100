"""What a fit to a scene leaves: the mesh, its numbers, pictures."""

from __future__ import annotations

from collections.abc import Callable

from neurfield.evaluation import Surface, evaluate_mesh
from neurfield.inputs.mesh import write_mesh
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.scene.opened import OpenedScene
from neurfield.inputs.scene.scores import image_scores
from neurfield.inputs.scene.transients_sheet import write_transients
from neurfield.scenes.poses_file import write_poses


def write_results(opened: OpenedScene, outcome: Outcome) -> None:
    """Write mesh.ply, previews and, where they were refined, poses.json, and numbers into the outcome.

    Where passers-by were left out, previews/transients.jpg shows them.
    """
    write_mesh(opened.surface(), outcome)
    rays = opened.task.rays
    poses, transients = (None, None) if rays is None else (rays.poses, rays.transients)
    if transients is not None and transients.learns:
        with outcome.part("transients"):
            outcome.metrics["transients"] = write_transients(opened)
    if poses is not None:
        write_poses(opened.folder / "poses.json", opened.task.scene, poses.cameras())
    measure(opened, outcome, lambda: opened.scene.ground_truth)


def measure(opened: OpenedScene, outcome: Outcome, truth: Callable[[], Surface | None]) -> None:
    """Numbers of the outcome's mesh against the truth, and of pictures, into the outcome.

    Of the mesh counts what all of the scene's cameras saw.

    Args:
        opened: the scene.
        outcome: with the mesh.
        truth: gives the true surface, or None.
    """
    outcome.metrics["unit"] = opened.scene.unit
    with outcome.part("geometry"):
        outcome.metrics.pop("geometry", None)
        true = truth() if outcome.mesh is not None else None
        if outcome.mesh is not None and true is not None:
            outcome.metrics["geometry"] = evaluate_mesh(outcome.mesh, true, opened.scene.cameras)
    with outcome.part("images"):
        outcome.metrics["images"] = image_scores(opened)
