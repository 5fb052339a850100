"""What was recorded at nearly the same time, by sensors with clocks of their own."""

from __future__ import annotations

import numpy as np


def nearest_in_time(times: np.ndarray, others: np.ndarray, within: float) -> np.ndarray:
    """For each time [n] the index of the nearest of the others [m]; -1 where none is near. int64 [n].

    Args:
        times, others: seconds, in any order.
        within: seconds, the most that they may be apart.
    """
    if not len(others):
        return np.full(len(times), -1)
    order = np.argsort(others, kind="stable")
    after = np.searchsorted(others[order], times).clip(0, len(others) - 1)
    before = np.maximum(after - 1, 0)
    closer = np.abs(others[order][before] - times) <= np.abs(others[order][after] - times)
    nearest = order[np.where(closer, before, after)]
    return np.where(np.abs(others[nearest] - times) <= within, nearest, -1)
