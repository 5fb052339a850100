"""Frames: cameras, and for each source (images, depth, priors, ...) one array a frame, read on demand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.images import ByteCache, FileList, file_size
from neurfield.scenes.sizes import check_size, fitted

SOURCES = (
    "image", "mask", "depth", "sensor_depth", "stereo_depth", "stereo_normal", "stereo_confidence",
    "prior_depth", "prior_normal", "segment", "reflectance", "shading",
)  # fmt: skip
CACHE_BYTES = 1 << 30
DepthSource = Literal["depth", "sensor_depth"]


class Frames:
    """Posed images and what came with them, in the world and the units (metres) of their files.

    Args:
        name: for people.
        path: where it was read from.
        cameras: n of them.
        files: source -> `FileList` with n entries. Sources are "image" (uint8 colour), "mask", "depth"
            (exact), "sensor_depth" (measured), "stereo_depth", "stereo_normal" and "stereo_confidence" (of
            `neurfield scene stereo`), "prior_depth" and "prior_normal" (of monocular networks), "segment"
            (instance ids), and "reflectance" and "shading" (uint8 colour, of an intrinsic decomposition).
        cache_bytes: decoded arrays are kept up to this size; they are shared, and so read-only.

    Raises:
        UserError: there are no cameras, or another number of files.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        cameras: Cameras,
        files: Mapping[str, FileList],
        *,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.name = name
        self.path = Path(path)
        self.cameras = cameras
        self.files = {source: listed for source, listed in files.items() if any(listed.paths)}
        self._cache = ByteCache(cache_bytes)
        if not len(cameras):
            raise UserError(f"{path}: the scene has no frames: give at least one posed image")
        for source, listed in self.files.items():
            if source not in SOURCES:
                raise ValueError(f"unknown source {source!r}, expected one of {', '.join(SOURCES)}")
            if len(listed.paths) != len(cameras):
                raise UserError(
                    f"{path}: {len(listed.paths)} {source} files, {len(cameras)} cameras: give one each"
                )

    def __len__(self) -> int:
        return len(self.cameras)

    def __repr__(self) -> str:
        sources = ", ".join(sorted(self.sources))
        return f"{type(self).__name__}({self.name!r}, {len(self)} frames, {sources})"

    @property
    def sources(self) -> set[str]:
        """What is known of these frames: a subset of `SOURCES`."""
        return set(self.files)

    def image(self, i: int) -> np.ndarray:
        """Colour image of frame i, uint8 [H,W,3]; UserError if it has none."""
        image = self.array("image", i)
        if image is None:
            raise UserError(f"{self.path}: frame {i} has no image: give one a frame")
        return image

    def mask(self, i: int) -> np.ndarray | None:
        """The mask of frame i, bool [H,W], or None; `Scene.mask_says` tells what it means."""
        return self.array("mask", i)

    def depth(self, i: int, quality: Literal["exact", "noisy"] = "exact") -> np.ndarray | None:
        """z-depth of frame i in metres, float32 [H,W], 0 = missing, or None; "noisy" is the sensor's."""
        return self.array({"exact": "depth", "noisy": "sensor_depth"}[quality], i)

    def stereo_depth(self, i: int) -> np.ndarray | None:
        """z-depth of frame i that its pictures show, float32 [H,W], 0 = nothing known, or None."""
        return self.array("stereo_depth", i)

    def stereo_normal(self, i: int) -> np.ndarray | None:
        """Unit normals that the pictures show, float32 [H,W,3] in camera axes, 0 = unknown, or None."""
        return self.array("stereo_normal", i)

    def stereo_confidence(self, i: int) -> np.ndarray | None:
        """How much the stereo of each pixel of frame i may count, float32 [H,W] in 0..1, or None."""
        return self.array("stereo_confidence", i)

    def prior_depth(self, i: int) -> np.ndarray | None:
        """Depth of frame i up to an unknown scale and shift, float32 [H,W], or None."""
        return self.array("prior_depth", i)

    def prior_normal(self, i: int) -> np.ndarray | None:
        """Unit normals of frame i in camera axes, float32 [H,W,3], 0 where unknown, or None."""
        return self.array("prior_normal", i)

    def segment(self, i: int) -> np.ndarray | None:
        """Instance ids of frame i, int32 [H,W], or None."""
        return self.array("segment", i)

    def array(self, source: str, i: int) -> np.ndarray | None:
        """The array of any source of frame i, as above; None where there is none.

        Raises:
            IndexError: there is no frame i.
            UserError: its file cannot be read, or has another size than its camera.
        """
        if source not in self.files:
            return None
        if not 0 <= i < len(self):
            raise IndexError(f"frame {i} of a scene with {len(self)} frames")
        return self._cache.get((source, i), lambda: self._read(source, i))

    def take(self, source: str, i: int) -> np.ndarray | None:
        """As `array`, for one who keeps it elsewhere: the cache holds it no longer."""
        cached = self._cache.pop((source, i))
        return self._read(source, i) if cached is None else cached

    def verify_files(self) -> None:
        """Check by headers that every file is there and has its camera's size, or can be brought to it.

        Raises:
            UserError: one does not.
        """
        for source, listed in self.files.items():
            for i, path in enumerate(listed.paths):
                if path is not None:
                    check_size(source, path, file_size(path), self.file_size(source, i))

    def file_size(self, source: str, i: int) -> tuple[int, int]:
        """Width and height that the file of a source of frame i ought to have: mostly its camera's."""
        views = self.files[source].views_of(i)
        return views[0].file_size if views else (int(self.cameras.width[i]), int(self.cameras.height[i]))

    def _read(self, source: str, i: int) -> np.ndarray | None:
        listed = self.files[source]
        array = listed(i)
        if array is None:
            return None
        array = fitted(array, source, listed.paths[i], self.file_size(source, i))
        for view in listed.views_of(i):
            array = view(array, source == "image")
        return array


def spread(count: int, most: int) -> np.ndarray:
    """Up to `most` of the indices 0 to count - 1, int64, evenly spread."""
    return np.linspace(0, count - 1, min(count, most)).astype(int)
