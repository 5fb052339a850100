"""Exposure: one factor a picture that makes the grey of the same surface the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.stereo_pictures import StereoPictures
from neurfield.stereo.geometry import places

FEWEST = 60  # points that tie two pictures
STEADY = 0.025  # deviation of logarithms below which the exposure was fixed
_DARK, _BRIGHT = 12.0, 245.0  # grey levels that say nothing of exposure
_ROUNDS, _HUBER = 8, 0.05


@dataclass(frozen=True)
class Exposure:
    """What was found about the exposure of n pictures.

    Attributes:
        gain: float32 [n], grey * gain can be compared; None where exposure is fixed.
        left: by how much (as a logarithm) the same points still differ between pictures, at the median.
        untied: how many pictures share too few points with others to say; their gain is 1.
    """

    gain: Tensor | None
    left: float
    untied: int

    def words(self) -> str | None:
        """One line for people; None where nothing is worth a word."""
        if self.gain is None:
            return None
        least, most = float(self.gain.min()), float(self.gain.max())
        more = f"; {self.untied} pictures could not be tied to others" if self.untied else ""
        return f"exposure changes between pictures: greys are multiplied by {least:.2f} to {most:.2f}{more}"


def exposure(
    pictures: StereoPictures, references: np.ndarray, sources: np.ndarray, points: list[Tensor]
) -> Exposure:
    """Gains by which points that several pictures show have one grey: robust least squares of logarithms.

    Args:
        pictures: small ones will do.
        references: int64 [R].
        sources: int64 [R, S] of each reference, -1 for none.
        points: for each reference points [k, 3] float64 that it sees, world.
    """
    smooth = torch.nn.functional.avg_pool2d(
        pictures.grey[:, None].float(), 3, stride=1, padding=1, count_include_pad=False
    )[:, 0]
    pairs = []
    for r, row, seen in zip(references.tolist(), sources.tolist(), points):
        if len(seen) < FEWEST:
            continue
        mine = _greys(pictures, smooth, r, seen)
        for s in row:
            if s < 0:
                continue
            theirs = _greys(pictures, smooth, s, seen)
            valid = (mine > _DARK) & (mine < _BRIGHT) & (theirs > _DARK) & (theirs < _BRIGHT)
            if int(valid.sum()) >= FEWEST:
                change = (theirs[valid] / mine[valid]).log()
                # Ties of bright gloss or of what is hidden there disagree among themselves, and count less.
                spread = float((change - change.median()).abs().median())
                pairs.append((r, s, float(change.median()), 1.0 / (spread + 0.02)))
    gain, left, tied = _solved(len(pictures), pairs)
    if not pairs or float(np.std(gain[tied])) < STEADY:
        return Exposure(None, left, int((~tied).sum()))
    return Exposure(torch.from_numpy(np.exp(gain).astype(np.float32)), left, int((~tied).sum()))


def _greys(pictures: StereoPictures, smooth: Tensor, i: int, points: Tensor) -> Tensor:
    """Grey [k] where points fall on picture i, 0 outside."""
    column, row, _ = places(pictures, i, points)
    grey = smooth[i][row.clamp_min(0), column.clamp_min(0)]
    return torch.where(column >= 0, grey, torch.zeros_like(grey))


def _solved(n: int, pairs: list[tuple[int, int, float, float]]) -> tuple[np.ndarray, float, np.ndarray]:
    """Log gains [n] of zero mean, the median of what is left, and which pictures are tied, bool [n]."""
    tied = np.zeros(n, bool)
    if not pairs:
        return np.zeros(n), 0.0, tied
    r, s = (np.array([pair[k] for pair in pairs]) for k in (0, 1))
    change, weight = (np.array([pair[k] for pair in pairs]) for k in (2, 3))
    tied[r] = tied[s] = True
    gain: np.ndarray = np.zeros(n)
    huber: np.ndarray = np.ones(len(pairs))
    for _ in range(_ROUNDS):
        # gain[s] + change = gain[r]: what the source shows times its gain is what the reference shows.
        system, right = np.eye(n) * 1e-3, np.zeros(n)
        w = weight * huber
        np.add.at(system, (s, s), w)
        np.add.at(system, (r, r), w)
        np.add.at(system, (r, s), -w)
        np.add.at(system, (s, r), -w)
        np.add.at(right, s, -w * change)
        np.add.at(right, r, w * change)
        gain = np.linalg.solve(system, right)
        left = np.abs(gain[s] + change - gain[r])
        huber = _HUBER / np.maximum(left, _HUBER)
    gain[tied] -= gain[tied].mean()
    gain[~tied] = 0.0
    return gain, float(np.median(left)), tied
