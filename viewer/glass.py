"""What is seen through: parts of a surface that let light through, and how Open3D draws them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from neurfield.viewer.layers import Triangles

_STEPS = 16  # of opacity that are told apart: each is a material of its own
# Of Open3D's materials the lit one alone is drawn as glass, in the light that its scenes come with. Light of
# ours is worked out before: so all normals look where that light is as bright from behind as from before, and
# its strength and tint are taken out. What is left of its own is a thirtieth, by where the eye is.
_EVEN = np.array([0.9487, 0.3162, 0.0], np.float32)
_STRENGTH, _TINT = 53300.0, np.array([1.047, 1.0, 0.984])


def parted(triangles: Triangles) -> tuple[Triangles | None, Triangles | None]:
    """A surface's triangles that hide what is behind them, and those that do not; None where there are none.

    What lets everything through is left out.
    """
    if triangles.opacity is None:
        return triangles, None
    steps = face_steps(triangles)
    whole, glass = (_only(triangles, chosen) for chosen in (steps == _STEPS, (steps > 0) & (steps < _STEPS)))
    return None if whole is None else replace(whole, opacity=None), glass


def by_opacity(triangles: Triangles) -> list[tuple[float, Triangles]]:
    """A surface in parts of one opacity each."""
    if triangles.opacity is None:
        return [(1.0, triangles)]
    steps = face_steps(triangles)
    parts = [(opacity_of_step(step), _only(triangles, steps == step)) for step in np.unique(steps[steps > 0])]
    return [(opacity, part) for opacity, part in parts if part is not None]


def face_steps(triangles: Triangles) -> np.ndarray:
    """How opaque faces are, int32 [f], in steps up to that of what nothing is seen through."""
    if triangles.opacity is None:
        return np.full(len(triangles.faces), _STEPS, np.int32)
    mean = triangles.opacity[triangles.faces].mean(axis=1)
    # What lets a little through is neither gone nor whole.
    steps = np.clip(np.rint(_STEPS * mean), 1, _STEPS - 1)
    return np.where(mean > 0.997, _STEPS, np.where(mean < 0.003, 0, steps)).astype(np.int32)


def opacity_of_step(step: int) -> float:
    """The share of light that is held back, of a step of `face_steps`."""
    return float(step / _STEPS)


def glass_material(rendering: Any, opacity: float) -> Any:
    """Open3D's material of what is seen through; vertices want `glass_normals`, and the scene `shine_at`."""
    material = rendering.MaterialRecord()
    material.shader = "defaultLitTransparency"
    material.base_color = [*(_TINT / opacity), opacity]  # colours are multiplied by it once too often
    material.base_metallic, material.base_roughness, material.base_reflectance = 0.0, 1.0, 0.0
    return material


def glass_normals(count: int) -> np.ndarray:
    """Normals float32 [count, 3] of vertices that are seen through."""
    return np.tile(_EVEN, (count, 1))


def shine_at(scene: Any) -> None:
    """Light the glass of an `Open3DScene`; what else we draw there takes no light."""
    scene.scene.enable_sun_light(False)
    scene.scene.enable_indirect_light(True)
    scene.scene.set_indirect_light_intensity(_STRENGTH)


def _only(triangles: Triangles, chosen: np.ndarray) -> Triangles | None:
    """The chosen faces, bool [f], with the vertices that they use; None: there are none."""
    if not chosen.any():
        return None
    used, corners = np.unique(triangles.faces[chosen], return_inverse=True)
    return replace(
        triangles,
        vertices=triangles.vertices[used],
        faces=np.ascontiguousarray(corners.reshape(-1, 3), np.int32),
        normals=triangles.normals[used],
        colors=None if triangles.colors is None else triangles.colors[used],
        opacity=None if triangles.opacity is None else triangles.opacity[used],
    )
