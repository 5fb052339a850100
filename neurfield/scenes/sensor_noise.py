"""By how much sensed depth errs."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from torch import Tensor

Depth = TypeVar("Depth", np.ndarray, Tensor)


def sensor_sigma(depth: Depth) -> Depth:
    """Standard deviation of a depth camera's noise at z-depth, metres: 0.0012 + 0.0019 (z - 0.4)^2.

    Source: the axial noise of the Kinect at small angles, Nguyen, Izadi and Lovell, 3DIMPVT 2012, equation 1.
    """
    return 0.0012 + 0.0019 * (depth - 0.4) ** 2
