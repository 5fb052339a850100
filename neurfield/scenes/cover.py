"""Frames chosen by what they cover, where there are more than can be looked at.

What a camera sees is known from its pose alone: the cells of a box that are in its picture, each from the
side that the camera is on, and each as large as it is in the picture. Frames are taken one by one, the one
first that shows most of what few others have shown (greedy multiple cover). So the same thing is not looked
at a hundred times where somebody stood still, and what only few frames show keeps them.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from neurfield.scenes.box import box_in_view, box_of_room, cameras_kind
from neurfield.scenes.cameras import Cameras

_CELLS = 20  # along the box's longest side
_SIDES = 8  # octants from which a cell is seen
_AROUND = 0.5  # of the cameras' largest extent, by which their box is wider where nothing else is known


@dataclass(frozen=True)
class _Shown:
    """What one frame shows.

    Attributes:
        parts: int64 [k], cells and the sides they are seen from.
        shares: [k], how much of the picture each takes; 1 in all.
        worth: [k], the part of what a frame shows at best that this one shows of each: 1 from nearest.
    """

    parts: np.ndarray
    shares: np.ndarray
    worth: np.ndarray

    def news(self, times: np.ndarray) -> float:
        """How much of it is new, 0..1, where others showed each part so many times; from afar counts less."""
        return float((self.shares / (1.0 + times[self.parts])).sum())


def covering_frames(cameras: Cameras, box: np.ndarray, most: int, least_news: float = 0.0) -> np.ndarray:
    """Up to `most` frames that cover best what all frames show: indices, int64, in order.

    The same cameras and box give the same frames. What hides what is not known.

    Args:
        cameras: n pinhole cameras.
        box: [2,3] minimum and maximum, world, around what is seen.
        most: frames.
        least_news: 0..1; no frame is added whose pixels are shown by 1 / least_news - 1 others already.
    """
    shown = _shown(cameras, box)
    times = np.zeros(max((int(s.parts.max(initial=-1)) for s in shown), default=-1) + 1)
    # What a frame adds only falls as others are taken: the first whose value is of now is the best of all.
    waiting = [(-one.news(times), i, 0) for i, one in enumerate(shown)]
    heapq.heapify(waiting)
    chosen: list[int] = []
    while waiting and len(chosen) < most:
        news, i, known = heapq.heappop(waiting)
        if known < len(chosen):
            heapq.heappush(waiting, (-shown[i].news(times), i, len(chosen)))
        elif chosen and -news < least_news:
            break
        else:
            chosen.append(i)
            times[shown[i].parts] += shown[i].worth
    return np.sort(np.array(chosen, dtype=np.int64))


def box_of_cameras(cameras: Cameras, points: np.ndarray | None = None) -> np.ndarray:
    """A box [2,3], world, about around what n cameras look at, in any unit, without a look at their pictures.

    Args:
        cameras: of a room or around an object.
        points: [k,3] on the surface, world, or None.
    """
    if cameras_kind(cameras) == "outside":
        return box_in_view(cameras, fraction=1.0)
    if points is not None and len(points):
        return box_of_room(cameras, points)
    low, high = cameras.centers.min(axis=0), cameras.centers.max(axis=0)
    around = max(_AROUND * float((high - low).max()), 1e-6)
    return np.stack([low - around, high + around])


def _shown(cameras: Cameras, box: np.ndarray) -> list[_Shown]:
    size = box[1] - box[0]
    edge = float(size.max()) / _CELLS
    counts = np.maximum(np.round(size / edge), 1).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in counts), indexing="ij"), axis=-1).reshape(-1, 3)
    middles = box[0] + grid / counts * size
    nearest = np.full(_SIDES * len(middles), np.inf)  # squared distance from which a part is seen
    seen = []
    for i in range(len(cameras)):
        away = middles - cameras.centers[i]
        # A cell around the camera fills the picture, and says nothing of where it looks.
        cells = np.flatnonzero(cameras.in_view(i, middles) & (np.abs(away).max(axis=1) > 0.5 * edge))
        away = away[cells]
        parts = _SIDES * cells + (away > 0) @ np.array([1, 2, 4])
        squares = np.square(away).sum(axis=1)
        nearest[parts] = np.minimum(nearest[parts], squares)
        seen.append((parts, squares))
    return [
        _Shown(parts, (1.0 / squares) / max(float((1.0 / squares).sum()), 1e-300), nearest[parts] / squares)
        for parts, squares in seen
    ]
