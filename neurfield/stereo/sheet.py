"""A picture of stereo maps: some frames, side by side with what was found in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from neurfield.files import atomic_write
from neurfield.scenes import Scene
from neurfield.scenes.frames import spread
from neurfield.stereo.maps import Flag, FrameMaps, StereoMaps

FRAMES, WIDTH, GAP = 6, 320, 4
# Near is bright and warm, far is dark and blue (a few colours of Google's Turbo, between which is mixed).
_DEPTH = np.array(
    [[48, 18, 59], [70, 107, 227], [40, 188, 235], [50, 242, 152], [164, 252, 60], [238, 207, 58],
     [251, 126, 33], [208, 47, 5], [122, 4, 3]], np.float32,
)  # fmt: skip
_UNKNOWN = np.array([64, 64, 64], np.uint8)
FLAG_COLORS = {
    Flag.NONE: (64, 64, 64), Flag.MATCHED: (90, 170, 90), Flag.PLANAR: (80, 130, 220),
    Flag.UNDECIDED: (220, 60, 60), Flag.BACKGROUND: (0, 0, 0),
}  # fmt: skip


def contact_sheet(maps: StereoMaps, scene: Scene, count: int = FRAMES) -> np.ndarray:
    """Rows of frames: colour, depth, normals, confidence, what became of each pixel; uint8 [H, W, 3].

    Depth is warmer the nearer it is. In the last column green was matched, blue is on the plane of its
    surroundings, red is plain and undecided, grey is not known for other reasons, black is left out.
    """
    depth = maps.depth[maps.depth > 0]
    near, far = (
        (1.0, 2.0) if not len(depth) else (float(v) for v in np.percentile(depth[::17].numpy(), [2, 98]))
    )
    rows = []
    for k in spread(len(maps), count).tolist():
        own = maps.frame(k)
        panels = [scene.image(int(maps.frames[k])), *panels_of(own, near, far)]
        height = max(1, round(WIDTH * own.depth.shape[0] / own.depth.shape[1]))
        gap = np.full((height, GAP, 3), 255, np.uint8)
        shown = [np.asarray(Image.fromarray(panel).resize((WIDTH, height))) for panel in panels]
        rows.append(np.concatenate([piece for panel in shown for piece in (panel, gap)][:-1], axis=1))
        rows.append(np.full((GAP, rows[-1].shape[1], 3), 255, np.uint8))
    return np.concatenate(rows[:-1])


def panels_of(own: FrameMaps, near: float, far: float) -> list[np.ndarray]:
    """Depth, normals, confidence and flags of a frame as pictures, uint8 [h, w, 3] each."""
    known = own.depth > 0
    inverse = np.divide(1.0, own.depth, out=np.zeros_like(own.depth), where=known)
    share = ((inverse - 1.0 / far) / max(1.0 / near - 1.0 / far, 1e-12)).clip(0.0, 1.0) * (len(_DEPTH) - 1)
    low = np.minimum(share.astype(int), len(_DEPTH) - 2)
    part = (share - low)[..., None]
    depth = ((1.0 - part) * _DEPTH[low] + part * _DEPTH[low + 1]).astype(np.uint8)
    normal = (127.5 * (own.normal * [1, -1, -1] + 1.0)).clip(0, 255).astype(np.uint8)
    for picture in (depth, normal):
        picture[~known] = _UNKNOWN
    sure = np.repeat((255 * own.confidence.clip(0, 1)).astype(np.uint8)[..., None], 3, axis=2)
    flags = np.zeros((*own.flags.shape, 3), np.uint8)
    for flag, color in FLAG_COLORS.items():
        flags[own.flags == flag] = color
    return [depth, normal, sure, flags]


def write_sheet(maps: StereoMaps, scene: Scene, path: Path) -> None:
    """Write the contact sheet as a JPEG."""
    with atomic_write(path) as temporary:
        Image.fromarray(contact_sheet(maps, scene)).save(temporary, format="JPEG", quality=88)
