"""What is shown around the mesh of a run of a scene; it loads no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.inputs.shown import Shown
from neurfield.scenes import load_scene


def shown(folder: Path, facts: dict[str, Any], moved_to: str | Path | None = None) -> Shown:
    """The box, and the scene with its cameras; arguments as of `Input.shown`."""
    box = np.asarray(facts["box"], float).reshape(2, 3)
    scene = load_scene(place_of(folder, facts, moved_to))
    truth = (lambda: scene.ground_truth) if scene.ground_truth_file is not None else None
    return Shown(box, facts["cameras_look"], scene.cameras, scene.up, scene, truth, scene.unit)


def place_of(folder: Path, facts: dict[str, Any], moved_to: str | Path | None) -> str | Path:
    """Where the scene of a run lies: in its old place or in the one that is given.

    Raises:
        UserError: it is not where it was.
    """
    place = str(facts["scene"])
    if moved_to is None and not Path(place).exists():
        raise UserError(
            f"{folder}: the scene it was fitted to is no longer at {place}: "
            "say where it is now with --scene PATH"
        )
    return place if moved_to is None else moved_to
