"""Numbers of the objects that a field tells apart, against the scene's true instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurfield.errors import UserError
from neurfield.evaluation import evaluate_object
from neurfield.inputs.outcome import Outcome
from neurfield.scenes.instances import FILE, instance_truth

if TYPE_CHECKING:
    from neurfield.inputs.scene.opened import OpenedScene


def measure_objects(opened: OpenedScene, outcome: Outcome) -> None:
    """Numbers of each object and their means into the outcome's "objects".

    Objects that no camera sees in truth, or that are not there in truth, do not count; those without a
    surface count as 0.

    Raises:
        UserError: the field tells no objects apart, or nothing tells which part of the truth is whose.
    """
    truth = instance_truth(opened.scene)
    if not truth:
        raise UserError(
            f"{opened.scene.path}: nothing tells which part of the true surface is which object "
            f"({FILE} beside the true mesh): leave out --objects"
        )
    found = opened.surface().objects(color="none")
    outcome.metrics.pop("objects", None)
    each = {}
    for one in found:
        if one.id in truth:
            numbers = evaluate_object(one.mesh, truth[one.id], opened.scene.cameras)
            if numbers is not None:
                each[one.label] = numbers
    if not each:
        raise UserError(f"{opened.folder}: none of its objects is among the scene's true ones")
    keys = next(iter(each.values()))
    outcome.metrics["objects"] = {
        **{key: float(np.mean([numbers[key] for numbers in each.values()])) for key in keys},
        "count": len(each), "without_a_surface": sum(one.mesh is None for one in found), "each": each,
    }  # fmt: skip
