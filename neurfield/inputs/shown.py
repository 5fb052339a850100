"""What is shown around the mesh of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.scenes import Cameras


@dataclass(frozen=True)
class Shown:
    """What is shown around the mesh of a run.

    Attributes:
        box: [2, 3] minimum and maximum, world.
        looks: "inside" a box that is looked into from outside, or "outside".
        cameras: those of the scene, if there are any.
        up: [3] in the world; None: as the cameras tell it.
    """

    box: np.ndarray
    looks: str
    cameras: Cameras | None = None
    up: np.ndarray | None = None
