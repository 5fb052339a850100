"""Where a picture that took no part in a fit was taken, by the field that was fitted without it.

Poses that are off are off in held-out frames, too. Where a fit has refined its own, scores of a held-out
picture as its file places it would be of that pose, not of the field: BARF (Lin et al. 2021) aligns it to the
field first, which stays as it is.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neurfield.fitting.view import Drawable
from neurfield.moment import END
from neurfield.pixels import Pixels
from neurfield.rays import make_rays
from neurfield.rendering import RefinedPoses, before, render_passes
from neurfield.scenes import Cameras

STEPS, RAYS, RATE, LAST = 60, 512, 3e-3, 0.1
BETAS = (0.9, 0.99)


def aligned_pose(
    task: Drawable, cameras: Cameras, camera: int, picture: np.ndarray, mask: np.ndarray | None
) -> np.ndarray:
    """The pose, world_from_cam [4,4], from which the field shows most nearly what a picture does.

    Args:
        task: of the fit.
        cameras: of the scene.
        camera: which of them took the picture.
        picture: uint8 [h,w,3], of the camera's size.
        mask: bool [h,w], what is compared; None: all.
    """
    assert task.rays is not None and task.color is not None
    one = cameras.select(np.array([camera]))
    poses = _Free(one, task.frame, task.unit_box, task.device)
    opacity = next(iter(task.rays.passes.values())).at(END).fixed()
    adam = torch.optim.Adam(poses.parameters(), lr=RATE, betas=BETAS)
    random = np.random.default_rng(camera)
    first = torch.zeros(RAYS, dtype=torch.int64, device=task.device)
    nobody = first - 1  # of the pictures that were fitted
    places = np.argwhere(np.ones(picture.shape[:2], bool) if mask is None else mask)
    if not len(places):
        return one.world_from_cam[0]
    for step in range(STEPS):
        row, column = places[random.integers(0, len(places), RAYS)].T
        lines = one.rays(np.zeros(RAYS, int), np.stack([column + 0.5, row + 0.5], axis=1))
        rays = make_rays(*lines, task.frame, task.unit_box, task.device)
        pixels = poses.posed(Pixels(rays, first, first, 1))
        samples = task.rays.sampler.for_picture(pixels.rays, task.field, opacity)
        seen = render_passes(
            task.field, task.color, poses.lines(pixels), samples, {"surface": opacity},
            codes=task.rays.codes(nobody), points_gradient=True,
        )["surface"]  # fmt: skip
        behind = task.rays.behind(pixels.rays, nobody, END, outlined=False, opacity=seen.opacity)
        shown = before(task.rays.shown(seen, nobody), seen.opacity, behind, None)
        true = torch.from_numpy(picture[row, column]).to(shown) / 255.0
        for group in adam.param_groups:
            group["lr"] = RATE * LAST ** (step / STEPS)
        learnt = list(poses.parameters())
        # The field's own parameters get no gradient, and are left alone.
        for parameter, gradient in zip(learnt, torch.autograd.grad((shown - true).abs().mean(), learnt)):
            parameter.grad = gradient
        adam.step()
    return poses.cameras().world_from_cam[0]


class _Free(RefinedPoses):
    """One camera against a scene that stands still."""

    def _deltas(self) -> tuple[Tensor, Tensor]:
        return self.turn, self.shift
