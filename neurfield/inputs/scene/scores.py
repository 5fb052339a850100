"""PSNR, SSIM and GMSD of what a run renders, on frames that it never saw where there are any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from neurfield.evaluation import gmsd, psnr, ssim
from neurfield.fitting.aligned_pose import aligned_pose
from neurfield.fitting.view import render_camera
from neurfield.images.ramps import NEAR_TO_FAR, painted
from neurfield.images.strip import write_strip
from neurfield.inputs.scene.opened import OpenedScene
from neurfield.wording import length

IMAGE_SCALE = 0.5  # of the pictures that image scores are taken on
MOST_IMAGES = 8
SCORES = {"psnr": psnr, "ssim": ssim, "gmsd": gmsd}


def image_scores(run: OpenedScene) -> dict[str, object]:
    """PSNR, SSIM and GMSD of what a run renders; strips of pictures are left in previews/.

    A strip is the true picture, the rendered one, normals and depth. Scores are of held-out frames where
    there are any, else of fitted ones (said in `frames`), inside the masks where frames have them (said
    in `pixels`). Where masks are an object's outline, frames without one are left out if others have one.
    A score that no frame has (a mask that no SSIM window fits into) is left out. Where a fit refined its
    poses, held-out frames are aligned to the field first (said in `poses`): theirs are as far off as the
    others' were.
    """
    scene = run.used
    frames = run.held_out if len(run.held_out) else np.arange(len(scene))
    if "mask" in scene.sources and scene.mask_says == "object":
        masked_frames = [i for i in frames.tolist() if scene.files["mask"].paths[i] is not None]
        frames = np.array(masked_frames) if masked_frames else frames
    chosen = frames[np.unique(np.linspace(0, len(frames) - 1, MOST_IMAGES).astype(int))]
    strips = {i: run.folder / "previews" / f"frame-{i:06d}.png" for i in chosen.tolist()}
    scores, masked, sizes = [], False, set()
    aligned = bool(len(run.held_out)) and run.task.rays is not None and run.task.rays.poses is not None
    for i, strip in strips.items():
        drawn = _drawn_aligned(run, i) if aligned else run.render(i, IMAGE_SCALE)
        rgb = drawn["rgb"]
        size = rgb.shape[1], rgb.shape[0]
        sizes.add(f"{size[0]}x{size[1]} pixels")
        true = np.asarray(Image.fromarray(scene.image(i)).resize(size, Image.Resampling.BOX))
        mask = scene.mask(i)
        inside = None if mask is None else wholly_inside(mask, size)
        scores.append([score(rgb, true, inside) for score in SCORES.values()])
        if inside is not None:
            masked = True
        normals = ((drawn["normal"] * 0.5 + 0.5) * 255.0).astype(np.uint8)
        said, depth = _depth_picture(drawn["depth"], run.scene.unit)
        columns = {"true picture": true, "rendered": rgb, "normals": normals, said: depth}
        write_strip(strip, columns, inside)
    for old in (run.folder / "previews").glob("frame-*.png"):
        if old not in strips.values():
            old.unlink()
    means = {name: _mean(column) for name, column in zip(SCORES, np.array(scores).T)}
    return {
        **{name: value for name, value in means.items() if not np.isnan(value)},
        "frames": "held out" if len(run.held_out) else "fitted",
        "pixels": "inside the masks" if masked else "all",
        "count": len(chosen),
        "size": " and ".join(sorted(sizes)),
        **({"poses": "aligned to the field"} if aligned else {}),
    }


def _depth_picture(depth: np.ndarray, unit: str) -> tuple[str, np.ndarray]:
    """What a picture of depth [h, w] shows, and the picture uint8 [h, w, 3]: grey where nothing was hit."""
    hit = depth > 0
    picture = np.full((*depth.shape, 3), 127, np.uint8)
    if not hit.any():
        return "depth", picture
    near, far = (float(value) for value in np.percentile(depth[hit], (1.0, 99.0)))
    picture[hit] = painted((depth[hit] - near) / max(far - near, 1e-9), NEAR_TO_FAR)
    return f"depth from {length(near, unit)} (light) to {length(far, unit)} (dark)", picture


def _drawn_aligned(run: OpenedScene, i: int) -> dict[str, np.ndarray]:
    """What the field shows from where it looks most like frame i."""
    run.task.field.active_levels = run.task.field.encoding.levels
    cameras = run.cameras_now
    poses = cameras.world_from_cam.copy()
    poses[i] = aligned_pose(run.task, cameras, i, run.used.image(i), run.used.mask(i))
    return render_camera(run.task, replace(cameras, world_from_cam=poses), i, IMAGE_SCALE)


def wholly_inside(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The pixels of a smaller picture that have nothing but mask beneath them, bool [h,w]."""
    shares = Image.fromarray(mask.astype(np.float32)).resize(size, Image.Resampling.BOX)
    return np.asarray(shares) > 1.0 - 1e-4


def _mean(values: np.ndarray) -> float:
    valid = values[~np.isnan(values)]
    return float(valid.mean()) if len(valid) else float("nan")
