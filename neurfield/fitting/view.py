"""Pictures of a fitted field from the scene's cameras: whole, or thumbnails while it is being fitted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import normalize

from neurfield.fields import Color, DistanceField
from neurfield.files import atomic_write
from neurfield.fitting.rays_step import RaysStep
from neurfield.fitting.turn import Turn
from neurfield.moment import Moment
from neurfield.parts import Config
from neurfield.rays import UnitFrame, make_rays
from neurfield.rendering import OpacityNow, before, render_passes
from neurfield.scenes import Cameras, Scene

CHUNK = 4096  # rays at a time


class Drawable(Protocol):
    """What a picture needs of a fit's task."""

    scene: Scene
    config: Config
    frame: UnitFrame
    unit_box: list[float]
    device: torch.device
    field: DistanceField
    color: Color | None
    rays: RaysStep | None

    def turn(self, step: int) -> Turn:
        """What a step is about."""
        ...

    def moment(self, step: int, progress: float) -> Moment:
        """All that changes over a fit, at a step."""
        ...

    def end(self) -> Moment:
        """The end of a fit."""
        ...


@torch.no_grad()
def render_camera(
    task: Drawable,
    cameras: Cameras,
    camera: int,
    scale: float,
    progress: float = 1.0,
    picture: int = -1,
    tell: Callable[[float], None] = lambda fraction: None,
) -> dict[str, np.ndarray]:
    """The picture that a camera sees of a fitted field, from its first pass, before its background.

    What stands behind masked objects in a fit stands for nothing that is seen, and is black here.

    Args:
        task: of the fit.
        cameras: of a scene.
        camera: index of one of them.
        scale: of the picture's sides, 1 = the camera's own size.
        progress: of a fit, in 0..1: how sharp the opacity is.
        picture: index of the fitted picture whose exposure is shown; -1: that of none, the mean.
        tell: is told which fraction of the picture is done.

    Returns:
        "rgb" uint8 [h, w, 3], z-"depth" float32 [h, w] (world lengths, 0 = nothing hit), "normal" float32
        [h, w, 3] (world axes) and "opacity" float32 [h, w] of the field.
    """
    full_w, full_h = int(cameras.width[camera]), int(cameras.height[camera])
    w, h = max(1, round(full_w * scale)), max(1, round(full_h * scale))
    v, u = np.meshgrid((np.arange(h) + 0.5) * full_h / h, (np.arange(w) + 0.5) * full_w / w, indexing="ij")
    pixels = np.stack([u.reshape(-1), v.reshape(-1)], axis=1)
    chosen, pictures = np.full(len(pixels), camera), np.full(len(pixels), picture)
    drawn = render_pixels(task, cameras, chosen, pixels, progress, pictures, tell).reshape(h, w, 8)
    rgb = (np.clip(drawn[..., :3], 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    normal, depth, opacity = drawn[..., 3:6].copy(), drawn[..., 6].copy(), drawn[..., 7].copy()
    return {"rgb": rgb, "depth": depth, "normal": normal, "opacity": opacity}


@torch.no_grad()
def render_pixels(
    task: Drawable,
    cameras: Cameras,
    camera: np.ndarray,
    pixels: np.ndarray,
    progress: float,
    pictures: np.ndarray,
    tell: Callable[[float], None] = lambda fraction: None,
) -> np.ndarray:
    """What some pixels show of a fitted field, as `render_camera`.

    Args:
        task: of the fit.
        cameras: of a scene.
        camera: int [K], whose pixels.
        pixels: [K, 2], column and row, pixel centres at +0.5.
        progress: of a fit, in 0..1: how sharp the opacity is.
        pictures: int [K], as `picture` of `render_camera`.
        tell: as of `render_camera`.

    Returns:
        float32 [K, 8]: colour, normal, z-depth, opacity.
    """
    origins, directions, z_per_t = cameras.rays(camera, pixels)
    assert task.rays is not None and task.color is not None
    opacity = next(iter(task.rays.passes.values()))
    moment = task.moment(0, progress) if progress < 1.0 else task.end()
    sharp = OpacityNow(opacity, opacity.at(moment).number)
    parts = []
    for start in range(0, len(pixels), CHUNK):
        part = slice(start, start + CHUNK)
        rays = make_rays(
            origins[part], directions[part], z_per_t[part], task.frame, task.unit_box, task.device
        )
        samples = task.rays.sampler.for_picture(rays, task.field, sharp)
        of = torch.from_numpy(pictures[part].astype(np.int64)).to(task.device)
        codes = task.rays.codes(of)
        (rendered,) = render_passes(
            task.field, task.color, rays, samples, {"": sharp}, codes=codes
        ).values()  # fmt: skip
        behind = task.rays.behind(rays, of, moment, outlined=False, opacity=rendered.opacity)
        rgb = before(task.rays.shown(rendered, of), rendered.opacity, behind, None)
        z = torch.where(
            rendered.opacity > 0.5,
            rendered.distance * rays.z_per_t * task.frame.half,
            torch.zeros_like(rendered.distance),
        )
        alone = torch.stack([z, rendered.opacity], dim=1)
        parts.append(torch.cat([rgb, normalize(rendered.normal, dim=1), alone], dim=1))
        tell(min(1.0, (start + CHUNK) / len(pixels)))
    return torch.cat(parts).cpu().numpy()


def write_preview(task: Drawable, step: int, folder: Path) -> None:
    """Write `step-NNNNNN.png`: true image | rendered | normals of a frame in the middle of the sequence."""
    poses = None if task.rays is None else task.rays.poses
    cameras = task.scene.cameras if poses is None else poses.cameras()
    camera = len(cameras) // 2
    scale = min(1.0, 320.0 / float(cameras.width[camera]))
    progress = task.turn(step).progress
    drawn = render_camera(task, cameras, camera, scale, progress, picture=camera)
    h, w = drawn["rgb"].shape[:2]
    true = np.asarray(Image.fromarray(task.scene.image(camera)).resize((w, h), Image.Resampling.BOX))
    normals = ((drawn["normal"] * 0.5 + 0.5) * 255.0).astype(np.uint8)
    with atomic_write(folder / f"step-{step:06d}.png") as temporary:
        Image.fromarray(np.concatenate([true, drawn["rgb"], normals], axis=1)).save(temporary)
