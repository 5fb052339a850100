"""A scene: frames, whether their cameras look around or at one thing, its box, and the truth if known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.box import Kind, cameras_in_box_view, decided_box, scene_kind
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.frames import CACHE_BYTES, SOURCES, Frames
from neurfield.scenes.images import FileList
from neurfield.scenes.tracks import Tracks
from neurfield.scenes.upright import up_direction

if TYPE_CHECKING:
    from neurfield.scenes.truth import Truth

MaskSays = Literal["object", "valid"]


class Scene(Frames):
    """Frames of a room or an object, in the world and the units of their files.

    Args:
        name, path, cameras, files, cache_bytes: see `Frames`.
        ground_truth_file: a mesh of the true surface, or points on it, in the same world.
        box: [2,3], minimum and maximum; not given, decided from depth, masks or cameras
            (`neurfield.scenes.box`).
        kind: whether cameras stand "inside" the surface or look at it from "outside"; not given, decided
            likewise.
        mask_says: "object" if masks are the object's outline, beyond which there is nothing; "valid" if they
            show which pixels are to be looked at. Not given: the first around objects, the second in rooms.
        points: [k,3] on the surface, as structure from motion leaves them, or None.
        tracks: where frames see these points, or None.
        unit: of lengths in the world, "m" for metres; "" where nothing tells it.
        up: [3] in the world; not given, decided from the cameras (`neurfield.scenes.upright`).
        notes: what its reader left out or took for granted, for people.

    Attributes:
        box_by_hand, mask_says_by_hand, up_by_hand: what was given, or None.

    Raises:
        UserError: as `Frames`, or the box is none that a camera looks at.
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
        points: np.ndarray | None = None,
        tracks: Tracks | None = None,
        up: np.ndarray | None = None,
        unit: str = "",
        notes: Sequence[str] = (),
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        super().__init__(name, path, cameras, files, cache_bytes=cache_bytes)
        self.ground_truth_file = ground_truth_file
        self.box_by_hand = None if box is None else _checked_box(box, cameras)
        self._box_from = "as given"
        self.points = None if points is None or not len(points) else np.asarray(points, dtype=np.float64)
        self.tracks = tracks if self.points is not None and tracks is not None and len(tracks) else None
        self.up_by_hand = None if up is None else np.asarray(up, dtype=np.float64) / np.linalg.norm(up)
        self.unit = unit
        self.notes = tuple(notes)
        self._kind_by_hand = kind
        self.mask_says_by_hand = mask_says

    @cached_property
    def kind(self) -> Kind:
        """Whether cameras stand "inside" the surface (a room) or look in at it from "outside" (an object)."""
        return self._kind_by_hand or scene_kind(self)

    @property
    def mask_says(self) -> MaskSays:
        """What masks mean here, "object" or "valid" (see above)."""
        return self.mask_says_by_hand or ("object" if self.kind == "outside" else "valid")

    @cached_property
    def box(self) -> np.ndarray:
        """The box that holds the surface: [2,3] float64, minimum and maximum, world."""
        if self.box_by_hand is not None:
            return self.box_by_hand
        return self._decided_box[0]

    @property
    def box_from(self) -> str:
        """How the box was decided, in words."""
        return self._box_from if self.box_by_hand is not None else self._decided_box[1]

    @cached_property
    def _decided_box(self) -> tuple[np.ndarray, str]:
        return decided_box(self, self.kind, outlined=self.mask_says == "object", points=self.points)

    @cached_property
    def up(self) -> np.ndarray:
        """Which way is up: unit [3] float64, world."""
        return up_direction(self.cameras.world_from_cam) if self.up_by_hand is None else self.up_by_hand

    @cached_property
    def ground_truth(self) -> Truth | None:
        """The true surface in the world, a mesh or a scanner's points, or None.

        Raises:
            UserError: its file cannot be read.
        """
        if self.ground_truth_file is None:
            return None
        from neurfield.scenes.truth import read_truth

        return read_truth(self.ground_truth_file)

    def with_box(self, box: np.ndarray, box_from: str = "as given") -> Scene:
        """The same scene with another box [2,3] (minimum and maximum, world), and where that is from."""
        scene = self._derived(self.cameras, self.files, box, self.tracks)
        scene._box_from = box_from
        return scene

    def with_frames(self, indices: np.ndarray) -> Scene:
        """The scene of these frames only (every 20th, a training split), in that order."""
        files = {source: listed.select(indices) for source, listed in self.files.items()}
        tracks = None if self.tracks is None else self.tracks.select(indices)
        return self._derived(self.cameras.select(indices), files, self.box_by_hand, tracks)

    def at(self, path: Path) -> Scene:
        """The same scene, known by another path that leads to it."""
        scene = self._derived(self.cameras, self.files, self.box_by_hand, self.tracks)
        scene.path = Path(path)
        return scene

    def with_files(self, files: Mapping[str, FileList]) -> Scene:
        """The scene with these sources as well, or in place of what it had; box and kind as for `without`."""
        return self._derived(self.cameras, {**self.files, **files}, self.box_by_hand, self.tracks)

    def seen_by(self, cameras: Cameras, files: Mapping[str, FileList], tracks: Tracks | None) -> Scene:
        """The same frames as other cameras see them, from the same places, with tracks in their pixels."""
        return self._derived(cameras, files, self.box_by_hand, tracks)

    def scaled(self, factor: float) -> Scene:
        """The same frames in metres, in a world whose lengths are `factor` times what they were.

        Poses, box and sparse points are. Priors, whose scale nobody knows, stay as they are; maps of stereo
        are left out, and found again.

        Raises:
            UserError: depth was measured, or the true surface is known, and lengths with it.
        """
        measured = [source for source in ("depth", "sensor_depth") if source in self.files]
        if measured or self.ground_truth_file is not None:
            what = measured[0].replace("_", " ") if measured else "a true surface"
            raise UserError(f"{self.path}: the scene has {what}, so its lengths are known already")
        poses = self.cameras.world_from_cam.copy()
        poses[:, :3, 3] *= factor
        files = {source: listed for source, listed in self.files.items() if not source.startswith("stereo_")}
        box = None if self.box_by_hand is None else self.box_by_hand * factor
        scene = self._derived(replace(self.cameras, world_from_cam=poses), files, box, self.tracks)
        scene.points = None if self.points is None else self.points * factor
        scene.unit = "m"
        return scene

    def without(self, *sources: str) -> Scene:
        """The scene as if it never knew these sources: kind and box are decided from what is left."""
        for source in sources:
            if source not in SOURCES:
                raise UserError(f"unknown source {source!r}: choose from {', '.join(SOURCES)}")
        files = {source: listed for source, listed in self.files.items() if source not in sources}
        return self._derived(self.cameras, files, self.box_by_hand, self.tracks)

    def _derived(
        self,
        cameras: Cameras,
        files: Mapping[str, FileList],
        box: np.ndarray | None,
        tracks: Tracks | None,
    ) -> Scene:
        scene = Scene(
            self.name,
            self.path,
            cameras,
            files,
            ground_truth_file=self.ground_truth_file,
            box=box,
            kind=self._kind_by_hand,
            mask_says=self.mask_says_by_hand,
            points=self.points,
            tracks=tracks,
            up=self.up_by_hand,
            unit=self.unit,
            notes=self.notes,
            cache_bytes=self._cache.budget,
        )
        scene._box_from = self._box_from
        return scene


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
