"""Where the tiles of a picture lie, so that a network sees all of it, and how their maps become one.

Each tile has a scale and a shift of its own (depth), or is turned a little (normals, because a network takes
the middle of a tile for the middle of a picture). Both are found where neighbours overlap, from the middle
tile outwards, and what is left is blended smoothly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

_OVERLAP = 0.5  # of a tile, at least, with the next
_ROUNDS = 20  # of re-weighting
_PAIRS = 2000  # of values, whose slopes say where re-weighting begins
_LEAST = 1e-4  # of the wanted values' spread; residuals below it count alike
_SAME_SCALE = 1e-5  # of a tile's variance: what a plain overlap's must be to tell a scale
_SAME_AXES = 0.01  # of the overlap's normals: as many that say that a tile is not turned


@dataclass(frozen=True)
class Strip:
    """Tiles of one size side by side, or one above the other.

    Attributes:
        size: rows and columns of the whole.
        tile: rows and columns of a tile.
        starts: of the tiles along `axis`, in rising order.
        axis: 0 where tiles lie one above the other, 1 where side by side.
    """

    size: tuple[int, int]
    tile: tuple[int, int]
    starts: tuple[int, ...]
    axis: int

    def window(self, k: int) -> tuple[slice, slice]:
        """Rows and columns of tile k."""
        along = slice(self.starts[k], self.starts[k] + self.tile[self.axis])
        return (along, slice(0, self.tile[1])) if self.axis == 0 else (slice(0, self.tile[0]), along)


def strip_of(size: tuple[int, int], tile: tuple[int, int]) -> Strip:
    """The fewest tiles that overlap by half and cover a picture that one of its sides shares with them."""
    axis = 0 if size[0] > tile[0] else 1
    room = size[axis] - tile[axis]
    count = 1 + int(np.ceil(room / ((1.0 - _OVERLAP) * tile[axis]))) if room > 0 else 1
    starts = tuple(int(start) for start in np.rint(np.linspace(0, max(room, 0), count)))
    return Strip(size, tile, starts, axis)


def merge_depth(strip: Strip, maps: list[np.ndarray], shifted: bool) -> tuple[np.ndarray, float]:
    """One map of the depth of tiles.

    Args:
        strip: where they lie.
        maps: depth [tile rows, tile columns] of each.
        shifted: whether each has a shift of its own, too, not only a scale.

    Returns:
        [rows, columns], and by how much neighbours still differ: the median over all overlaps, as a share of
        the spread of depth there; 0 for one tile.
    """
    scaled: dict[int, np.ndarray] = {}
    apart = []
    for k, neighbour in _outwards(len(maps)):
        if neighbour is None:
            scaled[k] = maps[k].astype(np.float64)
            continue
        own, other = _overlap(strip, k, neighbour)
        scale, shift = scale_and_shift(maps[k][own], scaled[neighbour][other], shifted)
        scaled[k] = scale * maps[k].astype(np.float64) + shift
        spread = float(np.ptp(np.percentile(scaled[neighbour][other], [5.0, 95.0])))
        if spread > 0:
            apart.append(float(np.median(np.abs(scaled[k][own] - scaled[neighbour][other]))) / spread)
    return _blend(strip, [scaled[k] for k in range(len(maps))]), float(np.median(apart)) if apart else 0.0


def merge_normals(strip: Strip, maps: list[np.ndarray], turned: bool) -> tuple[np.ndarray, float]:
    """One map of the normals of tiles.

    Args:
        strip: where they lie.
        maps: normals [tile rows, tile columns, 3] of each.
        turned: whether each is turned to its neighbour; not where the network knows where a tile lies.

    Returns:
        Unit [rows, columns, 3], and by how much neighbours still differ: the median angle, degrees.
    """
    turns: dict[int, np.ndarray] = {}
    for k, neighbour in _outwards(len(maps)):
        if neighbour is None or not turned:
            turns[k] = np.eye(3)
            continue
        own, other = _overlap(strip, k, neighbour)
        turns[k] = rotation(
            maps[k][own].reshape(-1, 3), maps[neighbour][other].reshape(-1, 3) @ turns[neighbour].T
        )
    if len(maps) % 2 == 0:  # no tile is in the middle: the two around it are turned alike
        middles = [len(maps) // 2 - 1, len(maps) // 2]
        mean = Rotation.from_matrix(np.stack([turns[k] for k in middles])).mean().as_matrix()
        turns = {k: mean.T @ turn for k, turn in turns.items()}
    aligned = [normal.astype(np.float64) @ turns[k].T for k, normal in enumerate(maps)]
    apart = []
    for k, neighbour in _outwards(len(maps)):
        if neighbour is not None:
            own, other = _overlap(strip, k, neighbour)
            cosine = np.einsum("ijk,ijk->ij", aligned[k][own], aligned[neighbour][other])
            apart.append(float(np.degrees(np.median(np.arccos(np.clip(cosine, -1.0, 1.0))))))
    merged = _blend(strip, aligned)
    merged /= np.maximum(np.linalg.norm(merged, axis=2, keepdims=True), 1e-9)
    return merged, float(np.median(apart)) if apart else 0.0


def scale_and_shift(part: np.ndarray, wanted: np.ndarray, shifted: bool = True) -> tuple[float, float]:
    """The positive scale, and the shift, that carry most of some values to others, whatever the rest is.

    Where values hardly vary, the scale is 1.
    """
    a, b = part.ravel().astype(np.float64), wanted.ravel().astype(np.float64)
    if not shifted:
        return float(np.exp(np.median(np.log(np.maximum(b, 1e-9)) - np.log(np.maximum(a, 1e-9))))), 0.0
    scale = _median_slope(a, b)
    residual = np.abs(scale * a - b - np.median(scale * a - b))
    least = _LEAST * max(float(b.std()), 1e-9)
    for _ in range(_ROUNDS):
        # Geman and McClure (1987), as wide as the residuals are.
        weight = 1.0 / (1.0 + (residual / (2.0 * np.median(residual) + least)) ** 2) ** 2
        share = weight / weight.sum()
        mean_a, mean_b = float(share @ a), float(share @ b)
        hold = _SAME_SCALE * float(a.var() + mean_a**2 + 1e-12)
        above = float(share @ ((a - mean_a) * (b - mean_b))) + hold
        scale = above / (float(share @ (a - mean_a) ** 2) + hold)
        shift = mean_b - scale * mean_a
        residual = np.abs(scale * a + shift - b)
    if scale <= 0.0:
        return 1.0, float(np.median(b - a))
    return scale, shift


def _median_slope(a: np.ndarray, b: np.ndarray) -> float:
    """The median slope between pairs of values (Theil and Sen), 1 where they hardly vary."""
    i, j = np.random.default_rng(0).integers(0, len(a), (2, _PAIRS))
    apart = a[i] - a[j]
    told = np.abs(apart) > max(1e-3 * float(np.abs(a).max()), 1e-12)
    return float(np.median((b[i] - b[j])[told] / apart[told])) if told.sum() > _PAIRS // 20 else 1.0


def rotation(part: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The rotation [3,3] that carries unit vectors [k,3] to others best; none about what they all share."""
    product = wanted.T @ part / max(len(part), 1) + _SAME_AXES * np.eye(3)
    u, _, vt = np.linalg.svd(product)
    return u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt


