"""Two rectified photographs with true disparity, as a scene of two pinhole cameras.

A pixel at column u of the left picture is at u - d in the right one; the true d was measured with structured
light. Depth is z = f B / (d + offset), where offset is how far the right principal point lies to the right of
the left one. Of the aloe the package holds pictures and disparity alone: focal length, baseline and offset
are what its collection (Middlebury 2006) gives; wrong ones would bend space but not change a disparity.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.photos import downloads
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.images import FileList
from neurfield.scenes.scene import Scene

NAMES = ("aloe", "motorcycle")


@dataclass(frozen=True)
class Pair:
    """A rectified pair.

    Attributes:
        name: for people.
        left, right: uint8 [h,w,3].
        disparity: float32 [h,w] of the left picture, pixels; NaN where it is not known.
        focal, baseline, offset: pixels, metres, pixels (see above).
        most: every true disparity lies below it; what methods are told, as in the collections' contests.
    """

    name: str
    left: np.ndarray
    right: np.ndarray
    disparity: np.ndarray
    focal: float
    baseline: float
    offset: float
    most: int

    @property
    def cameras(self) -> Cameras:
        """The left camera at the world's origin, the right one to its right."""
        h, w = self.disparity.shape
        poses = np.stack([np.eye(4), np.eye(4)])
        poses[1, 0, 3] = self.baseline
        cx = w / 2 + np.array([0.0, self.offset])
        both = np.ones(2)
        return Cameras(poses, self.focal * both, self.focal * both, cx, h / 2 * both, w * both, h * both)

    @property
    def nearest(self) -> float:
        """Depth of the largest disparity, metres."""
        return self.focal * self.baseline / (self.most + self.offset)

    @property
    def farthest(self) -> float:
        """Depth of a disparity of one pixel, metres."""
        return self.focal * self.baseline / (1.0 + self.offset)

    @property
    def scene(self) -> Scene:
        """Both pictures; its box holds what the left one shows between the nearest and the farthest depth."""
        h, w = self.disparity.shape
        reach = self.farthest * np.array([w, h]) / (2 * self.focal)
        box = np.array([[*-reach, self.nearest], [*reach, self.farthest]])
        pictures = {"left.png": self.left, "right.png": self.right}
        files = {"image": FileList([Path(name) for name in pictures], lambda path: pictures[path.name])}
        return Scene(self.name, Path(self.name), self.cameras, files, box=box, kind="inside")

    @property
    def range_points(self) -> np.ndarray:
        """Points [k,3] all over the left picture, evenly in disparity from one pixel to the most."""
        h, w = self.disparity.shape
        u, v = np.meshgrid(np.linspace(0.02, 0.98, 20) * w, np.linspace(0.02, 0.98, 15) * h)
        depth = self.focal * self.baseline / (np.linspace(1, self.most, 12)[:, None, None] + self.offset)
        x, y = (u - w / 2) / self.focal * depth, (v - h / 2) / self.focal * depth
        return np.stack(np.broadcast_arrays(x, y, depth), axis=-1).reshape(-1, 3)

    def disparity_of(self, depth: np.ndarray) -> np.ndarray:
        """Disparities [h,w] of z-depths [h,w] of the left picture, NaN where they are 0."""
        with np.errstate(divide="ignore"):
            found = self.focal * self.baseline / depth - self.offset
        return np.where(depth > 0, found, np.nan).astype(np.float32)


def load(name: str) -> Pair:
    """A pair by name, downloaded on first use.

    Raises:
        Unavailable: its package cannot be had.
    """
    if name == "aloe":
        folder = downloads.aloe()
        with Image.open(folder / "aloeGT.png") as picture:
            levels = np.asarray(picture.convert("L"), dtype=np.float32)
        disparity = np.where(levels > 0, levels, np.nan).astype(np.float32)
        left, right = (_picture(folder / f"aloe{side}.jpg") for side in "LR")
        return Pair(name, left, right, disparity, 3740.0, 0.160, 270.0, 224)
    folder = downloads.motorcycle()
    with np.load(folder / "motorcycle_disp.npz", allow_pickle=False) as arrays:
        disparity = arrays["arr_0"].astype(np.float32)
    left, right = (_picture(folder / f"motorcycle_{side}.png") for side in ("left", "right"))
    disparity = np.where(np.isfinite(disparity), disparity, np.nan)
    return Pair(name, left, right, disparity, 994.978, 0.193001, 31.086, 80)


def _picture(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))
