"""Posed pinhole cameras: pixels to rays in the world, and points in the world to pixels.

Legend: uv are pixel coordinates (column, row), with the centre of the first pixel at (0.5, 0.5). x, y are
coordinates on the plane z = 1 of the camera, in OpenCV's camera axes (x right, y down, z forward). z-depth is
the z coordinate in these axes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.errors import UserError

# Rotations farther than this from orthonormal cannot be rounding of a text file, to two digits at worst (each
# number off by 0.005): they carry a scale, a shear or a flip.
ROTATION_TOLERANCE = 2e-2
_UNDISTORT_ROUNDS = 100


@dataclass(frozen=True)
class Cameras:
    """The cameras of a scene, one row each.

    Attributes:
        world_from_cam: [n,4,4] float64, in the units of the scene (metres).
        fx, fy, cx, cy: [n] float64 in pixels, pixel centres at +0.5.
        width, height: [n] int64, pixels.
        distortion: [n,5] float64 (k1, k2, p1, p2, k3 of OpenCV), or None for pinhole cameras.

    Raises:
        UserError: shapes disagree, or a pose holds NaN, a scale, a shear or a mirror.
    """

    world_from_cam: np.ndarray
    fx: np.ndarray
    fy: np.ndarray
    cx: np.ndarray
    cy: np.ndarray
    width: np.ndarray
    height: np.ndarray
    distortion: np.ndarray | None = None

    def __post_init__(self) -> None:
        poses = np.ascontiguousarray(self.world_from_cam, dtype=np.float64)
        if poses.ndim != 3 or poses.shape[1:] != (4, 4):
            raise UserError(
                f"world_from_cam has shape {poses.shape}, expected [n,4,4]: give one 4x4 matrix a camera"
            )
        n = len(poses)
        values: dict[str, np.ndarray | None] = {"world_from_cam": poses}
        for name in ("fx", "fy", "cx", "cy"):
            values[name] = _one_each(name, getattr(self, name), n, np.float64)
        for name in ("width", "height"):
            values[name] = _one_each(name, getattr(self, name), n, np.int64)
        if self.distortion is not None:
            distortion = np.ascontiguousarray(self.distortion, dtype=np.float64)
            if distortion.shape != (n, 5):
                raise UserError(
                    f"distortion has shape {distortion.shape}, expected [{n},5]: k1, k2, p1, p2, k3 a camera"
                )
            values["distortion"] = distortion if distortion.any() else None
        for name, value in values.items():
            object.__setattr__(self, name, value)
        for i, pose in enumerate(poses):
            trouble = pose_trouble(pose)
            if trouble:
                raise UserError(f"pose of camera {i} {trouble}: give a rigid camera-to-world matrix")
        # Worked out once, because project() is called again and again.
        object.__setattr__(self, "_cam_from_world", np.linalg.inv(poses) if n else poses)
        object.__setattr__(self, "_reach", _reach(self))

    def __len__(self) -> int:
        return len(self.world_from_cam)

    @property
    def centers(self) -> np.ndarray:
        """Positions in the world [n,3]."""
        return self.world_from_cam[:, :3, 3]

    @property
    def view_directions(self) -> np.ndarray:
        """Unit optical axes in the world [n,3]."""
        axes = self.world_from_cam[:, :3, 2]
        return axes / np.linalg.norm(axes, axis=1, keepdims=True)

    def select(self, indices: np.ndarray) -> Cameras:
        """The cameras of these indices [m], in that order."""
        rows = np.asarray(indices, dtype=np.int64)
        distortion = None if self.distortion is None else self.distortion[rows]
        fx, fy, cx, cy = (values[rows] for values in (self.fx, self.fy, self.cx, self.cy))
        width, height = self.width[rows], self.height[rows]
        return Cameras(self.world_from_cam[rows], fx, fy, cx, cy, width, height, distortion)

    def rays(
        self, camera_indices: np.ndarray, pixels_uv: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rays through pixels, in the world.

        Args:
            camera_indices: int [r].
            pixels_uv: [r,2], pixel coordinates (column + 0.5, row + 0.5 for a pixel's centre).

        Returns:
            Origins [r,3] float64, which keep the precision of poses far from zero (UTM); unit directions
            [r,3] float32; and z_per_t [r] float32, the z-depth for each unit of distance along a ray.

        Raises:
            UserError: the two arguments do not fit together.
        """
        index = np.asarray(camera_indices, dtype=np.int64)
        uv = np.asarray(pixels_uv, dtype=np.float64)
        if uv.shape != (len(index), 2):
            raise UserError(
                f"pixels_uv has shape {uv.shape}, expected [{len(index)},2]: one (u, v) for each camera index"
            )
        x = (uv[:, 0] - self.cx[index]) / self.fx[index]
        y = (uv[:, 1] - self.cy[index]) / self.fy[index]
        if self.distortion is not None:
            x, y = undistort(x, y, self.distortion[index])
        z_per_t = 1.0 / np.sqrt(x * x + y * y + 1.0)
        in_cam = np.stack([x * z_per_t, y * z_per_t, z_per_t], axis=1)
        pose = self.world_from_cam[index]
        directions = np.einsum("rij,rj->ri", pose[:, :3, :3], in_cam)
        origins = pose[:, :3, 3]
        return origins, directions.astype(np.float32), z_per_t.astype(np.float32)

    def project(self, i: int, points_in_world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points [k,3] in the world to pixel coordinates uv [k,2] and z-depth [k] of camera i, float64.

        uv holds NaN where it has no meaning: behind the camera (z <= 0), and so far outside the picture of a
        distorted camera that its lens model may fold back into it.
        """
        cam_from_world = self._cam_from_world[i]  # type: ignore[attr-defined]
        in_cam = (
            np.asarray(points_in_world, dtype=np.float64) @ cam_from_world[:3, :3].T + cam_from_world[:3, 3]
        )
        z = in_cam[:, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            x, y = in_cam[:, 0] / z, in_cam[:, 1] / z
            if self.distortion is not None:
                beyond = x * x + y * y > self._reach[i] ** 2  # type: ignore[attr-defined]
                x, y = distort(x, y, self.distortion[i][None])
                x[beyond] = np.nan
            uv = np.stack([x * self.fx[i] + self.cx[i], y * self.fy[i] + self.cy[i]], axis=1)
        uv[z <= 0] = np.nan
        return uv, z

    def in_view(self, i: int, points_in_world: np.ndarray) -> np.ndarray:
        """Which points [k,3] in the world lie before camera i and in its picture: bool [k]."""
        uv, _ = self.project(i, points_in_world)
        with np.errstate(invalid="ignore"):
            inside = (uv >= 0).all(axis=1) & (uv < [self.width[i], self.height[i]]).all(axis=1)
        return np.asarray(inside)


def pose_trouble(world_from_cam: np.ndarray) -> str | None:
    """What keeps a 4x4 matrix from being a rigid pose, as the end of a sentence; None if nothing does."""
    if not np.isfinite(world_from_cam).all():
        return "holds NaN or infinity"
    rotation = world_from_cam[:3, :3]
    if abs(rotation.T @ rotation - np.eye(3)).max() > ROTATION_TOLERANCE:
        lengths = ", ".join(f"{v:.3g}" for v in np.linalg.norm(rotation, axis=0))
        return f"is not a rotation (its axes have lengths {lengths}, or are not at right angles)"
    if np.linalg.det(rotation) < 0:
        return "is a mirror, not a rotation (determinant -1)"
    if abs(world_from_cam[3] - [0, 0, 0, 1]).max() > 1e-6:
        return f"has last row {world_from_cam[3].tolist()}, expected 0 0 0 1"
    return None


def distort(x: np.ndarray, y: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Undistorted x, y [r] on the plane z = 1 to distorted ones, by the five-parameter model of OpenCV.

    OpenCV's documentation, "Camera Calibration and 3D Reconstruction", the equations of x'' and y''.

    Args:
        k: [r,5] or [1,5]: k1, k2, p1, p2, k3.
    """
    radial, dx, dy = _distortion_terms(x, y, k)
    return x * radial + dx, y * radial + dy


def undistort(x: np.ndarray, y: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of `distort` by fixed-point iteration, to 1e-10 where the lens model can be inverted."""
    ux, uy = x.copy(), y.copy()
    for _ in range(_UNDISTORT_ROUNDS):
        radial, dx, dy = _distortion_terms(ux, uy, k)
        nx, ny = (x - dx) / radial, (y - dy) / radial
        moved = max(abs(nx - ux).max(initial=0.0), abs(ny - uy).max(initial=0.0))
        ux, uy = nx, ny
        if moved < 1e-10:
            break
    return ux, uy


def _distortion_terms(
    x: np.ndarray, y: np.ndarray, k: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The radial factor [r], and the tangential shifts of x and y [r]."""
    k1, k2, p1, p2, k3 = k.T
    r2 = x * x + y * y
    radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    dx = 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x)
    dy = p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y
    return radial, dx, dy


def _reach(cameras: Cameras) -> np.ndarray | None:
    """How far each distorted picture reaches on the plane z = 1 [n], with some room; None for pinholes."""
    if cameras.distortion is None:
        return None
    farthest = np.zeros(len(cameras))
    for right in (0.0, 0.5, 1.0):
        for down in (0.0, 0.5, 1.0):
            x = (right * cameras.width - cameras.cx) / cameras.fx
            y = (down * cameras.height - cameras.cy) / cameras.fy
            farthest = np.maximum(farthest, np.hypot(*undistort(x, y, cameras.distortion)))
    return 1.2 * farthest


def _one_each(name: str, value: np.ndarray | float, n: int, dtype: type) -> np.ndarray:
    """A value a camera [n]; a single number stands for all."""
    array: np.ndarray = np.asarray(value, dtype=dtype)
    if array.ndim == 0:
        array = np.full(n, array, dtype=dtype)
    if array.shape != (n,):
        raise UserError(f"{name} has shape {array.shape}, expected [{n}]: give one value a camera")
    if not np.isfinite(array).all() or (name not in ("cx", "cy") and n and array.min() <= 0):
        raise UserError(
            f"{name} holds {array[~(array > 0)][:1]}, expected positive numbers: correct the intrinsics"
        )
    return np.ascontiguousarray(array)
