"""Pictures of bent lenses, or of other sizes, as pinhole cameras see them: resampled as they are read.

The pinhole camera stands where the lens does and looks the same way, so z-depth stays z-depth and normals
stay as they are. It is zoomed until no pixel of it lies beyond the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.lenses import Lens
from neurfield.scenes.scene import Scene
from neurfield.scenes.tracks import Tracks

# How far the zoom goes: a wider view would spread its border over most of the picture's pixels.
_LEAST_ZOOM, _MOST_ZOOM = 0.5, 2.0
_ROUNDS = 30  # of bisection
_BORDER, _ALONG = 33, 24  # places on each side of the picture, and between the middle and each of them

Size = tuple[int, int]  # width, height


@dataclass(frozen=True)
class PinholeView:
    """How a picture through a lens becomes a pinhole camera's.

    Attributes:
        lens: of the file.
        file_size: width and height of the file.
        fx, fy, cx, cy: of the pinhole camera, pixels.
        size: its width and height.
    """

    lens: Lens
    file_size: Size
    fx: float
    fy: float
    cx: float
    cy: float
    size: Size

    def __call__(self, array: np.ndarray, smooth: bool) -> np.ndarray:
        """An array [H,W] or [H,W,k] of the file as the pinhole camera sees it.

        Args:
            array: of the file, in its pixels.
            smooth: between four pixels (pictures) instead of the nearest (all that must not be mixed).
        """
        columns, rows = _places(self)
        height, width = array.shape[:2]
        if not smooth:
            nearest = np.floor(rows).clip(0, height - 1), np.floor(columns).clip(0, width - 1)
            return np.asarray(array)[nearest[0].astype(np.int64), nearest[1].astype(np.int64)]
        column, row = (columns - 0.5).clip(0, width - 1), (rows - 0.5).clip(0, height - 1)
        left, top = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
        right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
        a, b = ((v - w).reshape(*v.shape, *(1,) * (array.ndim - 2)) for v, w in ((column, left), (row, top)))
        values = array.astype(np.float32, copy=False)
        upper = values[top, left] * (1 - a) + values[top, right] * a
        lower = values[below, left] * (1 - a) + values[below, right] * a
        return np.rint(upper * (1 - b) + lower * b).astype(array.dtype)


def pinhole_view(lens: Lens, file_size: Size, size: Size, where: str) -> PinholeView:
    """A pinhole camera of a given size that sees as much as it can of a lens' picture, and nothing beyond.

    Its focal lengths and principal point are the lens', scaled with the sizes, and zoomed about the latter.

    Args:
        lens: of the file.
        file_size: width and height of the file.
        size: width and height of the pinhole camera.
        where: the beginning of an error.

    Raises:
        UserError: even zoomed twofold it sees what is beyond the picture: the lens' numbers are not its own.
    """
    fitted = lens.scaled(size[0] / file_size[0], size[1] / file_size[1])

    def zoomed(zoom: float) -> PinholeView:
        return PinholeView(lens, file_size, fitted.fx * zoom, fitted.fy * zoom, fitted.cx, fitted.cy, size)

    if lens.five() == [0.0] * 5:
        return zoomed(1.0)
    low, high = _LEAST_ZOOM, _MOST_ZOOM
    if not _within(zoomed(high)):
        raise UserError(
            f"{where}: the lens {lens.model} {list(lens.numbers)} bends the middle of the picture beyond its "
            "border: correct its numbers"
        )
    if _within(zoomed(low)):
        return zoomed(low)
    for _ in range(_ROUNDS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if _within(zoomed(middle)) else (middle, high)
    return zoomed(high)


def as_pinhole(scene: Scene) -> Scene:
    """The scene as pinhole cameras of one size, the most frequent one, would have taken it.

    Every source is resampled as it is read. A scene that is so already is returned as it is.

    Raises:
        UserError: as `pinhole_view`.
    """
    cameras = scene.cameras
    sizes, counts = np.unique(np.stack([cameras.width, cameras.height], axis=1), axis=0, return_counts=True)
    if len(sizes) == 1 and cameras.distortion is None:
        return scene
    width, height = (int(v) for v in sizes[counts.argmax()])
    views: list[PinholeView | None] = []
    for i in range(len(cameras)):
        five = [0.0] * 5 if cameras.distortion is None else cameras.distortion[i].tolist()
        fx, fy, cx, cy = (float(v[i]) for v in (cameras.fx, cameras.fy, cameras.cx, cameras.cy))
        lens = Lens("FULL_OPENCV", fx, fy, cx, cy, (*five, 0.0, 0.0, 0.0))
        size = int(cameras.width[i]), int(cameras.height[i])
        same = not any(five) and size == (width, height)
        views.append(None if same else pinhole_view(lens, size, (width, height), f"{scene.path}: frame {i}"))
    return resampled(scene, views)


def resampled(scene: Scene, views: list[PinholeView | None]) -> Scene:
    """A scene whose frames are read through these views, None where a frame stays as it is.

    Args:
        scene: with cameras of the files' sizes; distortion of frames with a view is no longer asked.
        views: one a frame.
    """
    cameras = scene.cameras
    columns = {name: getattr(cameras, name).copy() for name in ("fx", "fy", "cx", "cy", "width", "height")}
    distortion = None if cameras.distortion is None else cameras.distortion.copy()
    for i, view in enumerate(views):
        if view is not None:
            values = (view.fx, view.fy, view.cx, view.cy, *view.size)
            for name, value in zip(columns, values):
                columns[name][i] = value
            if distortion is not None:
                distortion[i] = 0.0
    files = {source: listed.through(views) for source, listed in scene.files.items()}
    tracks = None if scene.tracks is None else _tracks_through(scene.tracks, views)
    return scene.seen_by(replace(cameras, **columns, distortion=distortion), files, tracks)


def _tracks_through(tracks: Tracks, views: list[PinholeView | None]) -> Tracks:
    """Tracks in the pixels of views, where there are any."""
    pixel = tracks.pixel.copy()
    for i, view in enumerate(views):
        if view is not None:
            own = tracks.frame == i
            x, y = view.lens.plane(*pixel[own].T)
            pixel[own] = np.stack([x * view.fx + view.cx, y * view.fy + view.cy], axis=1)
    return Tracks(tracks.frame, tracks.point, pixel).finite()


def _within(view: PinholeView) -> bool:
    """Whether all that a view sees lies in the picture, where the lens model does not fold back."""
    width, height = view.size
    across = np.append(np.linspace(0.0, width, _BORDER), np.clip(view.cx, 0.0, width))
    down = np.append(np.linspace(0.0, height, _BORDER), np.clip(view.cy, 0.0, height))
    ends = np.zeros(_BORDER + 1), np.ones(_BORDER + 1)
    u = np.concatenate([across, across, ends[0], ends[1] * width])
    v = np.concatenate([ends[0], ends[1] * height, down, down])
    share = np.linspace(0.0, 1.0, _ALONG + 1)[1:, None]
    x, y = share * (u - view.cx) / view.fx, share * (v - view.cy) / view.fy
    lens = view.lens
    columns, rows = lens.pixels(x, y)
    inside = (columns >= 0) & (rows >= 0) & (columns <= view.file_size[0]) & (rows <= view.file_size[1])
    outwards = np.hypot((columns - lens.cx) / lens.fx, (rows - lens.cy) / lens.fy)
    return bool(inside.all() and (np.diff(outwards, axis=0) > 0).all())


@lru_cache(maxsize=2)
def _places(view: PinholeView) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows of the file [h,w] float32 that the pixels of a view show."""
    width, height = view.size
    x, y = np.meshgrid(
        (np.arange(width) + 0.5 - view.cx) / view.fx, (np.arange(height) + 0.5 - view.cy) / view.fy
    )
    columns, rows = view.lens.pixels(x, y)
    return columns.astype(np.float32), rows.astype(np.float32)
