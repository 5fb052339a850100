"""What stereo gives: depth, normals and confidence of a scene's frames, and what could not be told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from neurfield.scenes import Cameras, Scene
from neurfield.scenes.box import box_around_points
from neurfield.scenes.frames import spread
from neurfield.scenes.images import FileList
from neurfield.scenes.stereo_files import STEREO_SOURCES
from neurfield.stereo.geometry import pixel_rays
from neurfield.stereo.pictures import ScenePictures

_POINTS = 200_000
_SURE = 0.1  # confidence of pixels that a box is put around
_TURNED = 0.03  # relative change of depth that a plane may make within a pixel


class Flag(IntEnum):
    """How the depth of a pixel came about."""

    NONE = 0  # nothing known: hidden from the others, beyond the pictures, or contradicted by them
    MATCHED = 1  # seen alike from several places
    PLANAR = 2  # without texture, on the plane of what surrounds it
    UNDECIDED = 3  # without texture, and nothing decides its depth
    BACKGROUND = 4  # left out by a mask


@dataclass(frozen=True)
class FrameMaps:
    """The maps of one frame in its own pixels (a large picture's are reduced).

    Attributes:
        depth: float32 [h, w], z-depth, 0 = nothing known.
        normal: float32 [h, w, 3], unit, camera axes, facing the camera; 0 where there is no depth.
        confidence: float32 [h, w], 0 to 1.
        flags: uint8 [h, w], `Flag`.
    """

    depth: np.ndarray
    normal: np.ndarray
    confidence: np.ndarray
    flags: np.ndarray


@dataclass(frozen=True)
class StereoMaps:
    """Maps of n frames of a scene, all of one size, pinhole.

    Attributes:
        frames: int64 [n], which frames of the scene.
        depth: float32 [n, h, w], z-depth in world lengths, 0 = nothing known.
        normal: float32 [n, h, w, 3], unit, camera axes, facing the camera; 0 where there is no depth.
        confidence: float32 [n, h, w], 0 to 1; 1 = as sure as the middle of the matched pixels.
        flags: uint8 [n, h, w], `Flag`.
        sources: int64 [n, S], frames that each was compared with, the best first, -1 = none.
        views: the pictures of all frames of the scene, with the cameras of these maps.
        words: lines for people: what is unusual about the pictures.
        left: deviation of the logarithms of grey, times gain, between pictures of the same.
    """

    frames: np.ndarray
    depth: Tensor
    normal: Tensor
    confidence: Tensor
    flags: Tensor
    sources: np.ndarray
    views: ScenePictures
    words: tuple[str, ...] = ()
    left: float = 0.0

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def cameras(self) -> Cameras:
        """The pinhole cameras of the maps, n of them."""
        return self.views.cameras.select(self.frames)

    @property
    def gain(self) -> Tensor | None:
        """float32, one for each frame of the scene: grey times it can be compared; None if it is steady."""
        return self.views.pictures.gain

    def share(self, flag: Flag) -> float:
        """The part of all pixels, without the background, that have a flag."""
        shown = int((self.flags != Flag.BACKGROUND).sum())
        return int((self.flags == flag).sum()) / max(1, shown)

    def box(self, margin: float = 0.05) -> np.ndarray | None:
        """The box [2, 3] of what was matched, world, by the rule for depth that a sensor measured.

        That is the range of 0.1 to 99.9 % of confident pixels along each axis, and the cameras, widened by
        `margin` (world lengths); None where too little was matched. It is the box of a room: around an object
        without masks it holds the background, too.
        """
        points = self.points()
        if len(points) < 100:
            return None
        box, centers = box_around_points(points, margin), self.views.cameras.centers
        low, high = centers.min(axis=0) - margin, centers.max(axis=0) + margin
        return np.stack([np.minimum(box[0], low), np.maximum(box[1], high)])

    def points(self, count: int = _POINTS) -> np.ndarray:
        """About `count` points [k, 3] float64, world, spread over the confident pixels."""
        sure = ((self.confidence > _SURE) & (self.depth > 0)).flatten().nonzero()[:, 0]
        if not len(sure):
            return np.zeros((0, 3))
        chosen = sure[torch.from_numpy(spread(len(sure), count))]
        size = self.depth[0].numel()
        points = []
        for k in range(len(self)):
            pixel = chosen[(chosen >= k * size) & (chosen < (k + 1) * size)] - k * size
            rays = pixel_rays(self.views.pictures, int(self.frames[k])).view(-1, 3)[pixel]
            pose = self.views.cameras.world_from_cam[self.frames[k]]
            local = (rays * self.depth[k].flatten()[pixel][:, None]).double().numpy()
            points.append(local @ pose[:3, :3].T + pose[:3, 3])
        return np.concatenate(points)

    def frame(self, k: int) -> FrameMaps:
        """The k-th maps in the pixels of their frame, whatever its size and lens."""
        i = int(self.frames[k])
        maps = (self.depth[k], self.normal[k], self.confidence[k], self.flags[k])
        if self.views.same:
            return FrameMaps(*(tensor.numpy() for tensor in maps))
        (column, row), rays = self.views.own_pixels(i)
        outside = column < 0
        depth, normal, confidence, flags = (tensor[row.clamp_min(0), column.clamp_min(0)] for tensor in maps)
        # The pixel's ray meets the plane of the map's pixel that it lies in a little nearer or farther.
        middle = pixel_rays(self.views.pictures, i)[row.clamp_min(0), column.clamp_min(0)]
        turn = (normal * middle).sum(dim=2) / (normal * rays).sum(dim=2).clamp_max(-1e-6)
        depth = torch.where((turn - 1.0).abs() < _TURNED, depth * turn, depth)
        depth[outside], normal[outside], confidence[outside] = 0.0, 0.0, 0.0
        flags[outside] = int(Flag.NONE)
        return FrameMaps(depth.numpy(), normal.numpy(), confidence.numpy(), flags.numpy())

    def hiding(self, transient: Tensor) -> StereoMaps:
        """The same, of pictures whose transient pixels match nothing.

        Depth stays: what is matched there is what others see behind it.

        Args:
            transient: bool [frames of the scene, rows, columns], patches of each picture.
        """
        pictures = self.views.pictures
        sides = zip(pictures.grey.shape[1:], transient.shape[1:])
        rows, columns = (torch.arange(side) * patches // side for side, patches in sides)
        shown = ~transient[:, rows][:, :, columns]
        inside = shown if pictures.inside is None else pictures.inside & shown
        return replace(self, views=replace(self.views, pictures=replace(pictures, inside=inside)))

    def attached_to(self, scene: Scene) -> Scene:
        """The scene with these maps as its sources, without a file: as if they had been written and read.

        Args:
            scene: that was matched, all frames in the same order.
        """
        place = {int(i): k for k, i in enumerate(self.frames)}
        paths = tuple(Path(f"map {place[i]}") if i in place else None for i in range(len(scene)))
        names = dict(zip(STEREO_SOURCES, ("depth", "normal", "confidence")))

        def of(name: str) -> FileList:
            return FileList(paths, lambda path: getattr(self.frame(int(path.name.split()[-1])), name).copy())

        return scene.with_files({source: of(name) for source, name in names.items()})
