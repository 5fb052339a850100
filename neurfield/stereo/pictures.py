"""A scene's pictures as stereo compares them: grey, of one size, without distortion; and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from neurfield.ops.stereo_pictures import StereoPictures
from neurfield.scenes import Cameras, Scene
from neurfield.scenes.cameras import undistort

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class ScenePictures:
    """All pictures of a scene at one size, with pinhole cameras, and where frames' own pixels lie in them.

    Attributes:
        pictures: n of them; what masks leave out is not `inside`.
        cameras: the same cameras, in float64.
        own: the scene's cameras.
        longest: pixels of the longer side of maps.
    """

    pictures: StereoPictures
    cameras: Cameras
    own: Cameras
    longest: int

    def own_size(self, i: int) -> tuple[int, int]:
        """Width and height of the maps of frame i: its picture's, reduced to `longest`."""
        width, height = int(self.own.width[i]), int(self.own.height[i])
        scale = min(1.0, self.longest / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))

    @property
    def same(self) -> bool:
        """Whether the frames' own pixels are those of the pictures."""
        sizes = {self.own_size(i) for i in range(len(self.own))}
        height, width = self.pictures.grey.shape[1:]
        return self.own.distortion is None and sizes == {(width, height)}

    def with_gain(self, gain: Tensor | None) -> ScenePictures:
        """The same pictures with factors float32 [n] that make their greys comparable, or none."""
        return replace(self, pictures=replace(self.pictures, gain=gain))

    def with_tolerance(self, tolerance: float) -> ScenePictures:
        """The same pictures, whose greys may differ by so many levels where they show the same."""
        return replace(self, pictures=replace(self.pictures, tolerance=tolerance))

    def own_pixels(self, i: int) -> tuple[Tensor, Tensor]:
        """Where the own pixels of frame i, reduced to its maps, lie in the pictures.

        Returns:
            Columns and rows int64 [h, w], -1 where that is outside; and the rays float32 [h, w, 3] of the own
            pixels, z = 1, camera axes.
        """
        width, height = self.own_size(i)
        x = (np.arange(width) + 0.5) * self.own.width[i] / width
        y = (np.arange(height) + 0.5) * self.own.height[i] / height
        x, y = np.meshgrid((x - self.own.cx[i]) / self.own.fx[i], (y - self.own.cy[i]) / self.own.fy[i])
        if self.own.distortion is not None:
            x, y = (
                v.reshape(height, width)
                for v in undistort(x.ravel(), y.ravel(), self.own.distortion[i][None])
            )
        column = np.floor(x * self.cameras.fx[i] + self.cameras.cx[i])
        row = np.floor(y * self.cameras.fy[i] + self.cameras.cy[i])
        h, w = self.pictures.grey.shape[1:]
        valid = (column >= 0) & (column < w) & (row >= 0) & (row < h)
        pixels = np.stack([np.where(valid, column, -1), np.where(valid, row, -1)]).astype(np.int64)
        rays = np.stack([x, y, np.ones_like(x)], axis=2).astype(np.float32)
        return torch.from_numpy(pixels), torch.from_numpy(rays)


