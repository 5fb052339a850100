"""Numbers of a fit to a disturbed capture against the clean one: held-out pictures, shape, poses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import trimesh
from PIL import Image

from benchmarks.disturbed.capture import HELD_OUT_EVERY
from benchmarks.photos import objects
from benchmarks.poses import pixels_off
from neurfield.evaluation import pose_errors, psnr
from neurfield.evaluation.registration import moved, moved_poses, similarity_of_poses
from neurfield.fitting.aligned_pose import aligned_pose
from neurfield.fitting.view import render_camera
from neurfield.inputs import Run
from neurfield.pixels import fitted_and_held_out
from neurfield.scenes import Cameras, Scene

SCALE = 0.5  # of the pictures that are compared, as a run's own scores
_POINTS = 500


def pose_numbers(cameras: Cameras, clean: Scene) -> list[float]:
    """Degrees off, distance off in percent, pixels off: medians over the fitted frames, laid on the truth.

    Pixels off are between where points of the true surface land and where they are seen.
    """
    fitted, _ = fitted_and_held_out(len(clean), HELD_OUT_EVERY)
    now, true = cameras.select(fitted), clean.cameras.select(fitted)
    onto = similarity_of_poses(now.world_from_cam, true.world_from_cam)
    laid = replace(now, world_from_cam=moved_poses(now.world_from_cam, onto))
    degrees, place = pose_errors(now.world_from_cam, true.world_from_cam)
    truth = clean.ground_truth
    assert truth is not None
    distance = np.linalg.norm(true.centers - truth.bounds.mean(axis=0), axis=1).mean()
    points = np.asarray(truth.vertices, np.float64)
    points = points[:: max(1, len(points) // _POINTS)]
    return [
        float(np.median(degrees)),
        100 * float(np.median(place)) / float(distance),
        pixels_off(laid, true, points),
    ]


def fit_numbers(run: Run, clean: Scene) -> tuple[list[float | None], list[np.ndarray]]:
    """Held-out PSNR twice, Chamfer in % of the diagonal, F at 1 % and normals; strips of held-out pictures.

    The fit's world is where its cameras are: laid on the true ones as a whole, it tells where held-out
    pictures were taken, and the mesh is carried back. The second PSNR is of pictures that were aligned to
    the field one by one after that, as a run's own scores are when it refines poses.
    """
    fitted, held_out = fitted_and_held_out(len(clean), HELD_OUT_EVERY)
    true, now = clean.cameras.world_from_cam, run.cameras_now
    onto = similarity_of_poses(true[fitted], now.world_from_cam[fitted])
    run.task.field.active_levels = run.task.field.encoding.levels
    poses = now.world_from_cam.copy()
    poses[held_out] = moved_poses(true[held_out], onto)
    cameras = replace(now, world_from_cam=poses)
    laid, aligned, strips = [], [], []
    for i in held_out.tolist():
        picture = clean.image(i)
        one = poses.copy()
        one[i] = aligned_pose(run.task, cameras, i, picture, None)
        drawn = [
            render_camera(run.task, replace(now, world_from_cam=each), i, SCALE)["rgb"]
            for each in (poses, one)
        ]
        shown = Image.fromarray(picture).resize(drawn[0].shape[1::-1], Image.Resampling.BOX)
        for column, rgb in zip((laid, aligned), drawn):
            column.append(psnr(rgb, np.asarray(shown)))
        strips.append(np.hstack([np.asarray(shown), *drawn]))
    shape = objects.scores(mesh_in_truth(run, np.linalg.inv(onto)), clean, on_table=True)
    numbers: list[Any] = [float(np.mean(laid)), float(np.mean(aligned))]
    return [*numbers, *(shape.get(key) for key in ("chamfer", "f_1", "normals"))], strips


def mesh_in_truth(run: Run, from_fit: np.ndarray) -> trimesh.Trimesh:
    """A fit's mesh in the true world, by the similarity [4,4] that leads there."""
    mesh = run.mesh(resolution=256)
    return trimesh.Trimesh(moved(np.asarray(mesh.vertices), from_fit), mesh.faces, process=False)
