"""The pictures that show each point best: a few of them, with what they show."""

from __future__ import annotations

import numpy as np

from neurfield.textures.view import Look

KEPT = 8  # looks at each point
_MANY = 1 << 24  # points: above, half as many looks, whose 9 bytes each would fill a laptop's memory
_PAIRED = 4  # looks at a point that are compared to find exposure
_DARK, _BRIGHT = 0.04, 0.96  # colours beyond say nothing of exposure
_LEAST = 30  # points that two pictures share before they are compared
_PULL = 0.02  # of the pairs' points: towards no gain, where pictures hardly touch
_PAIRS_OF = 400_000  # points at most that exposure is measured on
_LARGEST_GAIN = 0.7  # natural logarithm


class BestLooks:
    """Of each of t points the k best looks, as far as there are any.

    k is `KEPT`, and half of that where points are many (an 8k texture).

    Attributes:
        weight: float32 [t, k], 0 = none.
        rgb: uint8 [t, k, 3].
        picture: int16 [t, k].
    """

    def __init__(self, count: int) -> None:
        kept = KEPT if count <= _MANY else KEPT // 2
        self.weight = np.zeros((count, kept), dtype=np.float32)
        self.rgb = np.zeros((count, kept, 3), dtype=np.uint8)
        self.picture = np.zeros((count, kept), dtype=np.int16)

    def add(self, picture: int, look: Look) -> None:
        """What another picture shows, each point of it once."""
        held = self.weight[look.rows]
        worst = held.argmin(axis=1)
        better = look.weight > np.take_along_axis(held, worst[:, None], axis=1)[:, 0]
        rows, worst = look.rows[better], worst[better]
        self.weight[rows, worst] = look.weight[better]
        self.rgb[rows, worst] = (look.rgb[better] * 255.0 + 0.5).astype(np.uint8)
        self.picture[rows, worst] = picture

    def log_gains(self, pictures: int) -> np.ndarray:
        """By how much pictures are brighter than others, log [pictures, 3], zero in the mean.

        From points that two of them show: least squares of the medians of each pair's log ratios, which
        things that only one of them shows do not move.

        Args:
            pictures: how many there are.
        """
        gains = np.zeros((pictures, 3))
        some = np.flatnonzero((self.weight[:, :_PAIRED] > 0).sum(axis=1) > 1)
        some = some[:: max(1, len(some) // _PAIRS_OF)]
        if not len(some):
            return gains
        pairs, ratios = [], []
        logs = np.log(np.maximum(self.rgb[some].astype(np.float32) / 255.0, 1e-3))
        for a in range(_PAIRED):
            for b in range(a):
                use = (self.weight[some, a] > 0) & (self.weight[some, b] > 0)
                colors = self.rgb[some][use][:, [a, b]] / 255.0
                use[use] = ((colors > _DARK) & (colors < _BRIGHT)).all(axis=(1, 2))
                first, second = (self.picture[some[use], k].astype(np.int64) for k in (a, b))
                ratio = logs[use, a] - logs[use, b]
                flip = first > second
                pairs.append(np.where(flip, second * pictures + first, first * pictures + second))
                ratios.append(np.where(flip[:, None], -ratio, ratio))
        pair, ratio = np.concatenate(pairs), np.concatenate(ratios)
        order = np.argsort(pair, kind="stable")
        pair, ratio = pair[order], ratio[order]
        known, start, count = np.unique(pair, return_index=True, return_counts=True)
        enough = count >= _LEAST
        known, start, count = known[enough], start[enough], count[enough]
        if not len(known):
            return gains
        middle = np.stack([np.median(ratio[s : s + c], axis=0) for s, c in zip(start, count)])
        one, other, weight = known // pictures, known % pictures, np.sqrt(count.astype(np.float64))
        system = np.zeros((pictures, pictures))
        right = np.zeros((pictures, 3))
        for rows, columns, sign in ((one, one, 1), (other, other, 1), (one, other, -1), (other, one, -1)):
            np.add.at(system, (rows, columns), sign * weight)
        np.add.at(right, one, weight[:, None] * middle)
        np.add.at(right, other, -weight[:, None] * middle)
        system += _PULL * weight.mean() * np.eye(pictures)
        solved = np.linalg.solve(system, right)
        return np.clip(solved - solved.mean(axis=0), -_LARGEST_GAIN, _LARGEST_GAIN)

    def blended(
        self, log_gains: np.ndarray, sharpness: float, unlike: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Colours float32 [t, 3] in 0..1 and the weights [t] of the best looks, 0 where there is none.

        Args:
            log_gains: of the pictures [n, 3]: what is taken off.
            sharpness: power of the weights: the higher, the more the best look counts.
            unlike: difference from the middle colour at which a look counts e^-1 as much.
        """
        count = len(self.weight)
        rgb, best = np.zeros((count, 3), dtype=np.float32), self.weight.max(axis=1)
        factors = np.exp(-log_gains).astype(np.float32)
        for start in range(0, count, 1 << 20):
            rows = slice(start, start + (1 << 20))
            colors = self.rgb[rows].astype(np.float32) / 255.0 * factors[self.picture[rows]]
            weight = (self.weight[rows] / np.maximum(best[rows, None], 1e-12)) ** sharpness
            middle = _middle(colors, weight)
            weight = weight * np.exp(-((np.abs(colors - middle[:, None]).max(axis=2) / unlike) ** 2))
            total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
            rgb[rows] = (weight[..., None] * colors).sum(axis=1) / total
        return np.clip(rgb, 0.0, 1.0), best


def _middle(colors: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted medians [n, 3] of colours [n, k, 3]; one of the colours of each channel."""
    order = np.argsort(colors, axis=1)
    along = np.cumsum(np.take_along_axis(weight[..., None].repeat(3, axis=2), order, axis=1), axis=1)
    half = (along >= 0.5 * along[:, -1:]).argmax(axis=1)[:, None]
    return np.take_along_axis(np.take_along_axis(colors, order, axis=1), half, axis=1)[:, 0]
