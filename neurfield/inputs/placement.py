"""Whether a mesh and a truth can be of one world: numbers of two that are not say nothing."""

from __future__ import annotations

import numpy as np

from neurfield.surface_file import Surface

_OTHER_UNIT = 20.0  # so many times as large is no larger scan of the same place, mostly
_STEP_SHOWS = 0.5e-3  # of the truth's longest side: 3 mm in a room


def placement_troubles(mesh: Surface, truth: Surface) -> list[str]:
    """What lets one doubt that the truth is in the mesh's frame and unit, in a line each; nothing is aligned.

    Args:
        mesh: what is measured.
        truth: what it is measured against.
    """
    vertices = np.asarray(truth.vertices, np.float64)
    (low, high), (low_true, high_true) = _box(np.asarray(mesh.vertices)), _box(vertices)
    size, size_true = float(np.linalg.norm(high - low)), float(np.linalg.norm(high_true - low_true))
    troubles = []
    ratio = size_true / size if size > 0.0 else 1.0
    if ratio > _OTHER_UNIT or ratio < 1.0 / _OTHER_UNIT:
        words = f"{ratio:.3g} times as long as" if ratio > 1.0 else f"{1.0 / ratio:.3g} times shorter than"
        troubles.append(f"the truth is {words} the mesh: is it in the scene's unit?")
    elif (low > high_true).any() or (low_true > high).any():
        troubles.append(
            f"mesh and truth lie apart, around {_at(low, high)} and {_at(low_true, high_true)}: is the truth "
            "in the scene's frame? Nothing is aligned"
        )
    step = float(np.spacing(np.float32(np.abs(vertices).max())))
    single = (vertices.astype(np.float32) == vertices).all()
    if single and step > _STEP_SHOWS * float((high_true - low_true).max()):
        troubles.append(
            f"the truth's coordinates are single precision far from zero, {step:.2g} apart: save it in "
            "double precision, or distances say no more than that"
        )
    return troubles


def _box(vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return vertices.min(axis=0), vertices.max(axis=0)


def _at(low: np.ndarray, high: np.ndarray) -> str:
    return "[" + ", ".join(f"{v:.1f}" for v in 0.5 * (low + high)) + "]"
