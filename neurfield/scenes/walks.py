"""A walk: the way of a camera between keys, for films of what was fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator
from scipy.spatial.transform import Rotation, RotationSpline

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras, pose_trouble

WIDEST = 170.0  # degrees: a wider picture is all rim
_FINE = 32  # places between two keys at which a way is measured
_BORROWED = 8  # keys that a closed walk takes over from its other end: rates forget those farther away
_ROUNDS = 3


@dataclass(frozen=True)
class Walk:
    """Keyed cameras, and all that lie between them.

    Positions follow a cubic through the keys with one velocity at each (C1; a Catmull-Rom spline where the
    keys are evenly apart), rotations scipy's `RotationSpline`, whose rate is continuous, and the field of
    view never leaves what two neighbours say (`PchipInterpolator`).

    Attributes:
        world_from_cam: [k,4,4] float64, OpenCV's camera axes, world lengths.
        fov: [k] vertical field of view, degrees.
        seconds: [k] when each key is passed, ascending, the first 0. A closed walk has one more, [k+1]: when
            it is at its first key again.
        closed: whether the last key leads back to the first.
        size: width and height of its pictures, pixels.
        fps: pictures a second.

    Raises:
        UserError: no key, shapes that disagree, times that do not ascend, or a pose, field of view, size or
            rate that is none.
    """

    world_from_cam: np.ndarray
    fov: np.ndarray
    seconds: np.ndarray
    closed: bool = False
    size: tuple[int, int] = (960, 720)
    fps: float = 30.0

    def __post_init__(self) -> None:
        poses = np.array(self.world_from_cam, dtype=np.float64)
        if poses.ndim != 3 or poses.shape[1:] != (4, 4) or not len(poses):
            raise UserError(f"a walk's poses have shape {poses.shape}: give [k,4,4], one a key")
        for i, pose in enumerate(poses):
            trouble = pose_trouble(pose)
            if trouble:
                raise UserError(f"key {i} of a walk {trouble}: give a rigid camera-to-world matrix")
        fov = np.broadcast_to(np.asarray(self.fov, dtype=np.float64), len(poses)).copy()
        if not ((fov > 0.0) & (fov <= WIDEST)).all():
            raise UserError(f"a walk's field of view is {fov.tolist()}: give 0 to {WIDEST:.0f} degrees")
        seconds = np.array(self.seconds, dtype=np.float64)
        if seconds.shape != (len(poses) + self.closed,):
            raise UserError(
                f"a walk of {len(poses)} keys has {seconds.size} times: give one a key, "
                "and of a closed one when it is back"
            )
        if not np.isfinite(seconds).all() or seconds[0] != 0.0 or (np.diff(seconds) <= 0.0).any():
            raise UserError(f"a walk's times are {seconds.tolist()}: begin at 0 and ascend")
        if min(self.size) < 1:
            raise UserError(f"a walk's pictures are {self.size[0]}x{self.size[1]}: give pixels, 1 at least")
        if not 0.0 < self.fps < float("inf"):
            raise UserError(f"a walk has {self.fps} pictures a second: give a positive number")
        for name, value in (("world_from_cam", poses), ("fov", fov), ("seconds", seconds)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.world_from_cam)

    @property
    def duration(self) -> float:
        """Seconds from the first key to the last, or, closed, to the first again."""
        return float(self.seconds[-1])

    def at(self, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Poses [n,4,4] and fields of view [n], degrees, at times [n]; beyond its ends, those of the ends."""
        times = np.asarray(seconds, dtype=np.float64)
        times = np.mod(times, self.duration) if self.closed else np.clip(times, 0.0, self.duration)
        if len(self) == 1:
            return np.repeat(self.world_from_cam, len(times), axis=0), np.repeat(self.fov, len(times))
        rows, keys = self._keys()
        centre = self.world_from_cam[0, :3, 3]  # counted from there, because poses may be far from zero
        places = self.world_from_cam[rows, :3, 3] - centre
        poses = np.tile(np.eye(4), (len(times), 1, 1))
        turns = Rotation.from_matrix(self.world_from_cam[rows, :3, :3])
        poses[:, :3, :3] = RotationSpline(keys, turns)(times).as_matrix()
        poses[:, :3, 3] = CubicHermiteSpline(keys, places, _velocities(keys, places))(times) + centre
        return poses, PchipInterpolator(keys, self.fov[rows])(times)

    def times(self, fps: float | None = None) -> np.ndarray:
        """When its pictures are taken [n]; None: at its own rate. A closed walk ends before its first one."""
        count = max(1, round(self.duration * (fps or self.fps)))
        return np.linspace(0.0, self.duration, count, endpoint=not self.closed)

    def cameras(self, size: tuple[int, int] | None = None, fps: float | None = None) -> Cameras:
        """A camera for each of its pictures, the optical axis through the middle.

        Args:
            size: width and height in pixels; None: the walk's own. The vertical field of view stays.
            fps: pictures a second; None: the walk's own.
        """
        width, height = size or self.size
        poses, fov = self.at(self.times(fps))
        focal = height / (2.0 * np.tan(np.radians(fov) / 2.0))
        n = len(poses)
        cx, cy = np.full(n, width / 2.0), np.full(n, height / 2.0)
        return Cameras(poses, focal, focal.copy(), cx, cy, np.full(n, width), np.full(n, height))

    def lasting(self, seconds: float) -> Walk:
        """The same way in another time.

        Raises:
            UserError: the time is not positive.
        """
        if not 0.0 < seconds < float("inf"):
            raise UserError(f"a walk of {seconds} s: give a positive number of seconds")
        if self.duration == 0.0:  # it stands still, for so long
            return Walk(
                np.repeat(self.world_from_cam, 2, axis=0), np.repeat(self.fov, 2), np.array([0.0, seconds]),
                False, self.size, self.fps,
            )  # fmt: skip
        times = self.seconds * (seconds / self.duration)
        return Walk(self.world_from_cam, self.fov, times, self.closed, self.size, self.fps)

    def evenly(self) -> Walk:
        """Nearly the same way at constant speed, in the same time.

        What counts as speed is how far the camera goes and turns, each as a share of what it goes and turns
        in all: so a walk that turns on the spot is even, too.
        """
        walk = self
        for count in (1, *(_FINE,) * _ROUNDS):  # by chords first: what lies between comes out of the times
            passed = walk._passed(count)
            times = passed * (self.duration / passed[-1]) if passed[-1] > 0.0 else passed
            if (np.diff(times) <= 1e-9 * self.duration).any():  # two keys in one place
                return walk
            walk = Walk(self.world_from_cam, self.fov, times, self.closed, self.size, self.fps)
        return walk

    def _passed(self, count: int) -> np.ndarray:
        """How far it is gone and turned at each of `seconds`, measured at `count` places from key to key."""
        fine = np.interp(
            np.arange((len(self.seconds) - 1) * count + 1) / count, np.arange(len(self.seconds)), self.seconds
        )
        poses, _ = self.at(fine)  # the end of a closed one is its first key
        gone = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
        turn = Rotation.from_matrix(poses[:, :3, :3])
        turned = (turn[:-1].inv() * turn[1:]).magnitude()
        shares = [way / way.sum() for way in (gone, turned) if way.sum() > 1e-9]
        if not shares:
            return np.zeros(len(self.seconds))
        return np.concatenate([[0.0], np.cumsum(np.linalg.norm(shares, axis=0))])[::count]

    def _keys(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the keys that are interpolated [m], and their times; of a closed walk over its seam."""
        if not self.closed:
            return np.arange(len(self)), self.seconds
        index = np.arange(-_BORROWED, len(self) + 1 + _BORROWED)
        rows, rounds = index % len(self), index // len(self)
        return rows, self.seconds[rows] + rounds * self.duration


def walk_through(
    world_from_cam: np.ndarray,
    fov: np.ndarray | float,
    seconds: float,
    closed: bool = False,
    size: tuple[int, int] = (960, 720),
    fps: float = 30.0,
) -> Walk:
    """A walk through keys at constant speed.

    Args:
        world_from_cam: [k,4,4] of the keys.
        fov: [k], or one for all: vertical field of view, degrees.
        seconds: of the whole walk.
        closed: whether it ends where it began.
        size: width and height of its pictures, pixels.
        fps: pictures a second.

    Raises:
        UserError: as `Walk`.
    """
    poses = np.asarray(world_from_cam, dtype=np.float64)
    if len(poses) < 2:
        return Walk(poses, np.asarray(fov), np.zeros(len(poses)), False, size, fps).lasting(seconds)
    times = np.arange(len(poses) + closed, dtype=np.float64)
    return Walk(poses, np.asarray(fov), times, closed, size, fps).lasting(seconds).evenly()


def looking(eye: np.ndarray, target: np.ndarray, up: np.ndarray) -> np.ndarray:
    """The pose [4,4] of an upright camera at `eye` that looks at `target`, all [3] in the world."""
    forward = target - eye
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, up)
    if np.linalg.norm(right) < 1e-6 * np.linalg.norm(up):  # straight up or down: any side will do
        right = np.cross(forward, np.roll(np.eye(3)[np.abs(up).argmax()], 1))
    right = right / np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = eye
    return pose


def _velocities(times: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Velocities [m,3] at keys: of the parabola through each and its neighbours, at the ends of the chord."""
    step = np.diff(times)[:, None]
    slope = np.diff(places, axis=0) / step
    inner = (slope[:-1] * step[1:] + slope[1:] * step[:-1]) / (step[:-1] + step[1:])
    return np.concatenate([slope[:1], inner, slope[-1:]])
