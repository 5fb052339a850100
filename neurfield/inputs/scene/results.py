"""What a fit to a scene leaves: the mesh, its numbers, pictures."""

from __future__ import annotations

from collections.abc import Callable

from neurfield.evaluation import Surface, evaluate_mesh
from neurfield.inputs.mesh import write_mesh
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.scene.diagnosis import look_at_fit
from neurfield.inputs.scene.opened import OpenedScene
from neurfield.inputs.scene.scores import image_scores
from neurfield.inputs.scene.transients_sheet import write_transients
from neurfield.scenes.poses_file import write_poses
from neurfield.surfaces import find_ground, save_mesh, what_stands

OBJECT = "object.ply"


def write_results(opened: OpenedScene, outcome: Outcome) -> None:
    """Write mesh.ply, previews and, where they were refined, poses.json, and numbers into the outcome.

    Where passers-by were left out, previews/transients.jpg shows them.
    """
    write_mesh(opened.surface(), outcome)
    write_object(opened, outcome)
    rays = opened.task.rays
    poses, transients = (None, None) if rays is None else (rays.poses, rays.transients)
    if transients is not None and transients.learns:
        with outcome.part("transients"):
            outcome.metrics["transients"] = write_transients(opened)
    if poses is not None:
        write_poses(opened.folder / "poses.json", opened.task.scene, poses.cameras())
    measure(opened, outcome, lambda: opened.scene.ground_truth)
    look_at_fit(opened, outcome)


def write_object(opened: OpenedScene, outcome: Outcome) -> None:
    """Write object.ply: what stands on the ground, where cameras look at something that stands on one.

    Masks say where an object ends, so with them there is no ground.
    """
    path, scene = opened.folder / OBJECT, opened.task.scene
    path.unlink(missing_ok=True)
    if outcome.mesh is None or scene.kind == "inside" or "mask" in scene.sources:
        return
    with outcome.part("object"):
        ground = find_ground(outcome.mesh, scene.box)
        standing = None if ground is None else what_stands(outcome.mesh, ground)
        if standing is not None:
            save_mesh(standing, path)


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
