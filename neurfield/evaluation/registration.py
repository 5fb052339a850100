"""One cloud of points laid onto another by a similarity: ICP as benchmarks run it, and known pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from neurfield.errors import UserError

# Of Open3D's `ICPConvergenceCriteria(1e-6, n)`, as benchmarks call it: the second number bounds the change
# in error, which always holds, so the share of matched points decides, and 30 updates are the most.
MOST_UPDATES = 30
SETTLED = 1e-6
_DRAWS, _DRAWN = 1000, 6
_STEPS = 16  # between cameras whose distance is looked at
_FAR, _ROUNDS = 4.0, 10  # times the median distance, beyond which a pose is no guide


@dataclass(frozen=True)
class MatchedCameras:
    """How one trajectory lies on another.

    Attributes:
        transform: [4,4], similarity.
        share: of the cameras, those that come to lie near their partners.
    """

    transform: np.ndarray
    share: float


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rotation, scale and shift [4,4] that take points [k,3] to their partners [k,3], least squares.

    Umeyama, Least-squares estimation of transformation parameters between two point patterns, PAMI 1991.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - source_mean, target - target_mean
    spread = float((a**2).sum())
    left, strengths, right = np.linalg.svd(b.T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left) * np.linalg.det(right)) or 1.0])
    rotation = left @ np.diag(signs) @ right
    scale = float((strengths * signs).sum()) / spread if spread > 0 else 1.0
    result = np.eye(4)
    result[:3, :3] = scale * rotation
    result[:3, 3] = target_mean - scale * rotation @ source_mean
    return result


def moved(points: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Points [k,3] under a transform [4,4]."""
    return np.asarray(points @ transform[:3, :3].T + transform[:3, 3])


def icp(source: np.ndarray, target: cKDTree, reach: float) -> np.ndarray:
    """The similarity [4,4] that ICP ends with, from where the source is.

    Pairs of nearest points, least squares, until the share of the source that has a partner stays the same.

    Args:
        source: [k,3].
        target: the tree of the points to lie on.
        reach: pairs are nearer than this.
    """
    points, result = source, np.eye(4)
    pairs, share = _pairs(points, target, reach)
    for _ in range(MOST_UPDATES):
        if not share:
            break
        update = similarity(points[pairs[0]], np.asarray(target.data)[pairs[1]])
        points, result = moved(points, update), update @ result
        before = share
        pairs, share = _pairs(points, target, reach)
        if abs(share - before) < SETTLED:
            break
    return result


def match_cameras(source: np.ndarray, target: np.ndarray, near: float, seed: int) -> MatchedCameras:
    """How camera centres [k,3] lie on their partners [k,3], some of which may be wrong.

    The best of a thousand draws of six pairs, then least squares over the pairs that it brings together.

    Args:
        source: of one trajectory; those that are not finite have no partner, and do not count.
        target: of the other, in the same order.
        near: partners nearer than this are together.
        seed: of the draws.

    Raises:
        UserError: cameras that stand on a line, which leaves their turn about it open, or too few.
    """
    known = np.isfinite(source).all(axis=1)
    source, target = source[known], target[known]
    if len(source) < 3 or min(_flatness(source), _flatness(target)) < 1e-6:
        raise UserError(
            f"{len(source)} cameras on a line or at a point align no trajectory: give --align MATRIX.txt"
        )
    rng = np.random.default_rng(seed)
    best, most = np.eye(4), (-1, 0.0)
    for _ in range(_DRAWS):
        drawn = rng.choice(len(source), min(_DRAWN, len(source)), replace=False)
        transform = similarity(source[drawn], target[drawn])
        error = _errors(source, target, transform)
        score = int((error < near).sum()), -float(error[error < near].sum())
        if score > most:
            best, most = transform, score
    for _ in range(10):
        together = _errors(source, target, best) < near
        if together.sum() < 3:
            break
        best = similarity(source[together], target[together])
    return MatchedCameras(best, float((_errors(source, target, best) < near).mean()))


def similarity_of_poses(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The similarity [4,4] that takes poses [n,4,4] to their partners [n,4,4].

    Each camera counts by its centre and by the tips of its axes, as long as cameras are apart, because those
    on a line leave the turn about it open. Partners that are far off by all others' word do not count.
    """
    apart, targets_apart = _apart(source), _apart(target)
    length = float(np.median(apart))
    # Medians, which poses that are far off leave alone.
    scale = float(np.median(targets_apart[apart > 0] / apart[apart > 0])) if apart.any() else 1.0
    corners, targets = _corners(source, length), _corners(target, scale * length)
    near = np.ones(len(source), bool)
    for _ in range(_ROUNDS):
        best = similarity(corners[near].reshape(-1, 3), targets[near].reshape(-1, 3))
        off = np.linalg.norm(corners @ best[:3, :3].T + best[:3, 3] - targets, axis=2).max(axis=1)
        before, near = near, off <= _FAR * float(np.median(off)) + 1e-12
        if np.array_equal(near, before):
            break
    return best


def moved_poses(poses: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Poses world_from_cam [n,4,4] under a similarity [4,4]; they keep no scale."""
    result = poses.copy()
    scale = np.cbrt(np.linalg.det(transform[:3, :3]))
    result[:, :3, :3] = transform[:3, :3] / scale @ poses[:, :3, :3]
    result[:, :3, 3] = moved(poses[:, :3, 3], transform)
    return result


def motion_words(transform: np.ndarray) -> str:
    """A similarity [4,4] in words: its scale and angle."""
    scale = float(np.cbrt(np.linalg.det(transform[:3, :3])))
    cosine = (np.trace(transform[:3, :3]) / scale - 1.0) / 2.0
    return f"scale {scale:.6f}, turn {np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))):.4f} degrees"


def _pairs(points: np.ndarray, target: cKDTree, reach: float) -> tuple[tuple[np.ndarray, np.ndarray], float]:
    """Rows of both, of pairs of nearest points within reach, and the share of the points that have one."""
    distance, partner = target.query(points, distance_upper_bound=reach, workers=-1)
    rows = np.flatnonzero(np.isfinite(distance))
    return (rows, partner[rows]), len(rows) / max(len(points), 1)


def _flatness(points: np.ndarray) -> float:
    """The second extent of points [k,3] over their first: 0 on a line, or at a point."""
    extents = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return float(extents[1] / extents[0]) if extents[0] > 0 else 0.0


def _apart(poses: np.ndarray) -> np.ndarray:
    """Distances [k] between some pairs of cameras, which no turn of the world changes."""
    centres = poses[:, :3, 3]
    steps = np.unique(np.linspace(1, max(1, len(centres) // 2), _STEPS).astype(int))
    return np.concatenate(
        [np.linalg.norm(centres - np.roll(centres, step, axis=0), axis=1) for step in steps]
    )


def _corners(poses: np.ndarray, length: float) -> np.ndarray:
    """Each camera's centre and the tips of its axes of a length, [n,4,3]."""
    centres = poses[:, None, :3, 3]
    return np.concatenate([centres, centres + length * np.swapaxes(poses[:, :3, :3], 1, 2)], axis=1)


def _errors(source: np.ndarray, target: np.ndarray, transform: np.ndarray) -> np.ndarray:
    return np.linalg.norm(moved(source, transform) - target, axis=1)
