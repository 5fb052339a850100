"""A scene: cameras, and for each source (images, depth, priors, ...) one array a frame, read lazily."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.box import Kind, cameras_in_box_view, scene_box, scene_kind
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.images import ByteCache, FileList, file_size
from neurfield.scenes.sizes import check_size, fitted

if TYPE_CHECKING:
    from neurfield.scenes.truth import Truth

SOURCES = ("image", "mask", "depth", "sensor_depth", "prior_depth", "prior_normal", "segment")
CACHE_BYTES = 1 << 30
MaskSays = Literal["object", "valid"]


class Scene:
    """Posed images of a room or an object, in the frame and the units (metres) of their files.

    files: source -> `FileList` with one entry a camera; sources are "image" (uint8 colour), "mask", "depth"
    (exact),
    "sensor_depth" (measured), "prior_depth" and "prior_normal" (of monocular networks), "segment" (instance
    ids). mask_says: whether masks are the object's outline, beyond which there is nothing ("object"), or
    show which pixels are to be looked at ("valid"); not given, the first around objects, the second in rooms.
    kind and box are decided from the cameras, depth and masks (`neurfield.scenes.box`) when not given.
    ground_truth_file: a mesh of the true surface, or points on it, in the same frame. Arrays are cached up to
    cache_bytes and are read-only.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        cameras: Cameras,
        files: Mapping[str, FileList],
        *,
        ground_truth_file: Path | None = None,
        box: np.ndarray | None = None,
        kind: Kind | None = None,
        mask_says: MaskSays | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.name = name
        self.path = Path(path)
        self.cameras = cameras
        self.files = {source: listed for source, listed in files.items() if any(listed.paths)}
        self.ground_truth_file = ground_truth_file
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
        self._box_by_hand = None if box is None else _checked_box(box, cameras)
        self._kind_by_hand = kind
        self._mask_says_by_hand = mask_says

    def __len__(self) -> int:
        return len(self.cameras)

    def __repr__(self) -> str:
        return f"Scene({self.name!r}, {len(self)} frames, {', '.join(sorted(self.sources))})"

    @property
    def sources(self) -> set[str]:
        """What this scene knows: a subset of `SOURCES`."""
        return set(self.files)

    @cached_property
    def kind(self) -> Kind:
        """Whether cameras stand "inside" the surface (a room) or look in at it from "outside" (an object)."""
        return self._kind_by_hand or scene_kind(self)

    @property
    def mask_says(self) -> MaskSays:
        """What masks mean here, "object" or "valid" (see above)."""
        return self._mask_says_by_hand or ("object" if self.kind == "outside" else "valid")

    @cached_property
    def box(self) -> np.ndarray:
        """The box that holds the surface: [2,3] float64, minimum and maximum, world."""
        return scene_box(self) if self._box_by_hand is None else self._box_by_hand

    @cached_property
    def ground_truth(self) -> Truth | None:
        """The true surface in the world frame, a mesh or a scanner's points, or None;
        UserError if its file cannot be read."""
        if self.ground_truth_file is None:
            return None
        from neurfield.scenes.truth import read_truth

        return read_truth(self.ground_truth_file)

    def image(self, i: int) -> np.ndarray:
        """Colour image of frame i, uint8 [H,W,3]."""
        image = self._array("image", i)
        if image is None:
            raise UserError(f"{self.path}: frame {i} has no image: give one a frame")
        return image

    def mask(self, i: int) -> np.ndarray | None:
        """True where the object is seen in frame i, or what is to be looked at (`mask_says`), bool [H,W], or
        None."""
        return self._array("mask", i)

    def depth(self, i: int, kind: Literal["exact", "noisy"] = "exact") -> np.ndarray | None:
        """z-depth of frame i in metres, float32 [H,W], 0 = missing, or None; "noisy" is the sensor's."""
        return self._array({"exact": "depth", "noisy": "sensor_depth"}[kind], i)

    def prior_depth(self, i: int) -> np.ndarray | None:
        """Depth of frame i up to an unknown scale and shift, float32 [H,W], or None."""
        return self._array("prior_depth", i)

    def prior_normal(self, i: int) -> np.ndarray | None:
        """Unit normals of frame i, camera frame, float32 [H,W,3], 0 where unknown, or None."""
        return self._array("prior_normal", i)

    def segment(self, i: int) -> np.ndarray | None:
        """Instance ids of frame i, int32 [H,W], or None."""
        return self._array("segment", i)

    def take(self, source: str, i: int) -> np.ndarray | None:
        """The array of a source of frame i, as above, for one who keeps it elsewhere: the scene's cache does
        not."""
        found = self._cache.take((source, i))
        return self._read(source, i) if found is None else found

    def with_box(self, box: np.ndarray) -> Scene:
        """The same scene with another box [2,3] (minimum and maximum, world)."""
        return self._derived(self.cameras, self.files, box)

    def with_frames(self, indices: np.ndarray) -> Scene:
        """The scene of these frames only (every 20th, a training split), in that order."""
        files = {source: listed.select(indices) for source, listed in self.files.items()}
        return self._derived(self.cameras.select(indices), files, self._box_by_hand)

    def without(self, *sources: str) -> Scene:
        """The scene as if it never knew these sources: kind and box are decided from what is left."""
        for source in sources:
            if source not in SOURCES:
                raise UserError(f"unknown source {source!r}: choose from {', '.join(SOURCES)}")
        files = {source: listed for source, listed in self.files.items() if source not in sources}
        return self._derived(self.cameras, files, self._box_by_hand)

    def verify_files(self) -> None:
        """Check by headers that every file is there and has its camera's size, or can be brought to it;
        UserError if not."""
        for source, listed in self.files.items():
            for i, path in enumerate(listed.paths):
                if path is not None:
                    check_size(source, path, file_size(path), self._size(i))

    def _array(self, source: str, i: int) -> np.ndarray | None:
        if source not in self.files:
            return None
        if not 0 <= i < len(self):
            raise IndexError(f"frame {i} of a scene with {len(self)} frames")
        return self._cache.get((source, i), lambda: self._read(source, i))

    def _read(self, source: str, i: int) -> np.ndarray | None:
        listed = self.files[source]
        array = listed(i)
        return array if array is None else fitted(array, source, listed.paths[i], self._size(i))

    def _size(self, i: int) -> tuple[int, int]:
        """Width and height of camera i."""
        return int(self.cameras.width[i]), int(self.cameras.height[i])

    def _derived(self, cameras: Cameras, files: Mapping[str, FileList], box: np.ndarray | None) -> Scene:
        return Scene(
            self.name,
            self.path,
            cameras,
            files,
            ground_truth_file=self.ground_truth_file,
            box=box,
            kind=self._kind_by_hand,
            mask_says=self._mask_says_by_hand,
            cache_bytes=self._cache.budget,
        )


def _checked_box(box: np.ndarray, cameras: Cameras) -> np.ndarray:
    """A box as float64 [2,3] with minimum below maximum that some camera looks at, or UserError."""
    try:
        array = np.asarray(box, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.shape != (2, 3) or not np.isfinite(array).all() or (array[1] <= array[0]).any():
        given = " ".join(str(box).split())
        raise UserError(f"box {given}: give [[xmin, ymin, zmin], [xmax, ymax, zmax]], minimum below maximum")
    if not cameras_in_box_view(cameras, array).any():
        raise UserError(f"box {array.tolist()}: no camera looks at it: give it in the frame of the poses")
    return array