def _outwards(count: int) -> list[tuple[int, int | None]]:
    """All tiles from the middle one on, each with the neighbour that comes before it."""
    middle = count // 2
    below = [(k, k + 1) for k in range(middle - 1, -1, -1)]
    above = [(k, k - 1) for k in range(middle + 1, count)]
    return [(middle, None), *below, *above]


def _overlap(strip: Strip, k: int, other: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The pixels of tile k that another tile shows, and the same ones in that tile."""
    start, end = max(strip.starts[k], strip.starts[other]), min(strip.starts[k], strip.starts[other])
    end += strip.tile[strip.axis]

    def part(tile: int) -> tuple[slice, slice]:
        along = slice(start - strip.starts[tile], end - strip.starts[tile])
        return (along, slice(None)) if strip.axis == 0 else (slice(None), along)

    return part(k), part(other)


def _blend(strip: Strip, maps: list[np.ndarray]) -> np.ndarray:
    """The weighted mean of tiles, whose weights fall smoothly to nearly nothing at their ends."""
    length = strip.tile[strip.axis]
    fade = np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2 + 1e-6
    more = maps[0].ndim - strip.axis - 1
    fade = fade.reshape((-1,) + (1,) * more)
    total = np.zeros((*strip.size, *maps[0].shape[2:]))
    weight = np.zeros((*strip.size, *(1,) * (maps[0].ndim - 2)))
    for k, values in enumerate(maps):
        total[strip.window(k)] += fade * values
        weight[strip.window(k)] += fade
    return total / weight
