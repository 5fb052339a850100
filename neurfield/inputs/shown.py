"""What is shown around the mesh of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurfield.scenes import Cameras, Scene
from neurfield.surface_file import Surface


@dataclass(frozen=True)
class Shown:
    """What is shown around the mesh of a run.

    Attributes:
        box: [2, 3] minimum and maximum, world.
        looks: "inside" a box that is looked into from outside, or "outside".
        cameras: those of the scene, if there are any.
        up: [3] in the world; None: as the cameras tell it.
        scene: whose cameras they are, with their pictures, if there is one.
        truth: reads the surface that the fit was of, triangles or points, world; None: it has none.
        unit: of lengths in the world, "m" for metres; "" where nothing tells it.
        contours: reads lines [k, 2, 3] that the fit was of, world; None: it was of none.
    """

    box: np.ndarray
    looks: str
    cameras: Cameras | None = None
    up: np.ndarray | None = None
    scene: Scene | None = None
    truth: Callable[[], Surface | None] | None = None
    unit: str = ""
    contours: Callable[[], np.ndarray] | None = None
