"""The visual hull of masks: what all of them allow, and how far they agree on it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from neurfield.scenes.box import pixels_of_points, visual_hull_box
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.frames import Frames, spread

_CELLS = 64  # along each side of its box
_RAYS, _STEPS = 400, 192  # of a mask, places along each
_IN_VIEW, _INSIDE = 0.5, 0.95  # of the cameras: as of `visual_hull_box`


def visual_hull(frames: Frames, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The box [2, 3] of what the masks of some frames allow, and which of its cells [n, n, n] they do.

    Raises:
        UserError: there is no place that they allow.
    """
    box = visual_hull_box(frames)
    steps = (np.arange(_CELLS) + 0.5) / _CELLS
    place = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    points = box[0] + place * (box[1] - box[0])
    viewed, inside = np.zeros(len(points), int), np.zeros(len(points), int)
    chosen = masked_frames(frames, most)
    for i in chosen:
        mask = frames.mask(int(i))
        assert mask is not None
        pixel, valid = pixels_of_points(frames.cameras, int(i), points)
        viewed += valid
        inside[valid] += mask[pixel[valid, 1], pixel[valid, 0]]
    kept = (viewed >= _IN_VIEW * len(chosen)) & (inside >= _INSIDE * viewed)
    return box, kept.reshape(_CELLS, _CELLS, _CELLS)


def share_in_hull(frames: Frames, most: int) -> float:
    """The share of the masks of some frames that the visual hull covers: 1 where masks and cameras are right.

    Cells count as theirs and their neighbours'.

    Raises:
        UserError: there is no place that masks allow.
    """
    box, hull = visual_hull(frames, most)
    hull = ndimage.binary_dilation(hull, np.ones((3, 3, 3)))
    shares = []
    for i in masked_frames(frames, most):
        mask = frames.mask(int(i))
        assert mask is not None
        shown = np.argwhere(mask)
        if not len(shown):
            continue
        shown = shown[spread(len(shown), _RAYS)]
        meets = _rays_in(frames.cameras, int(i), shown[:, ::-1] + 0.5, box, hull)
        shares.append(float(meets.mean()))
    return float(np.mean(shares)) if shares else 1.0


def share_beyond(frames: Frames, box: np.ndarray, most: int) -> float:
    """The share of the masks of some frames whose rays miss a box [2, 3]."""
    shares = []
    for i in masked_frames(frames, most):
        mask = frames.mask(int(i))
        assert mask is not None
        shown = np.argwhere(mask)
        if len(shown):
            shown = shown[spread(len(shown), _RAYS)]
            near, far, *_ = _stretches(frames.cameras, int(i), shown[:, ::-1] + 0.5, box)
            shares.append(float((far <= near).mean()))
    return float(np.mean(shares)) if shares else 0.0


def masked_frames(frames: Frames, most: int) -> np.ndarray:
    """Some of the frames that have a mask, int64 [n]."""
    if "mask" not in frames.sources:
        return np.zeros(0, int)
    masked = np.flatnonzero([path is not None for path in frames.files["mask"].paths])
    return masked[spread(len(masked), most)]


def _rays_in(cameras: Cameras, i: int, pixels: np.ndarray, box: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Which pixels [k, 2] have rays that meet some of the cells [n, n, n] of a box: bool [k]."""
    near, far, origins, directions = _stretches(cameras, i, pixels, box)
    share = (np.arange(_STEPS) + 0.5) / _STEPS
    t = near[:, None] + share * np.maximum(far - near, 0.0)[:, None]
    place = (origins[:, None] + t[..., None] * directions[:, None] - box[0]) / (box[1] - box[0])
    cell = np.clip((place * _CELLS).astype(int), 0, _CELLS - 1)
    return cells[cell[..., 0], cell[..., 1], cell[..., 2]].any(axis=1) & (far > near)


def _stretches(
    cameras: Cameras, i: int, pixels: np.ndarray, box: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Where rays enter and leave a box [k] each, their origins and directions [k, 3]."""
    origins, directions, _ = cameras.rays(np.full(len(pixels), i), pixels)
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = (box[0] - origins) / directions, (box[1] - origins) / directions
    near = np.maximum(np.nanmax(np.minimum(first, second), axis=1), 0.0)
    return near, np.nanmin(np.maximum(first, second), axis=1), origins, directions