def scene_pictures(scene: Scene, longest: int) -> ScenePictures:
    """The pictures of a scene for stereo.

    Sizes that differ are brought to the most frequent one, however their shapes differ: the lens is scaled
    along with the picture. Distorted pictures are resampled to a pinhole camera of about the same view. What
    a mask leaves out, or lies beyond a distorted picture, is background.

    Args:
        scene: whose pictures they are.
        longest: pixels that the longer side has at most.

    Raises:
        UserError: a picture cannot be read.
    """
    own = scene.cameras
    sizes, counts = np.unique(np.stack([own.width, own.height], axis=1), axis=0, return_counts=True)
    width, height = sizes[counts.argmax()]
    scale = min(1.0, longest / max(width, height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    lens = _lenses(own, width, height)
    masked = "mask" in scene.sources
    grey = np.empty((len(scene), height, width), np.uint8)
    inside = np.ones(grey.shape, bool) if masked or own.distortion is not None else None
    for i in range(len(scene)):
        luma = scene.image(i).astype(np.float32) @ _LUMA
        mask = scene.mask(i) if masked else None
        if own.distortion is None:
            grey[i] = np.rint(_resized(luma, width, height)).clip(0, 255)
            if mask is not None:
                inside[i] = _resized(mask.astype(np.float32), width, height) > 0.5  # type: ignore[index]
        else:
            grey[i], inside[i] = _undistorted(luma, mask, own, i, lens[i], (height, width))  # type: ignore[index]
    fx, fy, cx, cy = lens.T
    cameras = Cameras(own.world_from_cam, fx, fy, cx, cy, width, height)
    pictures = StereoPictures(
        torch.from_numpy(grey),
        torch.from_numpy(lens.astype(np.float32)),
        torch.from_numpy(np.linalg.inv(own.world_from_cam)),
        None if inside is None or inside.all() else torch.from_numpy(inside),
    )
    return ScenePictures(pictures, cameras, own, longest)


def _lenses(own: Cameras, width: int, height: int) -> np.ndarray:
    """fx, fy, cx, cy [n, 4] of pinhole cameras of one size that see about what the scene's cameras see."""
    sx, sy = width / own.width, height / own.height
    lens = np.stack([own.fx * sx, own.fy * sy, own.cx * sx, own.cy * sy], axis=1)
    if own.distortion is None:
        return lens
    # The middles of the picture's sides stay at its border; its corners may be cut off, or stay empty.
    for i in range(len(own)):
        x = np.array([0.0, own.width[i], own.cx[i], own.cx[i]])
        y = np.array([own.cy[i], own.cy[i], 0.0, own.height[i]])
        x, y = undistort((x - own.cx[i]) / own.fx[i], (y - own.cy[i]) / own.fy[i], own.distortion[i][None])
        lens[i, :2] = width / (x[1] - x[0]), height / (y[3] - y[2])
        lens[i, 2:] = -x[0] * lens[i, 0], -y[2] * lens[i, 1]
    return lens


def _resized(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """A float32 picture [h, w] at another size, each pixel the mean of what it covers."""
    if picture.shape != (height, width):
        picture = np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))
    return picture


def _undistorted(
    luma: np.ndarray, mask: np.ndarray | None, own: Cameras, i: int, lens: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The picture as a pinhole camera sees it, uint8 [h, w], and which pixels show something, bool [h, w]."""
    height, width = shape
    x, y = np.meshgrid(
        (np.arange(width) + 0.5 - lens[2]) / lens[0], (np.arange(height) + 0.5 - lens[3]) / lens[1]
    )
    rays = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
    pose = own.world_from_cam[i]
    uv, _ = own.project(i, rays @ pose[:3, :3].T + pose[:3, 3])
    # Pictures that are reduced are reduced first, so that every pixel of theirs takes part.
    factor = min(1.0, max(width / luma.shape[1], height / luma.shape[0]))
    reduced = max(1, round(luma.shape[1] * factor)), max(1, round(luma.shape[0] * factor))
    uv = uv * [reduced[0] / luma.shape[1], reduced[1] / luma.shape[0]]
    picture = torch.from_numpy(_resized(luma, *reduced))
    valid = (uv >= 0).all(axis=1) & (uv < reduced).all(axis=1)
    uv = np.where(valid[:, None], uv, 0.0)
    at = torch.from_numpy(2.0 * uv / reduced - 1.0).float().view(1, height, width, 2)

    def sampled(values: Tensor) -> Tensor:
        return torch.nn.functional.grid_sample(
            values[None, None], at, mode="bilinear", padding_mode="border", align_corners=False
        )[0, 0]

    shown = valid.reshape(height, width)
    if mask is not None:
        shown = shown & (sampled(torch.from_numpy(_resized(mask.astype(np.float32), *reduced))) > 0.5).numpy()
    return sampled(picture).round().clamp(0, 255).byte().numpy(), shown
