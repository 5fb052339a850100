"""Where the surface is, before anything is fitted: around the cameras or before them, and in which box.

Nothing here assumes a unit: boxes come out in the units of the poses, and only the two paddings are in
metres.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.spatial import cKDTree

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.frames import DepthSource, Frames, spread
from neurfield.scenes.in_common import part_in_common

Kind = Literal["inside", "outside"]

# Cameras that look in at one thing keep it in the picture, near the middle; a tour of a room does not.
_IN_VIEW_SHARE = 0.9
_OFF_AXIS_DEGREES = 20.0
_MOST_FRAMES = 120
_POINTS_A_FRAME = 2000
_FEWEST_POINTS = 50  # of structure from motion: fewer say nothing of a box
# The distance to the so-maniest neighbour, against the median of that, beyond which a point is alone.
_NEIGHBOURS, _ALONE = 5, 6.0
# Times the median distance of the axes from the point that all look at: beyond, a camera looks elsewhere.
_ELSEWHERE, _ROUNDS = 4.0, 10


def scene_kind(frames: Frames) -> Kind:
    """Whether the cameras stand inside the surface or look in at it from outside.

    Cameras among the points that depth sees are inside, whatever they look at. Otherwise the cameras
    decide (`cameras_kind`).
    """
    points = depth_points(frames)
    if points is None:
        return cameras_kind(frames.cameras)
    low, high = np.percentile(points, [1.0, 99.0], axis=0)
    among = ((frames.cameras.centers > low) & (frames.cameras.centers < high)).all(axis=1)
    return "inside" if among.mean() > 0.5 else cameras_kind(frames.cameras)


def cameras_kind(cameras: Cameras) -> Kind:
    """Whether nearly all cameras look at one point ("outside", around an object) or do not ("inside").

    Cameras that look away from their common centre (a tour of a room, a panorama) or side by side (a wall)
    are inside.
    """
    point = nearest_to_axes(cameras)
    if point is None:
        return "inside"
    to_point = point - cameras.centers
    distance = np.linalg.norm(to_point, axis=1)
    cosine = np.einsum("ni,ni->n", to_point, cameras.view_directions) / np.maximum(distance, 1e-12)
    towards_centre = np.einsum(
        "ni,ni->n", cameras.centers.mean(axis=0) - cameras.centers, cameras.view_directions
    )
    converges = np.median(cosine) > np.cos(np.radians(_OFF_AXIS_DEGREES))
    looks_in = np.median(towards_centre) > 0
    return "outside" if converges and looks_in and _in_view(cameras, point) >= _IN_VIEW_SHARE else "inside"


def nearest_to_axes(cameras: Cameras) -> np.ndarray | None:
    """The point [3] nearest to all optical axes (least squares); None if they are parallel.

    Axes that pass by it much farther than most are of cameras that look elsewhere, and hardly pull.
    """
    middle = cameras.centers.mean(axis=0)  # counted from there, because poses may be far from zero
    directions, origins = cameras.view_directions, cameras.centers - middle
    across = np.eye(3) - directions[:, :, None] * directions[:, None, :]
    weight = np.ones(len(cameras))
    if np.linalg.eigvalsh(across.mean(axis=0))[0] < 1e-4:
        return None
    for _ in range(_ROUNDS):
        system = np.einsum("n,nij->ij", weight, across)
        point = np.linalg.solve(system, np.einsum("n,nij,nj->i", weight, across, origins))
        away = np.linalg.norm(np.einsum("nij,nj->ni", across, point - origins), axis=1)
        usual = _ELSEWHERE * float(np.median(away))
        if usual == 0.0 or away.max() <= usual:
            break
        weight = np.minimum(1.0, usual / np.maximum(away, 1e-300)) ** 2
    return middle + point


def decided_box(
    frames: Frames, kind: Kind, outlined: bool, points: np.ndarray | None = None
) -> tuple[np.ndarray, str]:
    """The box [2,3] that holds the surface, from the best that is known, and what that is, in words.

    Known are depth, masks, sparse points, or cameras alone.

    Args:
        kind: where the cameras stand.
        outlined: masks, where there are any, are the outline of the object.
        points: [k,3] on the surface and on what is around it, world (structure from motion's), or None.

    Raises:
        UserError: masks or depth leave nothing to put a box around.
    """
    sensed = depth_points(frames)
    count = 0 if points is None else len(points)
    dense = np.zeros((0, 3)) if points is None else not_alone(points)
    if kind == "inside":
        if sensed is not None:
            held = np.concatenate([sensed, frames.cameras.centers])
            return box_around_points(held, margin=0.05), "around what depth shows"
        if len(dense) < _FEWEST_POINTS:
            return box_around_cameras(
                frames.cameras
            ), "1.5 (metres, if the poses are in metres) around the cameras: no depth and no points"
        words = f"around {len(dense)} of {count} sparse points (the others are stray) and the cameras"
        return box_of_room(frames.cameras, dense), words
    if "mask" in frames.sources and outlined:
        return visual_hull_box(frames), "around what is inside all masks"
    if sensed is not None:
        return box_around_points(sensed, margin=0.05), "around what depth shows"
    shown = part_in_common(frames.cameras, dense)
    if len(shown) < _FEWEST_POINTS:
        return box_in_view(frames.cameras), "around what all cameras look at"
    words = f"around the {len(shown)} of {count} sparse points that nearly all cameras see"
    return box_of_object(shown), words


def box_of_room(cameras: Cameras, points: np.ndarray) -> np.ndarray:
    """The 1 to 99 % range of sparse points [k,3] along each axis, with the cameras, 5 % wider.

    A share, not a length, because poses without a known unit have none. A percent of wrong points lies
    anywhere.
    """
    low, high = np.percentile(points, [1.0, 99.0], axis=0)
    low, high = np.minimum(low, cameras.centers.min(axis=0)), np.maximum(high, cameras.centers.max(axis=0))
    grow = 0.05 * (high - low).max()
    return np.stack([low - grow, high + grow])


def box_of_object(points: np.ndarray) -> np.ndarray:
    """The box [2,3] of sparse points [k,3] on an object and what it stands on, 10 % wider.

    Few points are left out at its ends, and it is wider, because plain parts of an object have few.
    """
    low, high = np.percentile(points, [0.5, 99.5], axis=0)
    grow = 0.1 * (high - low).max()
    return np.stack([low - grow, high + grow])


def not_alone(points: np.ndarray) -> np.ndarray:
    """The points of [k,3] whose neighbours are not much farther than is usual among them.

    What was matched wrongly lies anywhere, by itself. Thin parts and sparse walls have neighbours all the
    same, and stay: no share of the points is cut off.
    """
    if len(points) <= _NEIGHBOURS:
        return points
    distance, _ = cKDTree(points).query(points, k=_NEIGHBOURS + 1)
    apart = distance[:, -1]
    return points[apart <= _ALONE * np.median(apart)]


def box_around_points(points: np.ndarray, margin: float) -> np.ndarray:
    """The 0.1 to 99.9 % range of points [k,3] along each axis, widened by a margin in metres."""
    low, high = np.percentile(points, [0.1, 99.9], axis=0)
    return np.stack([low - margin, high + margin])


def box_around_cameras(cameras: Cameras, pad: float = 1.5) -> np.ndarray:
    """The bounding box of the camera centres, widened by `pad` metres on every side.

    The rule of MonoSDF's ScanNet preparation, where the cube's edge is the cameras' largest extent and 3 m
    more, because a hand-held camera sees about 1.5 m ahead. It needs poses in metres; with any depth
    `box_around_points` is used instead.
    """
    centers = cameras.centers
    return np.stack([centers.min(axis=0) - pad, centers.max(axis=0) + pad])


def box_in_view(cameras: Cameras, fraction: float = 0.8) -> np.ndarray:
    """A cube around what all cameras look at: `fraction` of their view there, short of every camera."""
    point = nearest_to_axes(cameras)
    if point is None:
        return box_around_cameras(cameras)
    distance = np.linalg.norm(cameras.centers - point, axis=1)
    half_views = distance * np.minimum(cameras.width / cameras.fx, cameras.height / cameras.fy) / 2
    half = min(fraction * np.median(half_views), fraction * distance.min())
    return np.stack([point - half, point + half])


def visual_hull_box(frames: Frames, cells: int = 48, margin: float = 0.1) -> np.ndarray:
    """The box [2,3] of what lies inside the masks of all cameras, widened by a share `margin` of its size.

    A grid of cells around the point that all cameras look at is carved twice, the second time around what was
    left. A cell must be in view of half of the cameras and inside 95 % of their masks, so that a few bad
    masks do not cut it away.

    Raises:
        UserError: no cell is left.
    """
    cameras = frames.cameras
    masked = np.flatnonzero([path is not None for path in frames.files["mask"].paths])
    chosen = masked[spread(len(masked), _MOST_FRAMES)]
    point = nearest_to_axes(cameras)
    if point is None:
        point = cameras.centers.mean(axis=0) + cameras.view_directions.mean(axis=0)
    distance = np.linalg.norm(cameras.centers - point, axis=1)
    half = np.median(distance * np.maximum(cameras.width / cameras.fx, cameras.height / cameras.fy)) / 2
    box = np.stack([point - half, point + half])
    for _ in range(2):
        box = _carve(frames, chosen, box, cells)
    grow = margin * (box[1] - box[0]).max()
    return np.stack([box[0] - grow, box[1] + grow])


def cameras_in_box_view(cameras: Cameras, box: np.ndarray) -> np.ndarray:
    """Which cameras have some of a box [2,3] in their picture: bool [n]."""
    axes = [np.linspace(box[0][axis], box[1][axis], 9) for axis in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    # A camera within the box sees it whatever the grid says.
    within = ((cameras.centers > box[0]) & (cameras.centers < box[1])).all(axis=1)
    return within | np.array([pixels_of_points(cameras, i, points)[1].any() for i in range(len(cameras))])


def depth_points(frames: Frames) -> np.ndarray | None:
    """Points [k,3] in the world on what the depth images see (exact, else measured); None without depth."""
    source: DepthSource = "depth" if "depth" in frames.sources else "sensor_depth"
    if source not in frames.sources:
        return None
    sensed = np.flatnonzero([path is not None for path in frames.files[source].paths])
    chosen = sensed[spread(len(sensed), _MOST_FRAMES)]
    points = np.concatenate([back_project(frames, int(i), source) for i in chosen])
    return points if len(points) else None


def back_project(frames: Frames, i: int, source: DepthSource, count: int = _POINTS_A_FRAME) -> np.ndarray:
    """About `count` points [k,3] in the world, spread over the depth of frame i where it has some.

    Only pixels inside its mask count, if it has one.
    """
    depth = frames.array(source, i)
    if depth is None:
        return np.zeros((0, 3))
    rows, columns = pixel_grid(depth.shape, count)
    z = depth[rows, columns].astype(np.float64)
    mask = frames.mask(i)
    valid = z > 0 if mask is None else (z > 0) & mask[rows, columns]
    pixels = np.stack([columns[valid] + 0.5, rows[valid] + 0.5], axis=1)
    origins, directions, z_per_t = frames.cameras.rays(np.full(len(pixels), i), pixels)
    return origins + directions * (z[valid] / z_per_t)[:, None]


def pixel_grid(shape: tuple[int, ...], count: int) -> np.ndarray:
    """Rows and columns, int64 [2,k], of about `count` pixels in a square grid over a picture [h,w]."""
    stride = max(1, int(np.sqrt(shape[0] * shape[1] / count)))
    return np.mgrid[stride // 2 : shape[0] : stride, stride // 2 : shape[1] : stride].reshape(2, -1)


def _carve(frames: Frames, chosen: np.ndarray, box: np.ndarray, cells: int) -> np.ndarray:
    """The box of the cells of `box` that survive the masks of the chosen frames."""
    size = (box[1] - box[0]) / cells
    axes = [box[0][axis] + size[axis] * (np.arange(cells) + 0.5) for axis in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    in_view, in_mask = np.zeros(len(points), int), np.zeros(len(points), int)
    for i in chosen:
        mask = frames.mask(int(i))
        pixel, inside = pixels_of_points(frames.cameras, int(i), points)
        in_view += inside
        in_mask[inside] += mask[pixel[inside, 1], pixel[inside, 0]]  # type: ignore[index]
    kept = points[(in_view >= 0.5 * len(chosen)) & (in_mask >= 0.95 * in_view)]
    if not len(kept):
        raise UserError(
            f"{frames.path}: no place is inside the masks of all cameras: "
            "check the axes of the poses, and that masks are white on the object, or give a box"
        )
    return np.stack([kept.min(axis=0) - size, kept.max(axis=0) + size])


def pixels_of_points(cameras: Cameras, i: int, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixel (column, row) [k,2] that points fall on in camera i, and whether they do [k]."""
    uv, z = cameras.project(i, points)
    with np.errstate(invalid="ignore"):
        inside = (
            (z > 0) & (uv >= 0).all(axis=1) & (uv[:, 0] < cameras.width[i]) & (uv[:, 1] < cameras.height[i])
        )
    return np.where(inside[:, None], uv, 0.0).astype(np.int64), inside


def _in_view(cameras: Cameras, point: np.ndarray) -> float:
    """The share of cameras that have a point in their picture."""
    return float(np.mean([pixels_of_points(cameras, i, point[None])[1][0] for i in range(len(cameras))]))
